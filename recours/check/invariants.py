"""The three noughts of a day, computed from what lies in the databases and in the log. Definitions in docs/day.md."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from recours.check.log import Record
from shared.events import intake as intake_events
from shared.events import orientation as orientation_events
from shared.events import regulation as regulation_events
from shared.events import scheduling as scheduling_events
from shared.events import teleconsult as teleconsult_events


@dataclass(frozen=True)
class Found:
    """Violations by kind; `total` is the figure of the report."""

    kinds: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.kinds.values())


@dataclass(frozen=True)
class StoredCall:
    call_id: UUID
    ended: bool


@dataclass(frozen=True)
class StoredRequest:
    """`is_open` as intake's state says; an open one must have an owner and an hour."""

    request_id: UUID
    is_open: bool
    has_owner: bool
    has_due_at: bool


@dataclass(frozen=True)
class LivePeriod:
    practitioner_id: UUID
    subject: UUID
    starts_at: datetime
    ends_at: datetime
    inside_round: bool = False
    """A visit: it shares the doctor's time with the round that it belongs to, and with nothing else."""


def lost(
    calls: Iterable[StoredCall],
    requests: Iterable[StoredRequest],
    known_to_pilotage: frozenset[UUID],
    records: Sequence[Record],
    unpublished: int,
) -> Found:
    """What somebody told us and nobody can answer for any more."""
    received = {record.event.call_id for record in records if isinstance(record.event, intake_events.CallReceived)}
    ended = {record.event.call_id for record in records if isinstance(record.event, (intake_events.CallEnded, intake_events.CallAbandoned))}
    told = {record.event.request_id for record in records if isinstance(record.event, intake_events.RequestReceived)}
    stored_calls, stored = list(calls), list(requests)
    return Found({
        "call_without_event": sum(call.call_id not in received for call in stored_calls),
        "call_without_end": sum(not call.ended or call.call_id not in ended for call in stored_calls),
        "event_without_call": len(received - {call.call_id for call in stored_calls}),
        "request_without_event": sum(request.request_id not in told for request in stored),
        "request_unknown_to_pilotage": sum(request.request_id not in known_to_pilotage for request in stored),
        "event_without_request": len(told - {request.request_id for request in stored}),
        "open_without_owner": sum(request.is_open and not (request.has_owner and request.has_due_at) for request in stored),
        "unpublished_event": unpublished,
    })  # fmt: skip


# The events that create something which may exist once per subject.
_ONCE: tuple[tuple[type, str], ...] = (
    (intake_events.CallReceived, "call_id"),
    (intake_events.RequestReceived, "request_id"),
    (regulation_events.CaseDecided, "request_id"),
    (teleconsult_events.SessionOpened, "session_id"),
    (orientation_events.SearchOpened, "search_id"),
    (scheduling_events.ActClosed, "appointment_id"),
)


def duplicated(records: Sequence[Record], doubled_rows: Mapping[str, int]) -> Found:
    """What happened twice though it happened once. A record redelivered or refilled with the same id and the same bytes is no duplicate.

    `doubled_rows` counts, per table, the subjects with more rows than they may have (two live appointments of one request…).
    """
    bodies: dict[UUID, set[bytes]] = {}
    unidentified = 0
    for record in records:
        if record.event_id is None:
            unidentified += 1
        else:
            bodies.setdefault(record.event_id, set()).add(record.value)
    once: dict[UUID, Record] = {}
    for record in records:
        if record.event_id is not None:
            once.setdefault(record.event_id, record)
    kinds = {
        "event_id_with_two_bodies": sum(len(found) > 1 for found in bodies.values()),
        "record_without_id": unidentified,
        "version_twice": _version_twice(once.values()),
    }
    for cls, subject in _ONCE:
        counted = Counter(getattr(record.event, subject) for record in once.values() if isinstance(record.event, cls))
        kinds[f"{cls.__name__}_twice"] = sum(count - 1 for count in counted.values())
    kinds["live_appointments_twice"] = _booked_twice(once.values())
    return Found({**kinds, **{f"rows_{table}": count for table, count in doubled_rows.items()}})


def _version_twice(records: Iterable[Record]) -> int:
    """Two facts that claim the same version of one call or request (other streams carry several aggregates under one key)."""
    streams = (intake_events.CALLS, intake_events.REQUESTS)
    counted = Counter((r.topic, r.key, r.event.version) for r in records if r.event is not None and r.topic in streams)
    return sum(count - 1 for count in counted.values())


def _booked_twice(records: Iterable[Record]) -> int:
    """Bookings of a request while another appointment of it was live, told by the order of the log (one key, one partition)."""
    live: dict[UUID, set[UUID]] = {}
    twice = 0
    ordered = sorted((r for r in records if r.topic == scheduling_events.APPOINTMENTS), key=lambda r: (r.partition, r.offset))
    for record in ordered:
        event = record.event
        if isinstance(event, scheduling_events.AppointmentBooked):
            current = live.setdefault(event.request_id, set())
            twice += bool(current - {event.appointment_id})
            current.add(event.appointment_id)
        elif isinstance(event, (scheduling_events.AppointmentCancelled, scheduling_events.ActClosed)):
            live.get(event.request_id, set()).discard(event.appointment_id)
    return twice


def double_booked(appointments: Iterable[LivePeriod], with_rounds: Iterable[LivePeriod]) -> Found:
    """Overlaps among one practitioner's appointments, and of appointments elsewhere with his round; no constraint's word is taken."""
    return Found({"appointments": _overlaps(appointments), "rounds": _overlaps(with_rounds)})


def _overlaps(periods: Iterable[LivePeriod]) -> int:
    """Pairs, compared one by one."""
    by_practitioner: dict[UUID, list[LivePeriod]] = {}
    for period in periods:
        by_practitioner.setdefault(period.practitioner_id, []).append(period)
    pairs = 0
    for mine in by_practitioner.values():
        mine.sort(key=lambda period: (period.starts_at, period.ends_at))
        for index, one in enumerate(mine):
            for other in mine[index + 1 :]:
                if other.starts_at >= one.ends_at:
                    break
                pairs += 1
    return pairs
