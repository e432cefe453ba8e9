"""Giving a slot to a request, and the facts that come of it."""

from datetime import datetime
from uuid import UUID

from services.scheduling.domain.allocation import AllocationRules, Candidate, broken_rule
from services.scheduling.domain.model import Appointment, CancelCause, Path, Profile
from services.scheduling.domain.refusals import NotFeasible, RoundNotFeasible, TooLate
from services.scheduling.domain.rounds import PlannedStop
from services.scheduling.domain.slots import SlotRules
from shared.events.intake import RequestQualified
from shared.events.scheduling import AppointmentBooked, AppointmentCancelled


def check(request: RequestQualified, candidate: Candidate, rules: AllocationRules, *, now: datetime) -> None:
    """Raises TooLate, RoundNotFeasible or NotFeasible when a hard rule forbids the slot."""
    rule = broken_rule(request, candidate, rules, now=now)
    if rule == "too_late":
        raise TooLate(f"slot {candidate.slot.id} starts after the see_by of request {request.request_id}", see_by=request.see_by)
    if rule == "round_not_feasible":
        raise RoundNotFeasible(f"slot {candidate.slot.id}")
    if rule is not None:
        raise NotFeasible(f"slot {candidate.slot.id}: {rule}", rule=rule)


def give(
    appointment_id: UUID, request: RequestQualified, candidate: Candidate, *, billing_practitioner_id: UUID, planned: PlannedStop | None,
    profile: Profile, rules: SlotRules, path: Path, initials: str, rank: int, why: str, version: int, now: datetime,
) -> Appointment:  # fmt: skip
    """The appointment that serves `request`. A visit is told as a window around the time of its place in the round."""
    slot = candidate.slot
    window_starts_at, window_ends_at = rules.window_around(slot.starts_at) if slot.mode == "visit" else (None, None)
    return Appointment(
        id=appointment_id, request_id=request.request_id, patient_id=request.patient_id, practitioner_id=slot.practitioner_id,
        billing_practitioner_id=billing_practitioner_id, slot_id=slot.id, round_id=slot.round_id, mode=slot.mode, starts_at=slot.starts_at,
        ends_at=slot.ends_at, on=slot.on, window_starts_at=window_starts_at,
        window_ends_at=window_ends_at, planned_at=planned.planned_at if planned else slot.starts_at,
        travel_minutes=planned.road_minutes if planned else None, position=profile.position_of(request) if slot.mode == "visit" else None,
        state="booked", cancel_cause=None, path=path, rank=rank, why=why, booked_at=now, booked_by_initials=initials,
        qualified_version=request.version, version=version, outcome=None, would_be_mt=None, triage=None, tariff=None,
    )  # fmt: skip


def booked(territory_id: str, a: Appointment, *, now: datetime) -> AppointmentBooked:
    return AppointmentBooked(
        territory_id=territory_id, version=a.version, occurred_at=now, request_id=a.request_id, appointment_id=a.id,
        patient_id=a.patient_id, practitioner_id=a.practitioner_id, billing_practitioner_id=a.billing_practitioner_id, slot_id=a.slot_id,
        mode=a.mode, starts_at=a.starts_at, ends_at=a.ends_at, window_starts_at=a.window_starts_at, window_ends_at=a.window_ends_at,
        travel_minutes=a.travel_minutes, path=a.path, rank=a.rank, why=a.why,
    )  # fmt: skip


def cancelled(territory_id: str, a: Appointment, cause: CancelCause, version: int, *, now: datetime) -> AppointmentCancelled:
    return AppointmentCancelled(
        territory_id=territory_id, version=version, occurred_at=now, request_id=a.request_id, appointment_id=a.id,
        practitioner_id=a.practitioner_id, cause=cause,
    )  # fmt: skip
