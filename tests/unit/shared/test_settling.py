"""When a stack has nothing left to do."""

from datetime import UTC, datetime
from typing import Any

from shared.settling import SettledReport, earliest_due, is_settled

NOON = datetime(2026, 3, 2, 11, tzinfo=UTC)


def a_report(**fields: Any) -> SettledReport:
    given: dict[str, Any] = {"service": "intake", "quiet": True, "counters": {"consumed": 1}, "confirmed": {}, "positions": {}}
    return SettledReport(**(given | fields))


def test_quiet_and_unchanged_is_settled() -> None:
    assert is_settled([a_report()], [a_report()])


def test_work_in_flight_or_between_the_looks_is_not() -> None:
    assert not is_settled([a_report()], [a_report(quiet=False)])
    assert not is_settled([a_report()], [a_report(counters={"consumed": 2})])
    assert not is_settled([a_report()], [a_report(), a_report(service="scheduling")])


def test_a_reader_behind_what_the_publisher_had_confirmed_is_not() -> None:
    publisher = a_report(confirmed={"intake.requests:0": 5})
    behind, there = (a_report(service="scheduling", positions={"intake.requests:0": place}) for place in (4, 5))
    assert not is_settled([publisher, behind], [publisher, behind])
    assert is_settled([publisher, there], [publisher, there])


def test_the_earliest_promise_of_all() -> None:
    assert earliest_due([a_report(), a_report(next_due_at=NOON)]) == NOON
    assert earliest_due([a_report()]) is None
