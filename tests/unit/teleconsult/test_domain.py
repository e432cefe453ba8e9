"""A video session is opened once and closed once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.teleconsult import domain
from services.teleconsult.domain import Booking, Session
from shared.events.teleconsult import SessionOpened

THREE_PM = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


def a_session() -> Session:
    return Session("bievre", UUID(int=1), UUID(int=2))


def a_booking(version: int = 1, **fields: object) -> Booking:
    given = Booking(version, UUID(int=3), "teleconsultation", THREE_PM, THREE_PM + timedelta(minutes=15))
    return replace(given, **fields)  # type: ignore[arg-type]  # builder


def test_a_booked_teleconsultation_has_its_session_announced_once() -> None:
    session, events = domain.booked(a_session(), a_booking(), now=THREE_PM)
    assert session.state == "open"
    assert [type(event) for event in events] == [SessionOpened]
    moved, again = domain.booked(session, a_booking(2, starts_at=THREE_PM + timedelta(hours=1)), now=THREE_PM)
    assert again == []
    assert moved.booking is not None and moved.booking.starts_at == THREE_PM + timedelta(hours=1)


def test_a_visit_has_no_session() -> None:
    session, events = domain.booked(a_session(), a_booking(mode="visit"), now=THREE_PM)
    assert (events, session.is_video, session.state) == ([], False, "closed")


def test_an_appointment_moved_to_the_surgery_closes_its_session() -> None:
    session, _ = domain.booked(a_session(), a_booking(), now=THREE_PM)
    session, _ = domain.booked(session, a_booking(2, mode="surgery"), now=THREE_PM)
    assert session.state == "closed" and session.is_video


def test_a_session_cancelled_before_it_was_opened_stays_closed_and_is_not_announced() -> None:
    session = domain.ended(a_session(), outcome="by_patient", version=2)
    session, events = domain.booked(session, a_booking(), now=THREE_PM)
    assert (session.state, events) == ("closed", [])


FACTS: list[Callable[[Session], Session]] = [
    lambda s: domain.booked(s, a_booking(1), now=THREE_PM)[0],
    lambda s: domain.booked(s, a_booking(2, starts_at=THREE_PM + timedelta(hours=1)), now=THREE_PM)[0],
    lambda s: domain.ended(s, outcome="seen", version=3),
    lambda s: domain.ended(s, outcome="seen_again", version=4),
]


@given(st.permutations(range(4)), st.lists(st.integers(0, 3)))
def test_the_order_and_the_repetition_of_the_facts_do_not_matter(order: list[int], repeated: list[int]) -> None:
    session = a_session()
    for index in [*order, *repeated]:
        session = FACTS[index](session)
    assert session.state == "closed"
    assert session.closed_as == "seen_again"
    assert session.booking == a_booking(2, starts_at=THREE_PM + timedelta(hours=1))
