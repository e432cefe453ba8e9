"""One way to give a slot to a request, whoever asks: the secretary over HTTP, an event, a timer."""

from dataclasses import dataclass
from datetime import datetime
from typing import get_args
from uuid import UUID

from services.scheduling.domain import appointments as giving
from services.scheduling.domain.acts import FINAL
from services.scheduling.domain.allocation import Candidate, still_fits, why_unallocated
from services.scheduling.domain.model import Appointment, CancelCause, Path, Request, Slot
from services.scheduling.domain.refusals import (
    AlreadyBooked,
    NotFeasible,
    RequestEnded,
    RoundNotFeasible,
    SlotTaken,
    TooLate,
)
from services.scheduling.domain.rounds import PlannedStop, Stop, plan
from services.scheduling.domain.rules import Rules
from services.scheduling.handlers import holds
from services.scheduling.handlers.search import rank_slots
from services.scheduling.repository import appointments, periods, practitioners, requests, slots
from shared.db import Tx
from shared.errors import NotFound, Refused
from shared.events.base import Mode
from shared.events.intake import RequestQualified
from shared.events.scheduling import RequestUnallocated
from shared.ids import new_id

ASSIST_ENDS = "assist_ends"
"""Timer: nobody chose a slot in time for an assisted request; it is allocated without the secretary."""

_SEARCHES = 3
_TRIES_PER_SEARCH = 10
_NOBODY = "auto"
_MODES: tuple[Mode, ...] = get_args(Mode)
_SOMEBODY_ELSE_WAS_FASTER = (SlotTaken, RoundNotFeasible, NotFeasible, TooLate, NotFound)


@dataclass(frozen=True, slots=True)
class BookAppointment:
    """The caller agreed to a slot that was read out. The qualification comes with the command."""

    qualified: RequestQualified
    slot_id: UUID
    booked_by: UUID | None
    initials: str


async def book_appointment(command: BookAppointment, tx: Tx, *, now: datetime, rules: Rules) -> UUID:
    """Give the slot to the request and tell the others; the appointment's id. Raises and changes nothing otherwise:
    AlreadyBooked, SlotTaken, TooLate, NotFeasible, RoundNotFeasible, RequestEnded, NotFound."""
    qualified = command.qualified
    request = await requests.learn(tx, qualified)
    if request.ended_cause is not None:
        raise RequestEnded(f"request {request.id}", cause=request.ended_cause)
    await _make_way(tx, request, qualified.territory_id, now=now)
    given = await _give_slot(
        tx, request, qualified.territory_id, command.slot_id, path="assisted", by=command.booked_by, initials=command.initials, shown=None,
        rules=rules, now=now,
    )  # fmt: skip
    return given.id


async def _make_way(tx: Tx, request: Request, territory_id: str, *, now: datetime) -> None:
    """Raises AlreadyBooked when the request is served; cancels an appointment that a newer qualification no longer fits."""
    if not request.own_version:
        return  # we never said anything about this request, so it never had an appointment
    last = await appointments.last(tx.sql, territory_id, request.id)
    qualified = request.qualified
    if last is None or qualified is None or last.state == "cancelled":
        return
    newer = qualified.version > last.qualified_version
    if last.state == "closed":
        if last.outcome in FINAL and not newer:
            raise RequestEnded(f"request {request.id}", cause=last.outcome)
        return
    if not newer or still_fits(qualified, mode=last.mode, starts_at=last.starts_at):
        raise AlreadyBooked(f"request {request.id}", appointment_id=last.id)
    await cancel(tx, territory_id, last, "requalified", now=now)


async def _give_slot(
    tx: Tx, request: Request, territory_id: str, slot_id: UUID, *, path: Path, by: UUID | None, initials: str,
    shown: tuple[int, str] | None, rules: Rules, now: datetime,
) -> Appointment:  # fmt: skip
    """The request's copy is locked; lock the slot, look at the rules again, insert under the constraints, record."""
    assert request.qualified is not None
    qualified, profile = request.qualified, rules.profile(territory_id)
    slot = await slots.lock_slot(tx, territory_id, slot_id)
    await holds.clear_the_way(tx, slot, request.id, now=now)
    doctor, senior = await practitioners.get_with_senior(tx.sql, territory_id, slot.practitioner_id)
    videos = await _count_videos(tx, doctor.billing_practitioner_id, slot)
    candidate = Candidate(
        slot=slot, status=doctor.status, has_supervisor=senior is not None, accepts_as_mt=doctor.accepts_as_mt, load=0.0,
        travel_minutes=None, videos_booked=videos, closed=profile.closed_on(slot.on),
    )  # fmt: skip
    giving.check(qualified, candidate, rules.allocation, now=now)
    appointment_id = new_id()
    await periods.take_for_appointment(tx, territory_id, appointment_id, slot, request.id)
    planned = await _plan_round(tx, territory_id, slot, Stop(appointment_id, slot.starts_at, profile.position_of(qualified)), rules)
    rank, why = (
        shown or await requests.last_shown(tx.sql, territory_id, request.id, slot.id) or await _rank_now(tx, qualified, slot, rules, now)
    )
    given = giving.give(
        appointment_id, qualified, candidate, billing_practitioner_id=doctor.billing_practitioner_id, planned=planned, profile=profile,
        rules=rules.slots, path=path, initials=initials, rank=rank, why=why,
        version=await requests.next_version(tx, territory_id, request.id, answers=qualified.version), now=now,
    )  # fmt: skip
    await appointments.insert(tx, territory_id, given, booked_by=by)
    await tx.unschedule(ASSIST_ENDS, request.id)
    await tx.record(giving.booked(territory_id, given, now=now))
    await holds.release_all(tx, territory_id, request.id, now=now)
    return given


async def _count_videos(tx: Tx, billing_id: UUID, slot: Slot) -> int:
    if slot.mode != "teleconsultation":
        return 0
    await appointments.lock_videos(tx, billing_id, slot.on)
    return (await appointments.videos_booked(tx.sql, [billing_id], [slot.on])).get((billing_id, slot.on), 0)


async def _plan_round(tx: Tx, territory_id: str, slot: Slot, added: Stop, rules: Rules) -> PlannedStop | None:
    """Lock the round, add the visit and move the others inside their windows; raises RoundNotFeasible."""
    if slot.round_id is None:
        return None
    the_round = await slots.lock_round(tx, territory_id, slot.round_id)
    stops = (await appointments.stops(tx.sql, territory_id, [the_round.id]))[the_round.id]
    planned = plan(the_round, [*stops, added], rules.slots)
    await appointments.replan(tx, territory_id, planned)
    return next(stop for stop in planned if stop.appointment_id == added.appointment_id)


async def _rank_now(tx: Tx, qualified: RequestQualified, slot: Slot, rules: Rules, now: datetime) -> tuple[int, str]:
    """A slot that nobody was shown (a repair, a tool): the best of what is left is told as the reason of its kind."""
    better = [
        offer for offer in await rank_slots(tx.sql, qualified, rules, now=now) if offer.ranked.candidate.slot.starts_at < slot.starts_at
    ]
    return len(better) + 1, "soonest" if not better else "chosen_by_caller"


async def allocate(tx: Tx, request: Request, territory_id: str, *, now: datetime, rules: Rules) -> None:
    """Book the best slot there is, or say that nothing fits before `see_by`: never tomorrow instead."""
    assert request.qualified is not None
    qualified = request.qualified
    for _ in range(_SEARCHES):
        offers = await rank_slots(tx.sql, qualified, rules, now=now)
        for offer in offers[:_TRIES_PER_SEARCH]:
            try:
                async with tx.sql.transaction():
                    await _give_slot(
                        tx, request, territory_id, offer.free.slot.id, path="automatic", by=None, initials=_NOBODY,
                        shown=(offer.ranked.rank, offer.ranked.why), rules=rules, now=now,
                    )  # fmt: skip
                return
            except _SOMEBODY_ELSE_WAS_FASTER:
                continue
        if not offers:
            break
    await _record_unallocated(tx, qualified, now=now, rules=rules)


async def _record_unallocated(tx: Tx, qualified: RequestQualified, *, now: datetime, rules: Rules) -> None:
    offered = await slots.pool_offers(tx.sql, qualified.territory_id, qualified.modes)
    others = [mode for mode in _MODES if mode not in qualified.modes]
    elsewhere = await rank_slots(tx.sql, qualified, rules, now=now, modes=others) if others else []
    await tx.unschedule(ASSIST_ENDS, qualified.request_id)
    await tx.record(
        RequestUnallocated(
            territory_id=qualified.territory_id, version=await requests.next_version(
                tx, qualified.territory_id, qualified.request_id, answers=qualified.version
            ),
            occurred_at=now, request_id=qualified.request_id, see_by=qualified.see_by,
            cause=why_unallocated(pool_has_mode=offered, other_modes_fit=bool(elsewhere)),
        )
    )  # fmt: skip


async def assist_ends(territory_id: str, subject_id: UUID, tx: Tx, *, now: datetime, rules: Rules) -> None:
    """The secretary had her time (15 min): allocate now, if the request still waits for us."""
    request = await requests.lock(tx, territory_id, subject_id)
    if request.waits_for_us:
        await allocate(tx, request, territory_id, now=now, rules=rules)


async def cancel(tx: Tx, territory_id: str, appointment: Appointment, cause: CancelCause, *, now: datetime) -> None:
    """The slot is free again and the others know. The request's copy is locked by the caller."""
    version = await requests.next_version(tx, territory_id, appointment.request_id)
    await periods.free(tx, territory_id, appointment.id, appointment.slot_id)
    await appointments.cancel(tx, territory_id, appointment.id, cause, version)
    await tx.record(giving.cancelled(territory_id, appointment, cause, version, now=now))


async def cancel_appointment(
    territory_id: str, appointment_id: UUID, cause: CancelCause, tx: Tx, *, now: datetime, rules: Rules
) -> UUID:  # fmt: skip
    """By the patient: the desk goes on with the request. By the doctor: another slot is looked for at once, so that nobody is left
    without slot or owner, unless the 15 or a duty doctor has the request. A repeat changes nothing; a closed act is refused."""
    request = await requests.lock(tx, territory_id, await appointments.request_of(tx.sql, territory_id, appointment_id))
    appointment = await appointments.get(tx.sql, territory_id, appointment_id)
    if appointment.state == "closed":
        raise Refused(f"appointment {appointment_id} is closed")
    if appointment.state == "booked":
        await cancel(tx, territory_id, appointment, cause, now=now)
        if cause == "by_practitioner" and not (request.ended_cause or request.paused_cause):
            await allocate(tx, request, territory_id, now=now, rules=rules)
    return appointment_id
