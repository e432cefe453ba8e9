"""Step 0: danger before identity (operations.md §4, H9, H11)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain import steps
from services.intake.domain.ages import SaidAge
from services.intake.domain.refusals import OnlyADoctorLowers
from services.intake.domain.screening import Vital, screen
from shared.events.intake import RequestScreened
from tests.unit.intake.given import ALL_NO, MINUTE, TUESDAY_10, a_received_request, answered

ADULT = SaidAge(41, "years")
ANSWERS = st.sampled_from(["yes", "no", "unknown"])


@given(breathing=ANSWERS, consciousness=ANSWERS, chest=ANSWERS)
def test_any_yes_or_unknown_is_the_15(breathing: str, consciousness: str, chest: str) -> None:
    found = screen(Vital(breathing, consciousness, chest), ADULT)  # type: ignore[arg-type]  # drawn from the three answers
    assert found is not None
    assert (found.result == "clear") == ({breathing, consciousness, chest} == {"no"})
    assert found.result in ("clear", "red_flag")


@given(breathing=ANSWERS, consciousness=ANSWERS, chest=ANSWERS, months=st.integers(0, 1200))
def test_a_confirmed_not_now_never_goes_under_advice(breathing: str, consciousness: str, chest: str, months: int) -> None:
    vital = Vital(breathing, consciousness, chest, confirmed_not_now=True)  # type: ignore[arg-type]  # drawn from the three answers
    found = screen(vital, SaidAge(months, "months"))
    assert found is not None
    if "yes" in vital.answers or "unknown" in vital.answers or months < 3:
        assert found.result in ("advice", "red_flag")


@pytest.mark.parametrize(
    ("vital", "result"),
    [
        (Vital("yes", "no", "no", confirmed_not_now=True), "advice"),
        (Vital("no", "no", "yes", confirmed_not_now=True), "advice"),
        (Vital("no", "yes", "no", confirmed_not_now=True), "red_flag"),
        (Vital("yes", "no", "yes", confirmed_not_now=True), "red_flag"),
        (Vital("yes", "no", "unknown", confirmed_not_now=True), "red_flag"),
        (Vital("unknown", "no", "no", confirmed_not_now=True), "red_flag"),
    ],
)
def test_only_one_single_yes_may_be_confirmed_away(vital: Vital, result: str) -> None:
    found = screen(vital, ADULT)
    assert found is not None
    assert found.result == result


@pytest.mark.parametrize(
    "age", [SaidAge(2, "months"), SaidAge(11, "weeks"), SaidAge(80, "days"), SaidAge(None, "months"), SaidAge(0, "years")]
)
def test_a_baby_under_3_months_goes_to_the_15_before_any_question(age: SaidAge) -> None:
    found = screen(Vital(), age)
    assert found is not None
    assert (found.result, found.rule) == ("red_flag", "under_3_months")


def test_a_young_baby_who_is_not_ill_is_still_for_a_doctor() -> None:
    assert screen(Vital(baby_unwell="no"), SaidAge(2, "months")) is None
    found = screen(Vital("no", "no", "no", baby_unwell="no"), SaidAge(2, "months"))
    assert found is not None
    assert (found.result, found.rule) == ("advice", "under_3_months_not_ill")
    unsure = screen(Vital("no", "no", "no", baby_unwell="unknown"), SaidAge(2, "months"))
    assert unsure is not None
    assert unsure.result == "red_flag"


def test_a_draft_is_kept_and_decides_nothing() -> None:
    received = a_received_request()
    step = steps.answer_step0(
        received, Vital("no", None, None), age_value=41, age_unit="years", sex=None, commune=None, asked_since=TUESDAY_10, now=TUESDAY_10
    )
    assert step.events == ()
    assert (step.request.state, step.request.version, step.request.vital.breathing) == ("received", 1, "no")


def test_screening_tells_how_long_it_took_from_pick_up() -> None:
    received = a_received_request()
    step = steps.answer_step0(
        received, ALL_NO, age_value=41, age_unit="years", sex="M", commune="94034", asked_since=TUESDAY_10, now=TUESDAY_10 + MINUTE / 2
    )
    (told,) = step.events
    assert isinstance(told, RequestScreened)
    assert (told.result, told.screened_in_seconds, told.age_band, told.version) == ("clear", 30, "18-69y", 2)
    assert (step.request.state, step.request.owner) == ("screened", "desk")


def test_what_was_not_asked_is_told_as_unknown() -> None:
    step = steps.answer_step0(
        a_received_request(), Vital(), age_value=2, age_unit="months", sex=None, commune=None, asked_since=TUESDAY_10, now=TUESDAY_10
    )
    (told,) = step.events
    assert isinstance(told, RequestScreened)
    assert (told.breathing, told.rule) == ("unknown", "under_3_months")


def test_an_answer_may_get_worse_but_not_better() -> None:
    clear = answered(a_received_request(), ALL_NO)
    worse = answered(clear, Vital("no", "yes", "no"))
    assert (worse.urgency, worse.version) == ("red_flag", clear.version + 1)
    with pytest.raises(OnlyADoctorLowers):
        answered(worse, ALL_NO)


def test_the_confirming_question_is_part_of_step_0() -> None:
    danger = answered(a_received_request(), Vital("yes", "no", "no"))
    confirmed = answered(danger, Vital("yes", "no", "no", confirmed_not_now=True))
    assert confirmed.screened is not None
    assert (confirmed.screened.result, confirmed.urgency) == ("advice", None)
