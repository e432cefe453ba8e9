"""Representations, and how they are read. What the console shows of the agenda: no identity is here, only ids and codes."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict

from services.scheduling.domain.allocation import WHY_TEXT
from services.scheduling.domain.model import Appointment
from services.scheduling.domain.rules import Rules
from services.scheduling.handlers.search import Offer
from services.scheduling.repository import appointments, practitioners, requests
from shared.auth import Principal, require
from shared.db import Connection
from shared.events.base import Mode
from shared.events.intake import RequestQualified
from shared.events.scheduling import ActOutcome, PractitionerStatus
from shared.http import storable


async def rules(request: Request) -> Rules:
    """Dependency: what `app.py` built."""
    built: Rules = request.app.state.rules
    return built


RulesDep = Annotated[Rules, Depends(rules)]


def _tolerant(value: Any) -> Any:
    """Written by intake, read here: fields that this release does not know are left out."""
    if not isinstance(value, dict):
        return value
    return {name: content for name, content in value.items() if name in RequestQualified.model_fields}


Qualified = Annotated[RequestQualified, BeforeValidator(_tolerant), AfterValidator(storable)]


Staff = Annotated[
    Principal, Depends(require("secretary", "gp", "duty_doctor", "regulator", "arm", "osnp", "coordinator", "ops", "admin", "system"))
]
"""Everybody who works here; a patient's or a machine's token reads nothing of the agenda."""


class Body(BaseModel):
    """A command's body: nothing that is not understood is accepted in silence."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class ProposalView(BaseModel):
    proposal_id: UUID
    rank: int
    slot_id: UUID
    practitioner_id: UUID
    practitioner_name: str
    status: PractitionerStatus
    supervisor_name: str | None
    mode: Mode
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    window_starts_at: AwareDatetime | None
    window_ends_at: AwareDatetime | None
    travel_minutes: int | None
    why: str
    why_text: str
    held_by_initials: str | None


class ProposalsView(BaseModel):
    items: list[ProposalView]
    none_before: AwareDatetime | None
    total: int


class ActView(BaseModel):
    code: str
    label: str
    amount_euros: Decimal
    caution: str | None
    kept: bool | None


class AppointmentView(BaseModel):
    appointment_id: UUID
    version: int
    request_id: UUID
    patient_id: UUID
    practitioner_id: UUID
    practitioner_name: str
    status: PractitionerStatus
    supervisor_name: str | None
    billing_practitioner_id: UUID
    slot_id: UUID
    mode: Mode
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    window_starts_at: AwareDatetime | None
    window_ends_at: AwareDatetime | None
    planned_at: AwareDatetime
    travel_minutes: int | None
    state: str
    cancel_cause: str | None
    path: str
    rank: int
    why: str
    why_text: str
    booked_at: AwareDatetime
    booked_by_initials: str
    outcome: ActOutcome | None
    would_be_mt: str | None
    triage: str | None
    acts_proposed: list[ActView]
    tariff: str | None
    stale: bool = False


class DayItemView(AppointmentView):
    """An appointment with what its doctor reads before going (operations.md §11); names and words come from intake."""

    urgency: str | None
    see_by: AwareDatetime | None
    contract_deadline: AwareDatetime | None
    reason: str | None
    flags: list[str]
    age_band: str | None
    commune: str | None
    without_mt: bool | None


def show_offers(offers: Sequence[Offer], total: int, see_by: datetime, rules: Rules) -> ProposalsView:
    """The list for the page; `none_before` when there is nothing at all."""
    return ProposalsView(items=[_proposal(offer, rules) for offer in offers], none_before=see_by if total == 0 else None, total=total)


def _proposal(offer: Offer, rules: Rules) -> ProposalView:
    slot, ranked, free = offer.ranked.candidate.slot, offer.ranked, offer.free
    start, end = rules.slots.window_around(slot.starts_at) if slot.mode == "visit" else (None, None)
    return ProposalView(
        proposal_id=offer.proposal_id, rank=ranked.rank, slot_id=slot.id, practitioner_id=slot.practitioner_id,
        practitioner_name=free.practitioner_name, status=free.status, supervisor_name=free.supervisor_name, mode=slot.mode,
        starts_at=slot.starts_at, ends_at=slot.ends_at, window_starts_at=start, window_ends_at=end,
        travel_minutes=ranked.candidate.travel_minutes if slot.mode == "visit" else None, why=ranked.why, why_text=WHY_TEXT[ranked.why],
        held_by_initials=free.held_by_initials,
    )  # fmt: skip


async def show_appointment(sql: Connection, territory_id: str, appointment_id: UUID) -> AppointmentView:
    """Raises NotFound, also for another territory's."""
    return await view(sql, territory_id, await appointments.get(sql, territory_id, appointment_id))


async def view(sql: Connection, territory_id: str, appointment: Appointment) -> AppointmentView:
    # Acts are stored when the appointment is closed: for the caller who books there are none to ask for.
    stored = await appointments.acts(sql, territory_id, [appointment.id]) if appointment.state == "closed" else {}
    return AppointmentView(**await _fields(sql, territory_id, appointment, stored.get(appointment.id, [])))


async def show_day(sql: Connection, territory_id: str, day: Sequence[Appointment]) -> list[DayItemView]:
    """The doctor's queue: each appointment with the clinical codes of its request."""
    stored = await appointments.acts(sql, territory_id, [a.id for a in day])
    known = await requests.several(sql, territory_id, [a.request_id for a in day])
    items = []
    for appointment in day:
        request = known.get(appointment.request_id)
        qualified = request.qualified if request is not None else None
        items.append(
            DayItemView(
                **await _fields(sql, territory_id, appointment, stored.get(appointment.id, [])),
                urgency=qualified.urgency if qualified else None, see_by=qualified.see_by if qualified else None,
                contract_deadline=qualified.contract_deadline if qualified else None, reason=qualified.reason if qualified else None,
                flags=qualified.flags if qualified else [], age_band=qualified.age_band if qualified else None,
                commune=qualified.commune if qualified else None, without_mt=qualified.without_mt if qualified else None,
            )
        )  # fmt: skip
    return items


async def _fields(sql: Connection, territory_id: str, a: Appointment, acts: Sequence[appointments.StoredAct]) -> dict[str, Any]:
    doctor, senior = await practitioners.get_with_senior(sql, territory_id, a.practitioner_id)
    return {
        "appointment_id": a.id, "version": a.version, "request_id": a.request_id, "patient_id": a.patient_id,
        "practitioner_id": a.practitioner_id, "practitioner_name": doctor.display_name, "status": doctor.status,
        "supervisor_name": senior, "billing_practitioner_id": a.billing_practitioner_id,
        "slot_id": a.slot_id, "mode": a.mode, "starts_at": a.starts_at, "ends_at": a.ends_at, "window_starts_at": a.window_starts_at,
        "window_ends_at": a.window_ends_at, "planned_at": a.planned_at, "travel_minutes": a.travel_minutes, "state": a.state,
        "cancel_cause": a.cancel_cause, "path": a.path, "rank": a.rank, "why": a.why, "why_text": WHY_TEXT[a.why],
        "booked_at": a.booked_at, "booked_by_initials": a.booked_by_initials, "outcome": a.outcome, "would_be_mt": a.would_be_mt,
        "triage": a.triage, "tariff": a.tariff,
        "acts_proposed": [
            ActView(code=act.code, label=act.label, amount_euros=act.amount_euros, caution=act.caution, kept=act.kept) for act in acts
        ],
    }  # fmt: skip
