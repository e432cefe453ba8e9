"""Closing an act: one of twelve outcomes, with the codes that the dated tariff proposes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from services.scheduling.domain import acts
from services.scheduling.domain.model import Appointment, Request
from services.scheduling.domain.refusals import AppointmentNotLive, OutcomeAlreadyGiven
from services.scheduling.domain.rules import Rules
from services.scheduling.domain.slots import instant
from services.scheduling.repository import appointments, practitioners, requests
from shared.db import Tx
from shared.errors import Forbidden
from shared.events.scheduling import ActClosed, ActOutcome, ProposedAct


@dataclass(frozen=True, slots=True)
class CloseAct:
    """Two taps of the doctor. `kept` are the codes he kept, None when he leaves the proposal for his monthly screen."""

    territory_id: str
    appointment_id: UUID
    closed_by: UUID
    practitioner_id: UUID | None
    outcome: ActOutcome
    would_be_mt: Literal["yes", "no", "later"] | None
    triage: Literal["right", "too_low", "too_high"] | None
    kept: Sequence[str] | None


async def close_act(command: CloseAct, tx: Tx, *, now: datetime, rules: Rules) -> UUID:
    """Close the appointment and tell the others; the same outcome again changes nothing.

    Raises OutcomeAlreadyGiven for another outcome, AppointmentNotLive, OutcomeNotForMode, ActNotAllowed, and Forbidden for a doctor who
    neither saw the patient nor supervises or bills for who did.
    """
    territory_id = command.territory_id
    request = await requests.lock(tx, territory_id, await appointments.request_of(tx.sql, territory_id, command.appointment_id))
    appointment = await appointments.get(tx.sql, territory_id, command.appointment_id)
    doctor = await practitioners.get(tx.sql, territory_id, appointment.practitioner_id)
    if command.practitioner_id not in {doctor.id, doctor.supervisor_id, appointment.billing_practitioner_id} - {None}:
        raise Forbidden("the act of another doctor")
    if appointment.state == "closed":
        if appointment.outcome != command.outcome:
            raise OutcomeAlreadyGiven(f"appointment {appointment.id}", outcome=appointment.outcome)
        return appointment.id
    if appointment.state == "cancelled":
        raise AppointmentNotLive(f"appointment {appointment.id}")
    acts.check_outcome(command.outcome, appointment.mode)
    tariff = rules.tariff(territory_id)
    facts = await _facts(tx, appointment, request, rules, territory_id)
    proposed = acts.propose(command.outcome, facts, tariff, appointment.on)
    kept = None if command.kept is None else acts.keep(command.kept, command.outcome, facts, tariff, appointment.on)
    version = await requests.next_version(tx, territory_id, request.id)
    await appointments.close(
        tx, territory_id, appointment.id, outcome=command.outcome, at=now, by=command.closed_by, would_be_mt=command.would_be_mt,
        triage=command.triage, tariff=tariff.name, version=version,
    )  # fmt: skip
    await appointments.store_acts(tx, territory_id, appointment, proposed, kept, by=command.closed_by, now=now)
    await tx.record(
        ActClosed(
            territory_id=territory_id, version=version, occurred_at=now, request_id=request.id, appointment_id=appointment.id,
            patient_id=appointment.patient_id, practitioner_id=appointment.practitioner_id,
            billing_practitioner_id=appointment.billing_practitioner_id, mode=appointment.mode, starts_at=appointment.starts_at,
            outcome=command.outcome, would_be_mt=command.would_be_mt, triage=command.triage,
            acts=[ProposedAct(code=act.code, amount_euros=act.amount_euros) for act in (proposed if kept is None else kept)],
            tariff=tariff.name,
        )
    )  # fmt: skip
    return appointment.id


async def _facts(tx: Tx, appointment: Appointment, request: Request, rules: Rules, territory_id: str) -> acts.ActFacts:
    """What the conditions of the tariff look at. A regulation counts only with its file number: the case does not tell one today."""
    qualified, zone = request.qualified, rules.profile(territory_id).zone
    monday = appointment.on - timedelta(days=appointment.on.weekday())
    week = (instant(monday, datetime.min.time(), zone), instant(monday + timedelta(days=7), datetime.min.time(), zone))
    return acts.ActFacts(
        mode=appointment.mode, starts_at=appointment.starts_at, flags=frozenset(qualified.flags if qualified else ()),
        without_mt=qualified.without_mt if qualified else True, regulation=None,
        snp_this_week=await appointments.snp_between(tx.sql, appointment.billing_practitioner_id, *week),
    )  # fmt: skip
