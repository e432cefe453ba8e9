"""What scheduling does when it hears of a request. Facts of two topics may come either way round; HTTP may have come first."""

from datetime import datetime

from services.scheduling.domain.allocation import still_fits
from services.scheduling.domain.model import CancelCause
from services.scheduling.domain.rules import Rules
from services.scheduling.handlers import booking, holds
from services.scheduling.repository import appointments, requests
from shared.db import Tx
from shared.events.intake import AdviceRequested, AllocationDelegated, RequestCancelled, RequestClosed, RequestHandedOver, RequestQualified
from shared.events.regulation import CaseDecided

_TAKEN = frozenset({"taken_by_15", "smur_sent"})


async def on_request_qualified(event: RequestQualified, tx: Tx, *, now: datetime, rules: Rules) -> None:
    """Find a slot: at once, or when the secretary's time is over. An appointment that still fits stays; one that does not is replaced.

    Nothing happens for a qualification that was already answered over HTTP, and nothing for a request that ended.
    """
    request = await requests.learn(tx, event)
    if request.ended_cause is not None or request.qualified is None or request.qualified.version != event.version:
        return
    live = await appointments.live(tx.sql, event.territory_id, request.id)
    if live is not None:
        if still_fits(event, mode=live.mode, starts_at=live.starts_at):
            await requests.decided(tx, event.territory_id, request.id, event.version)
            return
        await booking.cancel(tx, event.territory_id, live, "requalified", now=now)
    if not request.waits_for_us:
        return
    if event.allocation == "assisted" and event.assist_until is not None and event.assist_until > now:
        await tx.schedule(booking.ASSIST_ENDS, event.territory_id, request.id, event.assist_until)
    else:
        await booking.allocate(tx, request, event.territory_id, now=now, rules=rules)


async def on_allocation_delegated(event: AllocationDelegated, tx: Tx, *, now: datetime, rules: Rules) -> None:
    """« Allouer sans moi », or the call ended: no more waiting."""
    await tx.unschedule(booking.ASSIST_ENDS, event.request_id)
    await booking.assist_ends(event.territory_id, event.request_id, tx, now=now, rules=rules)


async def on_request_handed_over(event: RequestHandedOver, tx: Tx, *, now: datetime) -> None:
    """The 15 is being called: nothing new is allocated, and the appointment stays until the case is taken."""
    await _pause(tx, event, "handed_over")


async def on_advice_requested(event: AdviceRequested, tx: Tx, *, now: datetime) -> None:
    """Nothing is booked by us before a doctor's word; what is booked stays."""
    await _pause(tx, event, "advice")


async def _pause(tx: Tx, event: RequestHandedOver | AdviceRequested, cause: str) -> None:
    await requests.lock(tx, event.territory_id, event.request_id)
    await requests.pause(tx, event.territory_id, event.request_id, cause, event.version)
    await tx.unschedule(booking.ASSIST_ENDS, event.request_id)


async def on_request_ended(event: RequestCancelled | RequestClosed, tx: Tx, *, now: datetime) -> None:
    """The need is gone: a live appointment is freed, and a qualification that comes late finds this marker."""
    cause = event.cause if isinstance(event, RequestCancelled) else event.outcome
    await requests.lock(tx, event.territory_id, event.request_id)
    await requests.end(tx, event.territory_id, event.request_id, cause, event.version)
    await _free(tx, event, "request_cancelled", now=now)


async def on_case_decided(event: CaseDecided, tx: Tx, *, now: datetime) -> None:
    """Taken by the 15 or the SMUR: the appointment is free again. Other decisions are intake's to follow."""
    request = await requests.lock(tx, event.territory_id, event.request_id)
    if event.decision in _TAKEN:
        await requests.end(tx, event.territory_id, event.request_id, event.decision, request.version)
        await _free(tx, event, "taken_by_15", now=now)


async def _free(tx: Tx, event: RequestCancelled | RequestClosed | CaseDecided, cause: CancelCause, *, now: datetime) -> None:
    live = await appointments.live(tx.sql, event.territory_id, event.request_id)
    if live is not None:
        await booking.cancel(tx, event.territory_id, live, cause, now=now)
    await holds.release_all(tx, event.territory_id, event.request_id, now=now)
    await tx.unschedule(booking.ASSIST_ENDS, event.request_id)
