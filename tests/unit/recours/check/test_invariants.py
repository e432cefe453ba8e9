"""Each promise's count rises when the promise breaks, and only then."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from recours.check.audit import confirmed_ends, lag
from recours.check.invariants import LivePeriod, StoredCall, StoredRequest, double_booked, duplicated, lost
from recours.check.log import Record
from shared.events import Event
from shared.events.base import headers_of
from shared.events.intake import CallEnded, CallReceived, RequestReceived
from shared.events.scheduling import AppointmentBooked, AppointmentCancelled
from shared.ids import new_id
from shared.settling import SettledReport

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
CALL, REQUEST, DOCTOR, PATIENT = (new_id() for _ in range(4))


def a_record(event: Event, offset: int = 0) -> Record:
    headers = tuple((name, value.encode()) for name, value in headers_of(event, recorded_at=NOW, traceparent=None).items())
    return Record(event.topic, 0, offset, event.key.encode(), event.body(), headers, event.type, event.event_id, event)


RANG = CallReceived(territory_id="bievre", version=1, occurred_at=NOW, call_id=CALL, number_known=True)
HUNG_UP = CallEnded(territory_id="bievre", version=3, occurred_at=NOW, call_id=CALL, request_ids=[REQUEST], talked_seconds=200)
RECEIVED = RequestReceived(
    territory_id="bievre",
    version=1,
    occurred_at=NOW,
    request_id=REQUEST,
    call_id=CALL,
    origin="patient",
    rang_at=NOW,
    contract_deadline=NOW,
)
LOG = [a_record(RANG), a_record(HUNG_UP, 1), a_record(RECEIVED)]


def booked(appointment_id: UUID, version: int) -> AppointmentBooked:
    return AppointmentBooked(
        territory_id="bievre", version=version, occurred_at=NOW, request_id=REQUEST, appointment_id=appointment_id, patient_id=PATIENT,
        practitioner_id=DOCTOR, billing_practitioner_id=DOCTOR, mode="surgery", starts_at=NOW, ends_at=NOW + timedelta(minutes=20),
        path="assisted", rank=1, why="soonest",
    )  # fmt: skip


def given_back(appointment_id: UUID, version: int) -> AppointmentCancelled:
    return AppointmentCancelled(
        territory_id="bievre", version=version, occurred_at=NOW, request_id=REQUEST, appointment_id=appointment_id, practitioner_id=DOCTOR,
        cause="by_patient",
    )  # fmt: skip


def count_lost(
    *,
    calls: tuple[StoredCall, ...] = (StoredCall(CALL, True),),
    requests: tuple[StoredRequest, ...] = (StoredRequest(REQUEST, True, True, True),),
    pilotage: frozenset[UUID] = frozenset({REQUEST}),
    records: list[Record] = LOG,
    unpublished: int = 0,
) -> dict[str, int]:
    found = lost(calls, requests, pilotage, records, unpublished)
    assert found.total == sum(found.kinds.values())
    return {kind: count for kind, count in found.kinds.items() if count}


def test_a_day_without_loss_counts_nought() -> None:
    assert count_lost() == {}


def test_each_way_to_lose_something_is_counted() -> None:
    assert count_lost(records=LOG[1:]) == {"call_without_event": 1}
    assert count_lost(records=[LOG[0], LOG[2]]) == {"call_without_end": 1}
    assert count_lost(calls=(StoredCall(CALL, False),)) == {"call_without_end": 1}
    assert count_lost(calls=()) == {"event_without_call": 1}
    assert count_lost(records=LOG[:2]) == {"request_without_event": 1}
    assert count_lost(pilotage=frozenset()) == {"request_unknown_to_pilotage": 1}
    assert count_lost(requests=(), pilotage=frozenset()) == {"event_without_request": 1}
    assert count_lost(requests=(StoredRequest(REQUEST, True, False, True),)) == {"open_without_owner": 1}
    assert count_lost(requests=(StoredRequest(REQUEST, True, True, False),)) == {"open_without_owner": 1}
    assert count_lost(unpublished=3) == {"unpublished_event": 3}


def test_a_redelivered_record_is_no_duplicate_but_another_body_is() -> None:
    assert duplicated([*LOG, *LOG], {}).total == 0
    altered = replace(LOG[0], value=b"{}")
    assert duplicated([*LOG, altered], {}).kinds["event_id_with_two_bodies"] == 1


def test_what_happens_once_is_counted_when_it_happens_twice() -> None:
    again = RECEIVED.model_copy(update={"event_id": new_id()})
    found = duplicated([*LOG, a_record(again)], {})
    assert found.kinds["RequestReceived_twice"] == 1
    assert found.kinds["version_twice"] == 1


def test_a_second_live_appointment_is_a_duplicate_and_a_moved_one_is_not() -> None:
    first, second = new_id(), new_id()
    moved = [a_record(booked(first, 1), 0), a_record(given_back(first, 2), 1), a_record(booked(second, 3), 2)]
    assert duplicated(moved, {}).total == 0
    assert duplicated([moved[0], moved[2]], {}).kinds["live_appointments_twice"] == 1


def test_doubled_rows_of_the_databases_are_added() -> None:
    assert duplicated(LOG, {"scheduling_live_appointment": 2}).total == 2


def a_period(start: int, end: int, *, doctor: UUID = DOCTOR) -> LivePeriod:
    return LivePeriod(doctor, new_id(), NOW + timedelta(minutes=start), NOW + timedelta(minutes=end))


def test_overlaps_are_found_among_one_doctors_periods_only() -> None:
    assert double_booked([a_period(0, 20), a_period(20, 40), a_period(0, 20, doctor=new_id())], []).total == 0
    assert double_booked([a_period(0, 20), a_period(19, 40)], []).kinds == {"appointments": 1, "rounds": 0}
    assert double_booked([a_period(0, 60), a_period(10, 20), a_period(30, 40)], []).total == 2
    assert double_booked([], [a_period(0, 180), a_period(60, 80)]).kinds == {"appointments": 0, "rounds": 1}


def a_report(confirmed: dict[str, int], positions: dict[str, int]) -> SettledReport:
    return SettledReport(service="any", quiet=True, counters={}, confirmed=confirmed, positions=positions)


def test_lag_is_what_readers_have_not_passed() -> None:
    reports = [a_report({"intake.calls:0": 10}, {}), a_report({}, {"intake.calls:0": 7}), a_report({}, {"intake.calls:0": 10})]
    assert lag(reports, confirmed_ends(reports)) == 3
