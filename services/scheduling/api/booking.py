"""Proposals, holds, appointments, outcomes. A booking that fails answers with what comes next."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field

from services.scheduling.api.views import (
    AppointmentView,
    Body,
    ProposalsView,
    Qualified,
    RulesDep,
    show_appointment,
    show_offers,
    view,
)
from services.scheduling.domain.model import Hold
from services.scheduling.domain.refusals import AlreadyBooked, NotFeasible, RoundNotFeasible, SlotTaken, TooLate
from services.scheduling.domain.rules import Rules
from services.scheduling.handlers import acts, booking, holds, search
from services.scheduling.repository import appointments, periods, requests, slots
from shared import clock
from shared.auth import Principal, require
from shared.db import Connection, Database
from shared.errors import Malformed, NotFound, Refused
from shared.events.intake import RequestQualified
from shared.events.scheduling import ActOutcome
from shared.http import CommandDep, DatabaseDep, MinVersionDep, await_version

router = APIRouter(tags=["booking"])

_NEXT_PROPOSALS = 6
"""What the page shows at once after a refusal, twice over; asking again shows them all."""

Desk = Annotated[Principal, Depends(require("secretary", "regulator", "osnp", "duty_doctor", "gp", "system"))]
Doctor = Annotated[Principal, Depends(require("gp", "duty_doctor"))]
Reader = Annotated[Principal, Depends(require("secretary", "gp", "duty_doctor", "regulator", "osnp", "coordinator", "system"))]


class ProposalsBody(Body):
    qualified: Qualified


class HoldBody(Body):
    request_id: UUID
    slot_id: UUID


class HoldView(BaseModel):
    hold_id: UUID
    slot_id: UUID
    practitioner_id: UUID
    request_id: UUID
    held_by_initials: str
    expires_at: AwareDatetime


class ReleasedView(BaseModel):
    hold_id: UUID
    released: bool = True


class BookBody(Body):
    request_id: UUID
    qualified: Qualified
    slot_id: UUID
    hold_id: UUID | None = Field(default=None, description="told for the record: a hold belongs to its request, which is enough")


class CancelBody(Body):
    cause: Literal["by_patient", "by_practitioner"]


class OutcomeBody(Body):
    outcome: ActOutcome
    would_be_mt: Literal["yes", "no", "later"] | None = None
    triage: Literal["right", "too_low", "too_high"] | None = None
    acts: Annotated[list[Annotated[str, Field(pattern=r"^[A-Z]{1,5}$")]] | None, Field(max_length=10)] = None


@router.post("/requests/{request_id}/proposals")
async def post_proposals(request_id: UUID, body: ProposalsBody, database: DatabaseDep, who: Desk, rules: RulesDep) -> ProposalsView:
    _same_request(request_id, body.qualified, who)
    return await _propose(database, body.qualified, who, rules, at_most=rules.kept_proposals)


@router.post("/holds")
async def post_hold(body: HoldBody, command: CommandDep, database: DatabaseDep, who: Desk, rules: RulesDep) -> HoldView:
    wanted = holds.HoldSlot(who.territory_id, body.request_id, body.slot_id, who.sub, who.initials)
    try:
        return await command.run(
            lambda tx, now: holds.hold_slot(wanted, tx, now=now, rules=rules),
            lambda sql, subject: _show_hold(sql, who.territory_id, subject),
        )
    except SlotTaken as taken:
        raise SlotTaken(taken.detail, taken_by_initials=await _taker(database, who.territory_id, body.slot_id)) from taken


@router.delete("/holds/{hold_id}")
async def delete_hold(hold_id: UUID, command: CommandDep, who: Desk) -> ReleasedView:
    return await command.run(
        lambda tx, now: holds.give_back(who.territory_id, hold_id, tx, now=now), lambda _sql, subject: _released(subject)
    )


@router.post("/appointments")
async def post_appointment(body: BookBody, command: CommandDep, database: DatabaseDep, who: Desk, rules: RulesDep) -> AppointmentView:
    """409 `already_booked` carries the appointment; any other refusal of the slot carries the next proposals and who took it."""
    _same_request(body.request_id, body.qualified, who)
    wanted = booking.BookAppointment(body.qualified, body.slot_id, who.sub, who.initials)
    try:
        return await command.run(
            lambda tx, now: booking.book_appointment(wanted, tx, now=now, rules=rules),
            lambda sql, subject: show_appointment(sql, who.territory_id, subject),
        )
    except AlreadyBooked as served:
        raise AlreadyBooked(served.detail, appointment=await _live(database, who.territory_id, body.request_id)) from served
    except (SlotTaken, TooLate, NotFeasible, RoundNotFeasible) as refused:
        raise await _with_next(refused, database, body, who, rules) from refused


@router.get("/appointments/{appointment_id}")
async def get_appointment(appointment_id: UUID, database: DatabaseDep, who: Reader) -> AppointmentView:
    async with database.reading() as sql:
        return await show_appointment(sql, who.territory_id, appointment_id)


@router.get("/requests/{request_id}/appointment")
async def get_appointment_of_request(request_id: UUID, database: DatabaseDep, who: Reader, wanted: MinVersionDep) -> AppointmentView:
    """The live appointment, else the last one. `min_version` names intake's version of the request."""

    async def known() -> int | None:
        async with database.reading() as sql:
            copy = await requests.find(sql, who.territory_id, request_id)
        return None if copy is None else copy.version

    stale = await await_version(known, wanted.version if wanted is not None else None)
    async with database.reading() as sql:
        found = await appointments.last(sql, who.territory_id, request_id)
        if found is None:
            raise NotFound(f"appointment of request {request_id}")
        return (await view(sql, who.territory_id, found)).model_copy(update={"stale": stale})


@router.post("/appointments/{appointment_id}/cancel")
async def post_cancel(appointment_id: UUID, body: CancelBody, command: CommandDep, who: Desk, rules: RulesDep) -> AppointmentView:
    return await command.run(
        lambda tx, now: booking.cancel_appointment(who.territory_id, appointment_id, body.cause, tx, now=now, rules=rules),
        lambda sql, subject: show_appointment(sql, who.territory_id, subject),
    )


@router.post("/appointments/{appointment_id}/outcome")
async def post_outcome(appointment_id: UUID, body: OutcomeBody, command: CommandDep, who: Doctor, rules: RulesDep) -> AppointmentView:
    wanted = acts.CloseAct(
        who.territory_id, appointment_id, who.sub, who.practitioner_id, body.outcome, body.would_be_mt, body.triage, body.acts
    )  # fmt: skip
    return await command.run(
        lambda tx, now: acts.close_act(wanted, tx, now=now, rules=rules),
        lambda sql, subject: show_appointment(sql, who.territory_id, subject),
    )


def _same_request(request_id: UUID, qualified: RequestQualified, who: Principal) -> None:
    """The qualification belongs to this request, in the caller's territory."""
    if qualified.territory_id != who.territory_id:
        raise NotFound(f"request {request_id}")
    if qualified.request_id != request_id:
        raise Malformed("another request", errors=[{"field": "qualified.request_id", "message": "is not the request of this command"}])


async def _propose(database: Database, qualified: RequestQualified, who: Principal, rules: Rules, *, at_most: int) -> ProposalsView:
    async with database.transaction() as tx:
        offers, total = await search.propose_slots(search.ProposeSlots(qualified, who.sub, at_most), tx, now=clock.now(), rules=rules)
    return show_offers(offers, total, qualified.see_by, rules)


async def _with_next(refused: Refused, database: Database, body: BookBody, who: Principal, rules: Rules) -> Refused:
    """« Pris par {initiales}. Suivant : {…} »: the same refusal, with the next proposals (stored as shown)."""
    proposals = await _propose(database, body.qualified, who, rules, at_most=_NEXT_PROPOSALS)
    taker = await _taker(database, who.territory_id, body.slot_id) if isinstance(refused, SlotTaken) else None
    return type(refused)(
        refused.detail, **refused.extra, proposals=proposals.model_dump(mode="json")["items"], none_before=proposals.none_before,
        taken_by_initials=taker,
    )  # fmt: skip


async def _taker(database: Database, territory_id: str, slot_id: UUID) -> str | None:
    async with database.reading() as sql:
        slot = await slots.find_slot(sql, territory_id, slot_id)
        return await periods.initials_of_holder(sql, slot) if slot is not None else None


async def _live(database: Database, territory_id: str, request_id: UUID) -> dict[str, object] | None:
    async with database.reading() as sql:
        found = await appointments.live(sql, territory_id, request_id)
        return (await view(sql, territory_id, found)).model_dump(mode="json") if found is not None else None


async def _show_hold(sql: Connection, territory_id: str, hold_id: UUID) -> HoldView:
    hold: Hold | None = await periods.find_hold(sql, territory_id, hold_id)
    if hold is None:
        raise NotFound(f"hold {hold_id}")
    return HoldView(
        hold_id=hold.id, slot_id=hold.slot_id, practitioner_id=hold.practitioner_id, request_id=hold.request_id,
        held_by_initials=hold.held_by_initials, expires_at=hold.expires_at,
    )  # fmt: skip


async def _released(hold_id: UUID) -> ReleasedView:
    return ReleasedView(hold_id=hold_id)
