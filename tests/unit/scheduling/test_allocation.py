"""Allocation: hard rules are never bought off, the same input gives the same ranking, and each place has its reason."""

from datetime import datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduling.domain import appointments
from services.scheduling.domain.allocation import (
    WHY_TEXT,
    AllocationRules,
    Candidate,
    Weights,
    broken_rule,
    rank,
    still_fits,
    why_unallocated,
)
from services.scheduling.domain.model import SUPERVISED
from services.scheduling.domain.refusals import NotFeasible, RoundNotFeasible, TooLate
from shared.events.base import AgeBand, Mode
from shared.events.intake import RequestQualified
from shared.events.scheduling import PractitionerStatus
from tests.unit.scheduling.builders import NINE, a_candidate, a_request, a_slot, an_id

RULES = AllocationRules()
HOUR = timedelta(hours=1)
EIGHT_PM = NINE + 11 * HOUR


@pytest.mark.parametrize(
    ("request_fields", "slot_fields", "fields", "rule"),
    [
        ({"see_by": EIGHT_PM}, {"starts_at": EIGHT_PM + timedelta(minutes=1)}, {}, "too_late"),
        ({"see_by": EIGHT_PM}, {"starts_at": EIGHT_PM}, {}, None),
        ({"earliest": NINE + 3 * HOUR}, {}, {}, "too_early"),
        ({}, {"starts_at": NINE + timedelta(minutes=9)}, {}, "past"),
        ({}, {"starts_at": NINE + timedelta(minutes=10)}, {}, None),
        ({"modes": ["visit"]}, {"mode": "visit", "starts_at": NINE + timedelta(minutes=39)}, {}, "past"),
        ({"modes": ["visit"]}, {"mode": "visit", "starts_at": NINE + timedelta(minutes=40)}, {}, None),
        ({"modes": ["teleconsultation"]}, {}, {}, "mode_not_asked"),
        ({"modes": ["teleconsultation"], "age_band": "3-11m"}, {"mode": "teleconsultation"}, {}, "no_video_under_one_year"),
        ({"modes": ["teleconsultation"]}, {"mode": "teleconsultation"}, {"videos_booked": 12}, "video_cap"),
        ({"modes": ["teleconsultation"]}, {"mode": "teleconsultation"}, {"videos_booked": 11}, None),
        ({}, {}, {"status": "adjoint"}, "no_supervisor"),
        ({}, {}, {"status": "docteur_junior"}, "no_supervisor"),
        ({}, {}, {"status": "adjoint", "has_supervisor": True}, None),
        ({}, {}, {"status": "collaborateur"}, None),
        ({}, {}, {"closed": True}, "closed_day"),
        ({}, {"protected": True, "starts_at": NINE + 3 * HOUR}, {}, "protected"),
        ({"urgency": "same_day"}, {"protected": True, "starts_at": NINE + 3 * HOUR}, {}, None),
        ({}, {"protected": True, "starts_at": NINE + 2 * HOUR}, {}, None),
        ({"modes": ["visit"]}, {"mode": "visit"}, {"round_feasible": False}, "round_not_feasible"),
    ],
)
def test_hard_rules(request_fields: dict[str, Any], slot_fields: dict[str, Any], fields: dict[str, Any], rule: str | None) -> None:
    candidate = a_candidate(a_slot(**slot_fields), **fields)
    assert broken_rule(a_request(**request_fields), candidate, RULES, now=NINE) == rule


def test_a_refused_slot_says_which_rule() -> None:
    with pytest.raises(TooLate):
        appointments.check(a_request(see_by=NINE), a_candidate(), RULES, now=NINE)
    with pytest.raises(RoundNotFeasible):
        appointments.check(a_request(modes=["visit"]), a_candidate(a_slot(mode="visit"), round_feasible=False), RULES, now=NINE)
    with pytest.raises(NotFeasible) as refused:
        appointments.check(a_request(), a_candidate(status="adjoint"), RULES, now=NINE)
    assert refused.value.extra["rule"] == "no_supervisor"


def test_sooner_nearer_lighter_known_first() -> None:
    def best(one: Candidate, other: Candidate, **fields: Any) -> tuple[int, str]:
        first = rank(a_request(**fields), [one, other], RULES, now=NINE)[0]
        return first.candidate.slot.practitioner_id.int & 0xFF, first.why

    later = a_slot(1, doctor=1, starts_at=NINE + 6 * HOUR)
    one, other = a_slot(1, doctor=1), a_slot(2, doctor=2)
    assert best(a_candidate(later), a_candidate(other)) == (2, "soonest")
    assert best(a_candidate(one, load=0.9), a_candidate(other, load=0.1)) == (2, "less_loaded")
    assert best(a_candidate(one, travel_minutes=40), a_candidate(other, travel_minutes=5)) == (2, "near")
    assert best(a_candidate(one), a_candidate(other), previous_practitioner_id=an_id(2)) == (2, "continuity")
    assert best(a_candidate(one), a_candidate(other, accepts_as_mt=True)) == (2, "could_be_mt")
    with_mt = rank(a_request(without_mt=False), [a_candidate(one), a_candidate(other, accepts_as_mt=True)], RULES, now=NINE)
    assert [entry.candidate.slot.practitioner_id for entry in with_mt] == [an_id(1), an_id(2)]


def test_the_preferred_mode_comes_first_even_when_it_is_later() -> None:
    video, surgery = a_slot(1, mode="teleconsultation", starts_at=NINE + 20 * HOUR), a_slot(2, doctor=2)
    ranked = rank(a_request(modes=["teleconsultation", "surgery"]), [a_candidate(surgery), a_candidate(video)], RULES, now=NINE)
    assert [entry.candidate.slot.mode for entry in ranked] == ["teleconsultation", "surgery"]


def test_a_protected_place_is_left_when_another_does() -> None:
    kept, open_ = a_slot(1, protected=True), a_slot(2, doctor=2, starts_at=NINE + timedelta(hours=1, minutes=20))
    ranked = rank(a_request(urgency="same_day", see_by=EIGHT_PM), [a_candidate(kept), a_candidate(open_)], RULES, now=NINE)
    assert [entry.candidate.slot.protected for entry in ranked] == [False, True]


def test_the_only_place_is_told_as_such() -> None:
    [only] = rank(a_request(), [a_candidate()], RULES, now=NINE)
    assert (only.rank, only.why) == (1, "only_one_in_time")


def test_a_reason_is_only_told_when_it_is_true() -> None:
    """The same slots of two doctors whom nobody knows: no continuity, no MT, no road for a video."""
    sooner, later = a_slot(1, mode="teleconsultation"), a_slot(2, mode="teleconsultation", doctor=2, starts_at=NINE + 9 * HOUR)
    surgery = a_slot(3, doctor=3, starts_at=NINE + 2 * HOUR)
    request = a_request(modes=["teleconsultation", "surgery"], without_mt=False)
    ranked = rank(request, [a_candidate(later, load=0.9), a_candidate(sooner), a_candidate(surgery, travel_minutes=30)], RULES, now=NINE)
    assert [entry.why for entry in ranked] == ["less_loaded", "preferred_mode", "next_best"]
    twins = rank(request, [a_candidate(sooner), a_candidate(a_slot(4, mode="teleconsultation", doctor=4))], RULES, now=NINE)
    assert [entry.why for entry in twins] == ["next_best", "next_best"]


@given(st.data())
def test_nobody_is_said_to_know_a_patient_he_does_not_know(data: st.DataObject) -> None:
    request = data.draw(requests())
    for entry in rank(request, data.draw(candidates()), RULES, now=NINE):
        slot = entry.candidate.slot
        assert entry.why != "continuity" or slot.practitioner_id == request.previous_practitioner_id
        assert entry.why != "could_be_mt" or (request.without_mt and entry.candidate.accepts_as_mt)
        assert entry.why != "near" or slot.mode != "teleconsultation"


def test_words_for_the_phone_are_eight_at_most() -> None:
    assert all(len(text.split()) <= 8 for text in WHY_TEXT.values())


instants: st.SearchStrategy[datetime] = st.integers(-60, 60 * 60).map(lambda minutes: NINE + timedelta(minutes=minutes))
mode_names: st.SearchStrategy[Mode] = st.sampled_from(get_args(Mode))


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    made = []
    for number in range(draw(st.integers(0, 12))):
        slot = a_slot(
            number, doctor=draw(st.integers(1, 4)), starts_at=draw(instants), mode=draw(mode_names), protected=draw(st.booleans())
        )
        statuses: st.SearchStrategy[PractitionerStatus] = st.sampled_from(get_args(PractitionerStatus))
        made.append(
            a_candidate(
                slot, status=draw(statuses), has_supervisor=draw(st.booleans()), accepts_as_mt=draw(st.booleans()),
                load=draw(st.floats(0, 1)), travel_minutes=draw(st.integers(3, 60) | st.none()), videos_booked=draw(st.integers(0, 14)),
                closed=draw(st.booleans()), round_feasible=draw(st.booleans()),
            )
        )  # fmt: skip
    return made


@st.composite
def requests(draw: st.DrawFn) -> RequestQualified:
    bands: st.SearchStrategy[AgeBand] = st.sampled_from(get_args(AgeBand))
    return a_request(
        modes=draw(st.lists(mode_names, min_size=1, max_size=3, unique=True)), see_by=draw(instants), earliest=draw(instants),
        urgency=draw(st.sampled_from(["same_day", "within_48h", "planned"])), age_band=draw(bands), without_mt=draw(st.booleans()),
        previous_practitioner_id=draw(st.sampled_from([None, an_id(1), an_id(3)])),
    )  # fmt: skip


@given(requests(), candidates())
def test_no_weight_buys_off_a_hard_rule(request: RequestQualified, offered: list[Candidate]) -> None:
    for weights in (Weights(), Weights(lateness=0, load=10, travel=10, mode=0, continuity=10, could_be_mt=10, protected=0)):
        ranked = rank(request, offered, AllocationRules(weights=weights), now=NINE)
        assert [entry.rank for entry in ranked] == list(range(1, len(ranked) + 1))
        for entry in ranked:
            slot, candidate = entry.candidate.slot, entry.candidate
            assert NINE + timedelta(minutes=10) <= slot.starts_at <= request.see_by and slot.starts_at >= request.earliest
            assert slot.mode in request.modes and not candidate.closed
            assert candidate.has_supervisor or candidate.status not in SUPERVISED
            assert slot.mode != "teleconsultation" or (candidate.videos_booked < 12 and request.age_band not in ("0-2m", "3-11m"))
            assert slot.mode != "visit" or candidate.round_feasible
            assert not slot.protected or request.urgency == "same_day" or slot.starts_at <= NINE + 2 * HOUR
            assert entry.why in WHY_TEXT


@given(requests(), candidates(), st.randoms(use_true_random=False))
def test_the_same_candidates_give_the_same_ranking_in_any_order(request: RequestQualified, offered: list[Candidate], random: Any) -> None:
    shuffled = list(offered)
    random.shuffle(shuffled)
    one, other = rank(request, offered, RULES, now=NINE), rank(request, shuffled, RULES, now=NINE)
    assert one == other
    costs = [entry.cost for entry in one]
    assert costs == sorted(costs)


def test_ties_go_by_doctor_then_by_start() -> None:
    twins = [a_candidate(a_slot(number, doctor=doctor)) for number, doctor in ((1, 3), (2, 1), (3, 2))]
    assert [entry.candidate.slot.practitioner_id for entry in rank(a_request(), twins, RULES, now=NINE)] == [an_id(1), an_id(2), an_id(3)]


def test_what_serves_a_new_qualification() -> None:
    request = a_request(modes=["surgery", "visit"], see_by=EIGHT_PM)
    assert still_fits(request, mode="visit", starts_at=EIGHT_PM)
    assert not still_fits(request, mode="visit", starts_at=EIGHT_PM + timedelta(minutes=1))
    assert not still_fits(request, mode="teleconsultation", starts_at=NINE)


def test_why_nothing_was_found() -> None:
    assert why_unallocated(pool_has_mode=False, other_modes_fit=True) == "no_practitioner"
    assert why_unallocated(pool_has_mode=True, other_modes_fit=True) == "no_mode_in_time"
    assert why_unallocated(pool_has_mode=True, other_modes_fit=False) == "no_slot_in_time"
