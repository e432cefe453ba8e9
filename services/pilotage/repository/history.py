"""The event history: what was read from the log, where we stand in it, and what could not be read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from services.pilotage.records import Arrived, Poisoned
from shared.db import Connection, Tx

_LOCK_STATE = "SELECT cluster_id FROM projector_state FOR UPDATE"
_POSITIONS = "SELECT topic, partition, next_offset FROM projector_position"
_FORGET_POSITIONS = "DELETE FROM projector_position"
_KNOW_CLUSTER = "UPDATE projector_state SET cluster_id = $1"
_MOVE = """
    INSERT INTO projector_position (topic, partition, next_offset)
    SELECT topic, partition, next_offset FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS p(topic, partition, next_offset)
    ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset
"""
_INSERT = """
    INSERT INTO event (event_id, territory_id, type, topic, key, version, occurred_at, recorded_at, request_id, call_id, patient_id,
        practitioner_id, appointment_id, body, partition, log_offset)
    SELECT event_id, territory_id, type, topic, key, version, occurred_at, recorded_at, request_id, call_id, patient_id,
        practitioner_id, appointment_id, body::jsonb, partition, log_offset
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::timestamptz[], $8::timestamptz[],
        $9::uuid[], $10::uuid[], $11::uuid[], $12::uuid[], $13::uuid[], $14::text[], $15::integer[], $16::bigint[])
        AS e(event_id, territory_id, type, topic, key, version, occurred_at, recorded_at, request_id, call_id, patient_id,
            practitioner_id, appointment_id, body, partition, log_offset)
    ON CONFLICT (event_id) DO NOTHING
    RETURNING event_id
"""
_COUNT_REDELIVERED = "UPDATE projector_state SET redelivered = redelivered + $1"
_OF_REQUESTS = """
    SELECT e.territory_id, e.request_id AS subject_id, e.type, e.body::text AS body
    FROM event e JOIN unnest($1::text[], $2::uuid[]) AS s(territory_id, subject_id)
        ON e.territory_id = s.territory_id AND e.request_id = s.subject_id
"""
_OF_CALLS = """
    SELECT e.territory_id, e.call_id AS subject_id, e.type, e.body::text AS body
    FROM event e JOIN unnest($1::text[], $2::uuid[]) AS s(territory_id, subject_id)
        ON e.territory_id = s.territory_id AND e.call_id = s.subject_id AND e.topic = 'intake.calls'
"""
_BURY = """
    INSERT INTO dead_letter (consumer, event_id, event_type, topic, partition, log_offset, key, body, headers, reason, error_class,
        attempts, first_failed_at, last_failed_at)
    VALUES ('pilotage', $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $11)
    ON CONFLICT DO NOTHING
    RETURNING id
"""
_EMPTY = "SELECT empty_history()"
_FORGET_LETTERS = "DELETE FROM dead_letter WHERE replayed_at IS NULL AND discarded_at IS NULL"

Subject = tuple[str, UUID]


@dataclass(frozen=True)
class Told:
    """A fact as it lies in the history."""

    subject: Subject
    type: str
    body: bytes


async def lock_state(tx: Tx) -> str | None:
    """The log that our positions belong to; one projector at a time goes on from here."""
    cluster_id: str | None = await tx.sql.fetchval(_LOCK_STATE)
    return cluster_id


async def start_on(tx: Tx, cluster_id: str) -> dict[tuple[str, int], int]:
    """Next offsets in the log `cluster_id`; in another log than last time every position is forgotten."""
    if await lock_state(tx) != cluster_id:
        await tx.sql.execute(_FORGET_POSITIONS)
        await tx.sql.execute(_KNOW_CLUSTER, cluster_id)
    return {(row["topic"], row["partition"]): row["next_offset"] for row in await tx.sql.fetch(_POSITIONS)}


async def move(tx: Tx, positions: Mapping[tuple[str, int], int]) -> None:
    """Store the next offset of each (topic, partition), our names."""
    places = sorted(positions)
    await tx.sql.execute(_MOVE, [p[0] for p in places], [p[1] for p in places], [positions[p] for p in places])


async def insert_new(tx: Tx, arrived: Sequence[Arrived]) -> set[UUID]:
    """Keep the facts that are new; returns their ids. The others are counted as redelivered."""
    if not arrived:
        return set()
    columns: list[list[Any]] = [
        [one.event_id for one in arrived], [one.territory_id for one in arrived], [one.type for one in arrived],
        [one.topic for one in arrived], [one.key for one in arrived], [one.version for one in arrived],
        [one.occurred_at for one in arrived], [one.recorded_at for one in arrived],
        *([one.ids.get(name) for one in arrived] for name in ("request_id", "call_id", "patient_id", "practitioner_id", "appointment_id")),
        [one.body for one in arrived], [one.partition for one in arrived], [one.offset for one in arrived],
    ]  # fmt: skip
    new = {row["event_id"] for row in await tx.sql.fetch(_INSERT, *columns)}
    if len(new) < len(arrived):
        await tx.sql.execute(_COUNT_REDELIVERED, len(arrived) - len(new))
    return new


async def of_requests(sql: Connection, subjects: Collection[Subject]) -> list[Told]:
    """Every fact kept so far about these requests, in no order."""
    return _told(await sql.fetch(_OF_REQUESTS, [s[0] for s in subjects], [s[1] for s in subjects]))


async def of_calls(sql: Connection, subjects: Collection[Subject]) -> list[Told]:
    """Every fact of intake kept so far about these calls, in no order."""
    return _told(await sql.fetch(_OF_CALLS, [s[0] for s in subjects], [s[1] for s in subjects]))


def _told(rows: Sequence[Any]) -> list[Told]:
    return [Told((row["territory_id"], row["subject_id"]), row["type"], row["body"].encode()) for row in rows]


async def bury(tx: Tx, letter: Poisoned) -> bool:
    """Put the record aside; False when it lies there already."""
    buried = await tx.sql.fetchval(
        _BURY, letter.event_id, letter.event_type, letter.topic, letter.partition, letter.offset, letter.key, letter.value,
        letter.headers, letter.reason, letter.error_class, datetime.now(UTC),
    )  # fmt: skip
    return buried is not None


async def empty(tx: Tx) -> None:
    """Nothing is known any more, nothing was read. Letters that are still wrong come back with the reading."""
    await lock_state(tx)
    await tx.sql.execute(_EMPTY)
    await tx.sql.execute(_FORGET_LETTERS)
