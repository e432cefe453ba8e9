"""What each fact of scheduling does to a video session."""

from datetime import datetime
from uuid import UUID

from services.teleconsult import domain, repository
from services.teleconsult.domain import Booking
from shared.db import Tx
from shared.events.scheduling import ActClosed, AppointmentBooked, AppointmentCancelled


async def on_appointment_booked(event: AppointmentBooked, tx: Tx, *, now: datetime) -> None:
    """A teleconsultation gets its session; another mode closes the one it had, if it moved."""
    before = await repository.lock_session(tx, event.territory_id, event.appointment_id, event.request_id)
    booking = Booking(event.version, event.practitioner_id, event.mode, event.starts_at, event.ends_at)
    after, events = domain.booked(before, booking, now=now)
    if after != before:
        await repository.save_session(tx, after)
    for opened in events:
        await tx.record(opened)


async def on_appointment_cancelled(event: AppointmentCancelled, tx: Tx, *, now: datetime) -> None:
    """The slot is free again."""
    await _end(tx, event.territory_id, event.appointment_id, event.request_id, outcome=event.cause, version=event.version)


async def on_act_closed(event: ActClosed, tx: Tx, *, now: datetime) -> None:
    """The doctor is done with it, whatever became of the patient."""
    await _end(tx, event.territory_id, event.appointment_id, event.request_id, outcome=event.outcome, version=event.version)


async def _end(tx: Tx, territory_id: str, appointment_id: UUID, request_id: UUID, *, outcome: str, version: int) -> None:
    before = await repository.lock_session(tx, territory_id, appointment_id, request_id)
    after = domain.ended(before, outcome=outcome, version=version)
    if after != before:
        await repository.save_session(tx, after)
