"""What really happened: the databases and the whole log of a settled stack, as plain values that a judgement needs."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from recours.check.audit import confirmed_ends
from recours.check.log import read_log
from recours.check.services import look
from recours.day.settling import Watch
from recours.stack.environment import Access
from shared.events import Event, event_class
from shared.kafka import KafkaAddress

COMMANDED = ("intake", "scheduling", "regulation")
PUBLISHING = (*COMMANDED, "teleconsult", "orientation")


@dataclass(frozen=True)
class Journalled:
    """A fact in its publisher's journal. It was committed between `recorded_at` and `published_at` (seconds of the wall clock)."""

    event_id: UUID
    event: Event
    key: str
    recorded_at: float
    published_at: float


@dataclass(frozen=True)
class SlotRow:
    """`resource` is what the period excludes others from: the doctor, or for a place of a round the round."""

    resource: UUID
    starts_at: float
    ends_at: float


@dataclass(frozen=True)
class AppointmentRow:
    request_id: UUID
    slot_id: UUID
    state: str
    outcome: str | None


@dataclass(frozen=True)
class Evidence:
    """`keys`: (service, caller, idempotency key) to the subject of the command that committed with it.

    `log`: how many different bodies the log has for each event id. `rows`: version by (kind, id) for calls, requests, patients, cases.
    """

    keys: Mapping[tuple[str, UUID, str], UUID] = field(default_factory=dict)
    journal: Sequence[Journalled] = ()
    log: Mapping[UUID, int] = field(default_factory=dict)
    slots: Mapping[UUID, SlotRow] = field(default_factory=dict)
    appointments: Mapping[UUID, AppointmentRow] = field(default_factory=dict)
    periods: frozenset[UUID] = frozenset()
    rows: Mapping[tuple[str, UUID], int] = field(default_factory=dict)


_KEYS = "SELECT caller, key, subject_id FROM idempotency_key"
_JOURNAL = "SELECT event_id, event_type, key, body, recorded_at, published_at FROM outbox ORDER BY id"
_SLOTS = "SELECT id, coalesce(round_id, practitioner_id) AS resource, starts_at, ends_at FROM slot"
_APPOINTMENTS = "SELECT id, request_id, slot_id, state, outcome FROM appointment"
_PERIODS = "SELECT id FROM period WHERE kind <> 'round'"
_ROWS = {
    ("intake", "call"): "SELECT id, version FROM call",
    ("intake", "request"): "SELECT id, version FROM request",
    ("intake", "patient"): "SELECT id, version FROM patient",
    ("scheduling", "own request"): "SELECT id, own_version AS version FROM request",
}


async def rest(access: Access, services: Sequence[str], *, patience_seconds: float = 120.0) -> None:
    """Wait until nothing is left to do, also for a broker that came back empty and that its publishers have not looked at yet.

    Raises NotSettled, and AssertionError when the log is not filled again in time.
    """
    watch = Watch({service: access.ops_url(service) for service in services}, patience_seconds=patience_seconds)
    deadline = time.monotonic() + patience_seconds
    try:
        await watch.settle()
        while not await _log_is_whole(access):
            assert time.monotonic() < deadline, "the log is not filled again"
            await asyncio.sleep(0.5)
        await watch.settle()
    finally:
        await watch.close()


async def _log_is_whole(access: Access) -> bool:
    there = {record.event_id for record in await read_log(KafkaAddress(access.kafka_bootstrap, ""), ends={})}
    for service in PUBLISHING:
        connection = await asyncpg.connect(access.database_url(service))
        try:
            if not there.issuperset(row["event_id"] for row in await connection.fetch("SELECT event_id FROM outbox")):
                return False
        finally:
            await connection.close()
    return True


async def gather(access: Access) -> Evidence:
    """Read everything. The stack must be at rest. Raises what a server raises when it is away, LogUnreadable when the log is short."""
    reports = await look(access.settings(), PUBLISHING)
    records = await read_log(KafkaAddress(access.kafka_bootstrap, ""), ends=confirmed_ends(reports))
    bodies: dict[UUID, set[bytes]] = {}
    for record in records:
        if record.event_id is not None:
            bodies.setdefault(record.event_id, set()).add(record.value)
    connections = {service: await asyncpg.connect(access.database_url(service)) for service in PUBLISHING}
    try:
        keys = {
            (service, row["caller"], row["key"]): row["subject_id"]
            for service in COMMANDED
            for row in await connections[service].fetch(_KEYS)
        }
        journal = [_journalled(row) for service in PUBLISHING for row in await connections[service].fetch(_JOURNAL)]
        rows = {
            (kind, row["id"]): row["version"] for (service, kind), query in _ROWS.items() for row in await connections[service].fetch(query)
        }
        scheduling = connections["scheduling"]
        slots = {
            row["id"]: SlotRow(row["resource"], row["starts_at"].timestamp(), row["ends_at"].timestamp())
            for row in await scheduling.fetch(_SLOTS)
        }
        appointments = {
            row["id"]: AppointmentRow(row["request_id"], row["slot_id"], row["state"], row["outcome"])
            for row in await scheduling.fetch(_APPOINTMENTS)
        }
        periods = frozenset(row["id"] for row in await scheduling.fetch(_PERIODS))
    finally:
        await asyncio.gather(*(connection.close() for connection in connections.values()))
    return Evidence(keys, journal, {event_id: len(found) for event_id, found in bodies.items()}, slots, appointments, periods, rows)


def _journalled(row: Any) -> Journalled:
    cls = event_class(row["event_type"])
    assert cls is not None, row["event_type"]
    return Journalled(row["event_id"], cls.read(row["body"]), row["key"], _seconds(row["recorded_at"]), _seconds(row["published_at"]))


def _seconds(at: datetime | None) -> float:
    """Infinite for what is still to come."""
    return float("inf") if at is None else at.timestamp()
