"""What becomes of a case at the 15 or with the duty doctor."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.regulation import domain
from services.regulation.domain import Advice, CaseFile, Handing, Person, Rota
from shared.errors import Forbidden, NotFound
from shared.events import Event
from shared.events.regulation import CaseReceived

TEN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ARM = Person(UUID(int=1), "AR")
VERNET = Person(UUID(int=2), "JV", regulator=True)
ROCHE = Person(UUID(int=3), "PR", practitioner_id=UUID(int=30))
ZIANI = Person(UUID(int=4), "SZ", practitioner_id=UUID(int=40))
ON_DUTY = Rota(practitioner_id=UUID(int=30), deputy_id=None, ends_at=TEN + 4 * 60 * MINUTE)


def a_file() -> CaseFile:
    return CaseFile("bievre", UUID(int=99))


def a_dial(at: datetime = TEN, **said: object) -> Handing:
    return replace(Handing("red_flag", at, channel="voice"), **said)  # type: ignore[arg-type]  # builder


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def at_the_15(said: Handing | None = None) -> CaseFile:
    return domain.hand_over(a_file(), "fifteen", said or a_dial(), now=TEN)[0]


def asked(said: Handing | None = None, rota: Rota | None = ON_DUTY) -> CaseFile:
    return domain.ask_duty_doctor(a_file(), said or Handing("advice", TEN, confirmed=True), rota=rota, now=TEN)[0]


def test_a_case_told_by_the_console_and_by_the_event_is_received_once() -> None:
    put = a_dial(handed_by_initials="SM", age_band="70-74y")
    told = a_dial(confirmed=True, handed_by=UUID(int=7), commune="94016")
    for first, second in ((put, told), (told, put)):
        file, events = domain.hand_over(a_file(), "fifteen", first, now=TEN)
        file, more = domain.hand_over(file, "fifteen", second, now=TEN + MINUTE)
        assert kinds(events) == ["CaseReceived"]
        assert more == []
        handing = file.cases["fifteen"].handing
        assert (handing.handed_by_initials, handing.commune, handing.age_band) == ("SM", "94016", "70-74y")
        assert file.state("fifteen") == "delivered"


def test_the_acknowledgement_is_published_once_and_a_regulator_takes_over_from_the_arm() -> None:
    file, events = domain.acknowledge(at_the_15(), ARM, now=TEN + MINUTE)
    assert kinds(events) == ["CaseAcknowledged"] and events[0].version == 2
    file, again = domain.acknowledge(file, VERNET, now=TEN + 2 * MINUTE)
    assert again == []
    case = file.cases["fifteen"]
    assert case.acknowledged is not None and case.acknowledged.initials == "AR"
    assert case.taken is not None and case.taken.initials == "JV"


def test_an_arm_cannot_decide() -> None:
    with pytest.raises(Forbidden):
        domain.decide(at_the_15(), "smur_sent", ARM, now=TEN)


def test_deciding_takes_the_case_and_another_decision_is_refused() -> None:
    file, events = domain.decide(at_the_15(), "smur_sent", VERNET, now=TEN + MINUTE)
    assert kinds(events) == ["CaseAcknowledged", "CaseDecided"]
    assert [e.version for e in events] == [2, 3]
    assert domain.decide(file, "smur_sent", VERNET, now=TEN + 2 * MINUTE) == (file, [])
    with pytest.raises(domain.AlreadyDecided):
        domain.decide(file, "returned", VERNET, now=TEN + 2 * MINUTE)


def test_a_case_nobody_handed_over_cannot_be_acknowledged() -> None:
    with pytest.raises(NotFound):
        domain.acknowledge(a_file(), ARM, now=TEN)


def test_a_dial_after_the_decision_opens_the_case_again_and_an_old_dial_told_late_does_not() -> None:
    file, _ = domain.decide(at_the_15(), "returned", VERNET, now=TEN + 5 * MINUTE)
    late, silent = domain.hand_over(file, "fifteen", a_dial(TEN, confirmed=True), now=TEN + 6 * MINUTE)
    assert (late.state("fifteen"), silent) == ("decided", [])
    again, events = domain.hand_over(late, "fifteen", a_dial(TEN + 7 * MINUTE), now=TEN + 7 * MINUTE)
    assert again.state("fifteen") == "delivered"
    assert kinds(events) == ["CaseReceived"]


def test_the_desk_ending_a_handed_over_request_does_not_take_it_from_the_15() -> None:
    file = domain.end(at_the_15(), outcome="handed_15", at=TEN + MINUTE)
    assert file.state("fifteen") == "delivered"
    file, _ = domain.decide(file, "smur_sent", VERNET, now=TEN + 2 * MINUTE)
    assert file.state("fifteen") == "closed"


def test_a_cancelled_request_leaves_nothing_to_take_and_a_dial_after_the_end_does() -> None:
    file = domain.end(at_the_15(), outcome="cancelled", at=TEN + MINUTE)
    with pytest.raises(domain.CaseClosed):
        domain.acknowledge(file, ARM, now=TEN + 2 * MINUTE)
    file, _ = domain.hand_over(file, "fifteen", a_dial(TEN + 3 * MINUTE), now=TEN + 3 * MINUTE)
    assert file.state("fifteen") == "delivered"


def test_the_voice_of_an_earlier_dial_does_not_answer_the_next_one() -> None:
    file = domain.voice_answered(at_the_15(), at=TEN + MINUTE)
    assert file.answered_by_voice("fifteen") == TEN + MINUTE
    file, _ = domain.hand_over(file, "fifteen", a_dial(TEN + 5 * MINUTE), now=TEN + 5 * MINUTE)
    assert file.answered_by_voice("fifteen") is None


def test_a_case_known_after_its_cancellation_is_closed_and_never_announced() -> None:
    file = domain.end(a_file(), outcome="cancelled", at=TEN + MINUTE)
    file, events = domain.hand_over(file, "fifteen", a_dial(), now=TEN + 2 * MINUTE)
    assert (file.state("fifteen"), events) == ("closed", [])


def test_advice_is_given_by_the_doctor_of_the_rota_the_deputy_or_a_regulator_only() -> None:
    word = Advice("advice_only")
    file = asked()
    with pytest.raises(Forbidden):
        domain.give_advice(file, word, ZIANI, ON_DUTY, now=TEN + MINUTE)
    for person, rota in ((ROCHE, ON_DUTY), (VERNET, None), (ZIANI, replace(ON_DUTY, deputy_id=ZIANI.practitioner_id))):
        given, events = domain.give_advice(file, word, person, rota, now=TEN + MINUTE)
        assert given.state("duty_doctor") == "decided"
        assert kinds(events) == ["AdviceGiven"]


def test_the_doctor_named_at_the_question_may_still_answer_after_the_rota_moved_on() -> None:
    file = asked(Handing("advice", TEN, confirmed=True, duty_doctor_id=ZIANI.practitioner_id))
    assert domain.may_advise(file, ZIANI, ON_DUTY)


def test_advice_for_an_appointment_needs_a_level_and_a_mode() -> None:
    for incomplete in (Advice("appointment"), Advice("appointment", "red_flag", ("visit",)), Advice("appointment", "same_day")):
        with pytest.raises(domain.IncompleteAdvice):
            domain.give_advice(asked(), incomplete, ROCHE, ON_DUTY, now=TEN)


def test_ten_minutes_without_a_word_show_the_case_to_the_15_and_a_word_takes_it_back() -> None:
    file, events = domain.overdue(asked(), asked_at=TEN, now=TEN + 10 * MINUTE)
    assert [(type(e), getattr(e, "inbox", None)) for e in events] == [(CaseReceived, "fifteen")]
    assert file.is_open("fifteen") and file.is_open("duty_doctor")
    file, _ = domain.give_advice(file, Advice("advice_only"), ROCHE, ON_DUTY, now=TEN + 11 * MINUTE)
    assert file.state("fifteen") == "closed"
    file, events = domain.hand_over(file, "fifteen", a_dial(TEN + 20 * MINUTE), now=TEN + 20 * MINUTE)
    assert file.state("fifteen") == "delivered" and len(events) == 1


def test_an_overdue_told_after_the_word_is_void() -> None:
    file, _ = domain.give_advice(asked(), Advice("advice_only"), ROCHE, ON_DUTY, now=TEN + 9 * MINUTE)
    file, events = domain.overdue(file, asked_at=TEN, now=TEN + 10 * MINUTE)
    assert events == [] and "fifteen" not in file.cases


def test_nobody_on_the_rota_shows_the_question_to_the_15_at_once() -> None:
    assert asked(rota=None).is_open("fifteen")
    assert not asked(rota=ON_DUTY).is_open("fifteen")


def test_a_rota_heard_of_late_takes_the_question_back_from_the_15_unless_it_is_overdue() -> None:
    found = domain.doctor_found(asked(rota=None), now=TEN)
    assert not found.is_open("fifteen") and found.is_open("duty_doctor")
    overdue, _ = domain.overdue(asked(rota=None), asked_at=TEN, now=TEN + 10 * MINUTE)
    assert domain.doctor_found(overdue, now=TEN + 10 * MINUTE).is_open("fifteen")
    again, events = domain.overdue(found, asked_at=TEN, now=TEN + 10 * MINUTE)
    assert again.is_open("fifteen") and kinds(events) == ["CaseReceived"]


def test_a_dial_that_really_happened_is_not_taken_back_by_the_doctor() -> None:
    file, _ = domain.overdue(asked(), asked_at=TEN, now=TEN + 10 * MINUTE)
    file, _ = domain.hand_over(file, "fifteen", a_dial(TEN + 11 * MINUTE), now=TEN + 11 * MINUTE)
    file, _ = domain.give_advice(file, Advice("advice_only"), ROCHE, ON_DUTY, now=TEN + 12 * MINUTE)
    assert file.state("fifteen") == "delivered"


def test_the_doctors_15_puts_the_case_in_the_regulators_inbox() -> None:
    file, events = domain.give_advice(asked(), Advice("fifteen"), ROCHE, ON_DUTY, now=TEN + MINUTE)
    assert kinds(events) == ["AdviceGiven", "CaseReceived"]
    assert file.cases["fifteen"].handing.urgency == "red_flag"


def test_a_second_question_after_the_first_word_stands_again() -> None:
    file, _ = domain.give_advice(asked(), Advice("appointment", "same_day", ("visit",)), ROCHE, ON_DUTY, now=TEN + MINUTE)
    file, events = domain.ask_duty_doctor(file, Handing("advice", TEN + 60 * MINUTE, confirmed=True), rota=ON_DUTY, now=TEN + 60 * MINUTE)
    assert file.state("duty_doctor") == "delivered" and kinds(events) == ["CaseReceived"]


def test_a_word_known_before_its_question_is_not_lost() -> None:
    file, events = domain.give_advice(a_file(), Advice("advice_only"), ROCHE, ON_DUTY, now=TEN + MINUTE)
    assert kinds(events) == ["CaseReceived", "AdviceGiven"]
    file, later = domain.ask_duty_doctor(file, Handing("advice", TEN, confirmed=True, reason="Q10"), rota=ON_DUTY, now=TEN + 2 * MINUTE)
    assert file.state("duty_doctor") == "decided" and later == []
    assert file.cases["duty_doctor"].handing.reason == "Q10"


# The facts of one request as intake's topic and the console may tell them, each a step of the file.
Step = Callable[[CaseFile], CaseFile]
FACTS: dict[str, Step] = {
    "put": lambda f: domain.hand_over(f, "fifteen", a_dial(TEN + 11 * MINUTE, handed_by_initials="SM"), now=TEN)[0],
    "handed over": lambda f: domain.hand_over(f, "fifteen", a_dial(TEN + 11 * MINUTE, confirmed=True, commune="94016"), now=TEN)[0],
    "dialled again": lambda f: domain.hand_over(f, "fifteen", a_dial(TEN + 13 * MINUTE, confirmed=True, sex="F"), now=TEN)[0],
    "asked": lambda f: domain.ask_duty_doctor(f, Handing("advice", TEN, confirmed=True, reason="Q10"), rota=ON_DUTY, now=TEN)[0],
    "overdue": lambda f: domain.overdue(f, asked_at=TEN, now=TEN)[0],
    "voice": lambda f: domain.voice_answered(f, at=TEN + 12 * MINUTE),
    "voice again": lambda f: domain.voice_answered(f, at=TEN + 14 * MINUTE),
    "closed": lambda f: domain.end(f, outcome="handed_15", at=TEN + 14 * MINUTE),
    "cancelled": lambda f: domain.end(f, outcome="cancelled", at=TEN + 12 * MINUTE),
}


def told(names: list[str]) -> CaseFile:
    file = a_file()
    for name in names:
        file = FACTS[name](file)
    return replace(file, version=0, cases={inbox: replace(case, received_at=TEN) for inbox, case in file.cases.items()})


@given(st.sets(st.sampled_from(sorted(FACTS))).flatmap(lambda names: st.tuples(st.just(sorted(names)), st.permutations(sorted(names)))))
def test_the_order_of_the_facts_does_not_matter(orders: tuple[list[str], list[str]]) -> None:
    assert told(orders[0]) == told(orders[1])


@given(st.lists(st.sampled_from(sorted(FACTS)), max_size=12))
def test_a_fact_told_twice_changes_nothing(names: list[str]) -> None:
    once = list(dict.fromkeys(names))
    assert told(names) == told(once)


@given(st.lists(st.sampled_from(sorted(FACTS)), max_size=9))
def test_versions_rise_with_every_announcement(names: list[str]) -> None:
    file = a_file()
    announced: list[Event] = []
    for name in names:
        before = file.version
        file = FACTS[name](file)
        assert file.version >= before
    _, announced = domain.hand_over(file, "duty_doctor", Handing("advice", TEN + 90 * MINUTE), now=TEN + 90 * MINUTE)
    assert all(event.version > file.version for event in announced)
