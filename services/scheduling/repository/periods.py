"""Who has a doctor's time. Every insertion here is judged by the exclusion constraints; the slot's row is locked before."""

from uuid import UUID

import asyncpg

from services.scheduling.domain.model import Hold, Slot
from services.scheduling.domain.refusals import SlotTaken
from services.scheduling.repository import slots
from shared.db import Connection, Tx

# In one round trip the slots repeat what `period` says: the place of a round ($8), else all slots over the time, in every territory.
_TAKE = """
    WITH taken AS (
        INSERT INTO period (id, territory_id, practitioner_id, kind, during, slot_id, inside_round_id, request_id, held_by,
                            held_by_initials, expires_at)
        VALUES ($1, $2, $3, $4, tstzrange($5, $6), $7, $8, $9, $10, $11, $12)
    ), place AS (
        UPDATE slot SET blocked_until = coalesce($12, 'infinity'::timestamptz), blocked_by = $9
        WHERE id = $7 AND $8::uuid IS NOT NULL
    )
    UPDATE slot SET blocked_until = coalesce($12, 'infinity'::timestamptz), blocked_by = $9
    WHERE $8::uuid IS NULL AND round_id IS NULL
      AND practitioner_id = $3 AND starts_at < $6 AND ends_at > $5 AND starts_at > $5 - interval '1 day'
"""


async def take_for_appointment(tx: Tx, territory_id: str, appointment_id: UUID, slot: Slot, request_id: UUID) -> None:
    """The slot belongs to the request; raises SlotTaken when the doctor's time is already given (the transaction is lost)."""
    await _take(tx, territory_id, appointment_id, "appointment", slot, request_id, None)


async def take_for_hold(tx: Tx, territory_id: str, hold: Hold, slot: Slot) -> None:
    """The slot is kept until `hold.expires_at`; raises SlotTaken as above."""
    await _take(tx, territory_id, hold.id, "hold", slot, hold.request_id, hold)


async def _take(tx: Tx, territory_id: str, period_id: UUID, kind: str, slot: Slot, request_id: UUID, hold: Hold | None) -> None:
    keeper = (None, None, None) if hold is None else (hold.held_by, hold.held_by_initials, hold.expires_at)
    try:
        await tx.sql.execute(
            _TAKE, period_id, territory_id, slot.practitioner_id, kind, slot.starts_at, slot.ends_at, slot.id, slot.round_id,
            request_id, *keeper,
        )  # fmt: skip
    except asyncpg.ExclusionViolationError as clash:
        raise SlotTaken(f"slot {slot.id}") from clash


_FREE = """
    DELETE FROM period WHERE territory_id = $1 AND id = $2
    RETURNING slot_id, practitioner_id, inside_round_id, lower(during) AS starts_at, upper(during) AS ends_at
"""


async def free(tx: Tx, territory_id: str, period_id: UUID, slot_id: UUID) -> bool:
    """Give the time of an appointment or a hold back; False when somebody did already.

    The slot is locked first, as by everybody who wants it: otherwise a booker who holds the slot and waits for this period, and we who
    hold the period and wait for the slot, would wait for each other.
    """
    await slots.lock_slot(tx, territory_id, slot_id)
    row = await tx.sql.fetchrow(_FREE, territory_id, period_id)
    if row is None:
        return False
    await slots.unblock(
        tx, slot_id=row["slot_id"], practitioner_id=row["practitioner_id"], round_id=row["inside_round_id"],
        starts_at=row["starts_at"], ends_at=row["ends_at"],
    )  # fmt: skip
    return True


_SELECT_HOLD = "SELECT territory_id, id, slot_id, practitioner_id, request_id, held_by, held_by_initials, expires_at FROM period"

# In the way: the same place of a round, or any hold of the doctor over the slot's time, in whatever territory.
_IN_THE_WAY = """
    SELECT territory_id, id, slot_id, practitioner_id, request_id, held_by, held_by_initials, expires_at FROM period
    WHERE kind = 'hold'
      AND (slot_id = $1 OR ($5::uuid IS NULL AND practitioner_id = $2 AND inside_round_id IS NULL AND during && tstzrange($3, $4)))
    ORDER BY id
"""
_HOLD = f"{_SELECT_HOLD} WHERE territory_id = $1 AND id = $2 AND kind = 'hold'"
_HOLDS_OF_REQUEST = f"{_SELECT_HOLD} WHERE territory_id = $1 AND request_id = $2 AND kind = 'hold' ORDER BY id"
_EXTEND = "UPDATE period SET expires_at = $3 WHERE territory_id = $1 AND id = $2"


async def holds_in_the_way(sql: Connection, slot: Slot) -> list[Hold]:
    """The holds that keep others from this slot, over or not, of whatever territory."""
    rows = await sql.fetch(_IN_THE_WAY, slot.id, slot.practitioner_id, slot.starts_at, slot.ends_at, slot.round_id)
    return [hold for row in rows if (hold := _hold(row)) is not None]


async def find_hold(sql: Connection, territory_id: str, hold_id: UUID) -> Hold | None:
    return _hold(await sql.fetchrow(_HOLD, territory_id, hold_id))


async def holds_of_request(sql: Connection, territory_id: str, request_id: UUID) -> list[Hold]:
    return [hold for row in await sql.fetch(_HOLDS_OF_REQUEST, territory_id, request_id) if (hold := _hold(row)) is not None]


async def extend_hold(tx: Tx, territory_id: str, hold: Hold, slot: Slot) -> None:
    """The same person keeps the same slot longer."""
    await tx.sql.execute(_EXTEND, territory_id, hold.id, hold.expires_at)
    await slots.block(tx, slot, until=hold.expires_at, request_id=hold.request_id)


_WHO = """
    SELECT coalesce(p.held_by_initials, a.booked_by_initials) FROM period p LEFT JOIN appointment a ON a.id = p.id
    WHERE p.kind <> 'round'
      AND (p.slot_id = $1 OR ($5::uuid IS NULL AND p.practitioner_id = $2 AND p.inside_round_id IS NULL AND p.during && tstzrange($3, $4)))
    ORDER BY p.id LIMIT 1
"""


async def initials_of_holder(sql: Connection, slot: Slot) -> str | None:
    """« Pris par … »: a colleague's initials, never a patient's."""
    initials: str | None = await sql.fetchval(_WHO, slot.id, slot.practitioner_id, slot.starts_at, slot.ends_at, slot.round_id)
    return initials


def _hold(row: asyncpg.Record | None) -> Hold | None:
    if row is None:
        return None
    return Hold(
        row["territory_id"], row["id"], row["slot_id"], row["practitioner_id"], row["request_id"], row["held_by"],
        row["held_by_initials"], row["expires_at"],
    )  # fmt: skip
