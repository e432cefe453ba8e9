"""Holds: a slot kept three minutes for the person on the line, seen by the colleagues, gone by itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.scheduling.domain.model import Hold, Slot
from services.scheduling.domain.refusals import SlotTaken
from services.scheduling.domain.rules import Rules
from services.scheduling.repository import periods, practitioners, slots
from shared.db import Tx
from shared.errors import NotFound
from shared.events.scheduling import SlotHeld, SlotReleased
from shared.ids import new_id

HOLD_EXPIRES = "hold_expires"
"""Timer: a hold is over (business clock)."""


@dataclass(frozen=True, slots=True)
class HoldSlot:
    """« 1 » to « 3 » on the keyboard: keep this slot while she reads it out."""

    territory_id: str
    request_id: UUID
    slot_id: UUID
    held_by: UUID
    initials: str


async def hold_slot(command: HoldSlot, tx: Tx, *, now: datetime, rules: Rules) -> UUID:
    """Keep the slot; the hold's id. The same slot again for the same request is kept longer; another one gives the first back.

    Raises SlotTaken and changes nothing.
    """
    territory_id = command.territory_id
    slot = await slots.lock_slot(tx, territory_id, command.slot_id)
    present = await _present_hold(tx, slot, command.request_id, now=now)
    hold = Hold(
        territory_id, present.id if present else new_id(), slot.id, slot.practitioner_id, command.request_id, command.held_by,
        command.initials, now + rules.hold,
    )  # fmt: skip
    if present is None:
        await periods.take_for_hold(tx, territory_id, hold, slot)
    else:
        await periods.extend_hold(tx, territory_id, hold, slot)
    for other in await periods.holds_of_request(tx.sql, territory_id, command.request_id):
        if other.id != hold.id:
            await release(tx, other, "given_back", now=now)
    await tx.schedule(HOLD_EXPIRES, territory_id, hold.id, hold.expires_at)
    version = await practitioners.next_version(tx, territory_id, slot.practitioner_id)
    await tx.record(
        SlotHeld(
            territory_id=territory_id, version=version, occurred_at=now, practitioner_id=slot.practitioner_id, slot_id=slot.id,
            hold_id=hold.id, held_by=hold.held_by, expires_at=hold.expires_at,
        )
    )  # fmt: skip
    return hold.id


async def give_back(territory_id: str, hold_id: UUID, tx: Tx, *, now: datetime) -> UUID:
    """The caller chose something else. Raises NotFound for a hold that is gone."""
    hold = await periods.find_hold(tx.sql, territory_id, hold_id)
    if hold is None:
        raise NotFound(f"hold {hold_id}")
    await release(tx, hold, "given_back", now=now)
    return hold_id


async def hold_expires(territory_id: str, subject_id: UUID, tx: Tx, *, now: datetime) -> None:
    """The three minutes are over; a hold that was renewed meanwhile stays."""
    hold = await periods.find_hold(tx.sql, territory_id, subject_id)
    if hold is not None and hold.expires_at <= now:
        await release(tx, hold, "expired", now=now)


async def clear_the_way(tx: Tx, slot: Slot, request_id: UUID, *, now: datetime) -> None:
    """For a booking: the request's own hold gives way to its appointment, without SlotReleased, since the slot never was free."""
    own = await _present_hold(tx, slot, request_id, now=now)
    if own is not None:
        await periods.free(tx, own.territory_id, own.id, own.slot_id)
        await tx.unschedule(HOLD_EXPIRES, own.id)


async def _present_hold(tx: Tx, slot: Slot, request_id: UUID, *, now: datetime) -> Hold | None:
    """The request's own hold of this slot, if any. Holds that are over are dropped by whoever wants the slot, its row being locked;
    raises SlotTaken for somebody else's."""
    own = None
    for hold in await periods.holds_in_the_way(tx.sql, slot):
        if hold.expires_at <= now:
            await release(tx, hold, "expired", now=now)
        elif hold.request_id != request_id:
            raise SlotTaken(f"slot {slot.id}")
        elif hold.slot_id == slot.id:
            own = hold
        else:
            await release(tx, hold, "given_back", now=now)
    return own


async def release_all(tx: Tx, territory_id: str, request_id: UUID, *, now: datetime) -> None:
    """The request is served or over: what was kept for it is free."""
    for hold in await periods.holds_of_request(tx.sql, territory_id, request_id):
        await release(tx, hold, "given_back", now=now)


async def release(tx: Tx, hold: Hold, cause: Literal["given_back", "expired"], *, now: datetime) -> None:
    """Free the slot and tell the colleagues, once: who comes second finds nothing to free."""
    if not await periods.free(tx, hold.territory_id, hold.id, hold.slot_id):
        return
    await tx.unschedule(HOLD_EXPIRES, hold.id)
    await tx.record(
        SlotReleased(
            territory_id=hold.territory_id, occurred_at=now,
            version=await practitioners.next_version(tx, hold.territory_id, hold.practitioner_id),
            practitioner_id=hold.practitioner_id, slot_id=hold.slot_id, hold_id=hold.id, cause=cause,
        )
    )  # fmt: skip
