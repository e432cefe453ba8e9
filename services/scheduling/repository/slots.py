"""Slots and rounds: making them from availability, finding the free ones, showing the agenda."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import asyncpg

from services.scheduling.domain.model import Slot
from services.scheduling.domain.rounds import Round
from services.scheduling.domain.slots import PlannedDay
from services.scheduling.domain.travel import Position, position_of_degrees
from shared.db import Connection, Tx
from shared.errors import NotFound
from shared.events.base import Mode
from shared.events.scheduling import PractitionerStatus
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class FreeSlot:
    """A free slot with what ranking needs to know of its doctor. `load` is booked ÷ offered of his day."""

    slot: Slot
    practitioner_name: str
    status: PractitionerStatus
    supervisor_name: str | None
    billing_practitioner_id: UUID
    accepts_as_mt: bool
    position: Position
    load: float
    held_by_initials: str | None


# One short index scan per doctor and mode: the first free slots of each, fewer when there are many doctors, so that the time of a
# search depends little on the size of the pool.
_SEARCH = """
    WITH offer AS (
        SELECT p.id, p.modes, greatest(1, least($8, 600 / count(*) OVER ())) AS at_most
        FROM practitioner p WHERE p.territory_id = $1
    ), candidate AS (
        SELECT s.id, s.practitioner_id, s.mode, s.starts_at, s.ends_at, s.on_date, s.protected, s.round_id
        FROM offer o
        CROSS JOIN unnest($2::text[]) AS wanted (mode)
        CROSS JOIN LATERAL (
            SELECT id, practitioner_id, mode, starts_at, ends_at, on_date, protected, round_id
            FROM slot
            WHERE territory_id = $1 AND practitioner_id = o.id AND mode = wanted.mode AND starts_at BETWEEN $3 AND $4
              AND (blocked_until <= $5 OR (blocked_by = $6 AND blocked_until < 'infinity'))
              AND (NOT protected OR starts_at <= $7)
            ORDER BY starts_at LIMIT o.at_most
        ) AS s
        WHERE wanted.mode = ANY (o.modes)
    ), load AS (
        SELECT s.practitioner_id, s.on_date, count(*) FILTER (WHERE s.blocked_until = 'infinity')::float8 / count(*) AS load
        FROM (SELECT DISTINCT practitioner_id, on_date FROM candidate) AS day
        JOIN slot s ON s.territory_id = $1 AND s.practitioner_id = day.practitioner_id AND s.on_date = day.on_date
        GROUP BY s.practitioner_id, s.on_date
    )
    SELECT c.id, c.practitioner_id, c.mode, c.starts_at, c.ends_at, c.on_date, c.protected, c.round_id, l.load,
           p.display_name, p.status, p.billing_practitioner_id, p.accepts_as_mt, p.lon, p.lat, senior.display_name AS supervisor_name,
           h.held_by_initials
    FROM candidate c
    JOIN load l ON l.practitioner_id = c.practitioner_id AND l.on_date = c.on_date
    JOIN practitioner p ON p.territory_id = $1 AND p.id = c.practitioner_id
    LEFT JOIN practitioner senior ON senior.territory_id = $1 AND senior.id = p.supervisor_id
    LEFT JOIN period h ON h.slot_id = c.id AND h.kind = 'hold' AND h.expires_at > $5
"""


async def search_free(
    sql: Connection, territory_id: str, request_id: UUID, *, modes: Sequence[Mode], not_before: datetime, not_after: datetime,
    protected_until: datetime, now: datetime, per_practitioner: int,
) -> list[FreeSlot]:  # fmt: skip
    """The first free slots of each doctor and mode between two instants; a slot held for this request counts as free.

    Protected slots only when they start before `protected_until`.
    """
    rows = await sql.fetch(
        _SEARCH, territory_id, list(modes), not_before, not_after, now, request_id, protected_until, per_practitioner
    )  # fmt: skip
    return [
        FreeSlot(
            _slot(r), r["display_name"], r["status"], r["supervisor_name"], r["billing_practitioner_id"], r["accepts_as_mt"],
            position_of_degrees(r["lon"], r["lat"]), r["load"], r["held_by_initials"],
        )
        for r in rows
    ]  # fmt: skip


_ANY_OFFER = "SELECT EXISTS (SELECT 1 FROM practitioner WHERE territory_id = $1 AND modes && $2::text[])"


async def pool_offers(sql: Connection, territory_id: str, modes: Sequence[Mode]) -> bool:
    """Some doctor of the pool practises one of these modes."""
    offered: bool = await sql.fetchval(_ANY_OFFER, territory_id, list(modes))
    return offered


_SELECT = "SELECT id, practitioner_id, mode, starts_at, ends_at, on_date, protected, round_id FROM slot"
_ONE = f"{_SELECT} WHERE territory_id = $1 AND id = $2"
# With the slot, the others that lie over its time: bookers of either queue, in one order, and never wait for each other in a circle.
_LOCK = """
    SELECT o.id, o.practitioner_id, o.mode, o.starts_at, o.ends_at, o.on_date, o.protected, o.round_id
    FROM slot s JOIN slot o
      ON o.practitioner_id = s.practitioner_id AND o.starts_at < s.ends_at AND o.ends_at > s.starts_at
     AND o.starts_at > s.starts_at - interval '1 day' AND (o.id = s.id OR (o.round_id IS NULL AND s.round_id IS NULL))
    WHERE s.territory_id = $1 AND s.id = $2
    ORDER BY o.id FOR UPDATE OF o
"""


async def find_slot(sql: Connection, territory_id: str, slot_id: UUID) -> Slot | None:
    row = await sql.fetchrow(_ONE, territory_id, slot_id)
    return None if row is None else _slot(row)


async def lock_slot(tx: Tx, territory_id: str, slot_id: UUID) -> Slot:
    """Everybody who wants the slot queues here, so that no two insertions wait for each other. Raises NotFound."""
    found = next((row for row in await tx.sql.fetch(_LOCK, territory_id, slot_id) if row["id"] == slot_id), None)
    if found is None:
        raise NotFound(f"slot {slot_id}")
    return _slot(found)


_BLOCK = """
    UPDATE slot SET blocked_until = $4, blocked_by = $5
    WHERE practitioner_id = $1 AND starts_at < $3 AND ends_at > $2 AND starts_at > $2 - interval '1 day' AND round_id IS NULL
"""
_BLOCK_ONE = "UPDATE slot SET blocked_until = $2, blocked_by = $3 WHERE id = $1"


async def block(tx: Tx, slot: Slot, *, until: datetime, request_id: UUID) -> None:
    """Repeat on the slots until when `period` now says that they are held, in every territory of the doctor."""
    if slot.round_id is not None:
        await tx.sql.execute(_BLOCK_ONE, slot.id, until, request_id)
    else:
        await tx.sql.execute(_BLOCK, slot.practitioner_id, slot.starts_at, slot.ends_at, until, request_id)


_UNBLOCK = """
    UPDATE slot s SET blocked_until = '-infinity', blocked_by = NULL
    WHERE s.practitioner_id = $1 AND s.starts_at < $3 AND s.ends_at > $2 AND s.starts_at > $2 - interval '1 day' AND s.round_id IS NULL
      AND NOT EXISTS (
          SELECT 1 FROM period p
          WHERE p.practitioner_id = s.practitioner_id AND p.during && tstzrange(s.starts_at, s.ends_at) AND p.inside_round_id IS NULL)
"""
_UNBLOCK_ONE = "UPDATE slot SET blocked_until = '-infinity', blocked_by = NULL WHERE id = $1"


async def unblock(tx: Tx, *, slot_id: UUID, practitioner_id: UUID, round_id: UUID | None, starts_at: datetime, ends_at: datetime) -> None:
    """The slots of a period that is gone are free again, unless something else has them."""
    if round_id is not None:
        await tx.sql.execute(_UNBLOCK_ONE, slot_id)
    else:
        await tx.sql.execute(_UNBLOCK, practitioner_id, starts_at, ends_at)


_ROUND_COLUMNS = """
    r.id, r.practitioner_id, r.starts_at, r.ends_at, r.last_start_at, r.capacity, p.lon, p.lat
    FROM round r JOIN practitioner p ON p.territory_id = r.territory_id AND p.id = r.practitioner_id
"""
_LOCK_ROUND = f"SELECT {_ROUND_COLUMNS} WHERE r.territory_id = $1 AND r.id = $2 FOR UPDATE OF r"
_ROUNDS = f"SELECT {_ROUND_COLUMNS} WHERE r.territory_id = $1 AND r.id = ANY ($2::uuid[])"


async def lock_round(tx: Tx, territory_id: str, round_id: UUID) -> Round:
    """Adding a visit locks the round: its plan is one decision at a time."""
    row = await tx.sql.fetchrow(_LOCK_ROUND, territory_id, round_id)
    if row is None:
        raise NotFound(f"round {round_id}")
    return _round(row)


async def rounds(sql: Connection, territory_id: str, ids: Iterable[UUID]) -> dict[UUID, Round]:
    return {row["id"]: _round(row) for row in await sql.fetch(_ROUNDS, territory_id, list(set(ids)))}


_DROP_ROUND_PERIODS = """
    DELETE FROM period WHERE kind = 'round' AND id IN (
        SELECT r.id FROM round r
        WHERE r.territory_id = $1 AND r.practitioner_id = $2 AND r.on_date = ANY ($3::date[])
          AND NOT EXISTS (SELECT 1 FROM unnest($4::timestamptz[], $5::timestamptz[]) AS kept (starts_at, ends_at)
                          WHERE kept.starts_at = r.starts_at AND kept.ends_at = r.ends_at)
          AND NOT EXISTS (SELECT 1 FROM appointment a WHERE a.round_id = r.id)
          AND NOT EXISTS (SELECT 1 FROM period h WHERE h.inside_round_id = r.id))
    RETURNING id
"""
_DROP_ROUND_SLOTS = "DELETE FROM slot WHERE round_id = ANY ($1::uuid[]) RETURNING on_date"
_DROP_ROUNDS = "DELETE FROM round WHERE id = ANY ($1::uuid[])"
# `blocked_until` is looked at again after waiting for a booker's lock, `period` is not: both conditions are needed.
_DROP_SLOTS = """
    DELETE FROM slot s
    WHERE s.territory_id = $1 AND s.practitioner_id = $2 AND s.on_date = ANY ($3::date[]) AND s.starts_at >= $4 AND s.blocked_until <= $4
      AND NOT EXISTS (SELECT 1 FROM period p WHERE p.slot_id = s.id)
      AND NOT EXISTS (SELECT 1 FROM unnest($5::text[], $6::timestamptz[]) AS kept (mode, starts_at)
                      WHERE kept.mode = s.mode AND kept.starts_at = s.starts_at)
    RETURNING on_date
"""
_ADD_ROUNDS = """
    WITH made AS (
        SELECT id, on_date, starts_at, ends_at, last_start_at, capacity
        FROM unnest($3::uuid[], $4::date[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[], $8::integer[])
             AS planned (id, on_date, starts_at, ends_at, last_start_at, capacity)
        WHERE NOT EXISTS (SELECT 1 FROM round r WHERE r.territory_id = $1 AND r.practitioner_id = $2 AND r.starts_at = planned.starts_at)
    ), taken AS (
        INSERT INTO period (id, territory_id, practitioner_id, kind, during)
        SELECT id, $1, $2, 'round', tstzrange(starts_at, ends_at) FROM made
        ON CONFLICT DO NOTHING RETURNING id
    )
    INSERT INTO round (id, territory_id, practitioner_id, on_date, starts_at, ends_at, last_start_at, capacity)
    SELECT m.id, $1, $2, m.on_date, m.starts_at, m.ends_at, m.last_start_at, m.capacity FROM made m JOIN taken t ON t.id = m.id
"""
_FIND_ROUNDS = "SELECT starts_at, id FROM round WHERE territory_id = $1 AND practitioner_id = $2 AND starts_at = ANY ($3::timestamptz[])"
_ADD_SLOTS = """
    INSERT INTO slot (id, territory_id, practitioner_id, mode, starts_at, ends_at, on_date, protected, round_id, blocked_until)
    SELECT made.id, $1, $2, made.mode, made.starts_at, made.ends_at, made.on_date, made.protected, made.round_id,
           CASE WHEN made.round_id IS NULL AND EXISTS (
               SELECT 1 FROM period p
               WHERE p.practitioner_id = $2 AND p.inside_round_id IS NULL AND p.during && tstzrange(made.starts_at, made.ends_at)
           ) THEN 'infinity'::timestamptz ELSE '-infinity'::timestamptz END
    FROM unnest($3::date[], $4::uuid[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::boolean[], $9::uuid[])
         AS made (on_date, id, mode, starts_at, ends_at, protected, round_id)
    ON CONFLICT ON CONSTRAINT slot_once DO NOTHING
    RETURNING on_date
"""


async def make_days(tx: Tx, territory_id: str, practitioner_id: UUID, days: Sequence[PlannedDay], *, now: datetime) -> set[date]:
    """Bring the rows of these days to their plan, and say which days changed. What is booked or held stays, and so does the past.

    A round whose time the doctor has already given to something else is not made.
    """
    dates, slots = [day.on for day in days], [slot for day in days for slot in day.slots]
    planned = [made for day in days for made in day.rounds]
    who = (territory_id, practitioner_id)
    dropped = [
        row["id"] for row in await tx.sql.fetch(
            _DROP_ROUND_PERIODS, *who, dates, [made.starts_at for made in planned], [made.ends_at for made in planned]
        )
    ]  # fmt: skip
    gone = await tx.sql.fetch(_DROP_ROUND_SLOTS, dropped)
    await tx.sql.execute(_DROP_ROUNDS, dropped)
    gone += await tx.sql.fetch(_DROP_SLOTS, *who, dates, now, [slot.mode for slot in slots], [slot.starts_at for slot in slots])
    await tx.sql.execute(
        _ADD_ROUNDS, *who, [new_id() for _ in planned], [made.on for made in planned], [made.starts_at for made in planned],
        [made.ends_at for made in planned], [made.last_start_at for made in planned], [made.capacity for made in planned],
    )  # fmt: skip
    rounds = {row["starts_at"]: row["id"] for row in await tx.sql.fetch(_FIND_ROUNDS, *who, [made.starts_at for made in planned])}
    possible = [slot for slot in slots if slot.round_starts_at is None or slot.round_starts_at in rounds]
    added = await tx.sql.fetch(
        _ADD_SLOTS, *who, [slot.on for slot in possible], [new_id() for _ in possible], [slot.mode for slot in possible],
        [slot.starts_at for slot in possible], [slot.ends_at for slot in possible], [slot.protected for slot in possible],
        [None if slot.round_starts_at is None else rounds[slot.round_starts_at] for slot in possible],
    )  # fmt: skip
    return {row["on_date"] for row in (*gone, *added)}


@dataclass(frozen=True, slots=True)
class AgendaSlot:
    """One cell of the agenda strip. `state` as the secretary sees it; initials only while somebody holds it."""

    slot: Slot
    state: str
    held_by_initials: str | None


_AGENDA = """
    SELECT s.id, s.practitioner_id, s.mode, s.starts_at, s.ends_at, s.on_date, s.protected, s.round_id,
           CASE WHEN s.blocked_until = 'infinity' THEN 'booked' WHEN s.starts_at <= $4 THEN 'past' WHEN s.blocked_until > $4 THEN 'held'
                ELSE 'free' END AS state,
           h.held_by_initials
    FROM slot s LEFT JOIN period h ON h.slot_id = s.id AND h.kind = 'hold' AND h.expires_at > $4
    WHERE s.territory_id = $1 AND s.starts_at >= $2 AND s.starts_at < $3
    ORDER BY s.practitioner_id, s.starts_at
"""


async def agenda(sql: Connection, territory_id: str, start: datetime, end: datetime, *, now: datetime) -> list[AgendaSlot]:
    rows = await sql.fetch(_AGENDA, territory_id, start, end, now)
    return [AgendaSlot(_slot(row), row["state"], row["held_by_initials"]) for row in rows]


_FREE = """
    SELECT on_date, mode, starts_at FROM slot
    WHERE territory_id = $1 AND starts_at > $2 AND starts_at < $3 AND blocked_until <= $2
"""


async def free_starts(sql: Connection, territory_id: str, now: datetime, until: datetime) -> list[tuple[date, Mode, datetime]]:
    """Day, mode and start of every slot that is free now."""
    return [(row["on_date"], row["mode"], row["starts_at"]) for row in await sql.fetch(_FREE, territory_id, now, until)]


def _slot(row: asyncpg.Record) -> Slot:
    return Slot(
        row["id"], row["practitioner_id"], row["mode"], row["starts_at"], row["ends_at"], row["on_date"], row["protected"], row["round_id"]
    )  # fmt: skip


def _round(row: asyncpg.Record) -> Round:
    start = position_of_degrees(row["lon"], row["lat"])
    return Round(row["id"], row["practitioner_id"], row["starts_at"], row["ends_at"], row["last_start_at"], row["capacity"], start)
