"""The pool, its weeks and the rota: what the agenda is made from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from uuid import UUID

from services.scheduling.domain.model import SUPERVISED, Practitioner
from services.scheduling.domain.refusals import UnknownSupervisor
from services.scheduling.domain.rules import Rules
from services.scheduling.domain.slots import Availability, DutyPeriod, check_rota, check_week, instant, plan_day
from services.scheduling.repository import practitioners, slots
from shared.db import Tx
from shared.errors import Malformed
from shared.events.scheduling import DutyDoctorNamed, PractitionerRegistered, SlotsPublished

MATERIALISE = "materialise_slots"
"""Timer: once a night the day that enters the horizon gets its slots, per doctor."""

_NIGHTLY_AT = time(3, 0)


async def register_practitioner(wanted: Practitioner, territory_id: str, tx: Tx, *, now: datetime) -> UUID:
    """Add or replace a doctor of the pool; the same again says nothing.

    Raises UnknownSupervisor for a senior or billing doctor that is not of the pool.
    """
    for other in (wanted.supervisor_id, wanted.billing_practitioner_id):
        if other is not None and other != wanted.id and await practitioners.find(tx.sql, territory_id, other) is None:
            raise UnknownSupervisor(f"practitioner {other}")
    if wanted.supervisor_id == wanted.id:
        raise UnknownSupervisor("nobody supervises himself")
    known = await practitioners.find(tx.sql, territory_id, wanted.id)
    if known is not None and replace(known, version=0) == replace(wanted, version=0):
        return wanted.id
    version = await practitioners.save(tx, territory_id, wanted)
    await tx.record(
        PractitionerRegistered(
            territory_id=territory_id, version=version, occurred_at=now, practitioner_id=wanted.id, display_name=wanted.display_name,
            status=wanted.status, supervisor_id=wanted.supervisor_id, modes=list(wanted.modes),
        )
    )  # fmt: skip
    return wanted.id


def billed_by(practitioner_id: UUID, supervisor_id: UUID | None, status: str, named: UUID | None) -> UUID:
    """Whose number is on the act: the one named, else the supervising titulaire of an adjoint, else the doctor (operations.md A4)."""
    if named is not None:
        return named
    return supervisor_id if status in SUPERVISED and supervisor_id is not None else practitioner_id


@dataclass(frozen=True, slots=True)
class SetWeek:
    """The whole week of a doctor, replaced."""

    territory_id: str
    practitioner_id: UUID
    lines: Sequence[Availability]


async def set_week(command: SetWeek, tx: Tx, *, now: datetime, rules: Rules) -> UUID:
    """Replace the availability and make the slots of the horizon; what is booked or held stays. Raises AvailabilityOverlaps."""
    check_week(command.lines)
    doctor = await practitioners.get(tx.sql, command.territory_id, command.practitioner_id)
    await practitioners.lock_agenda(tx, command.territory_id, doctor.id)
    await practitioners.replace_week(tx, command.territory_id, doctor.id, command.lines)
    today = rules.profile(command.territory_id).local_day(now)
    await _materialise(tx, command.territory_id, doctor, today, today + timedelta(days=rules.horizon_days - 1), now=now, rules=rules)
    await _schedule_next_night(tx, command.territory_id, doctor.id, now=now, rules=rules)
    return doctor.id


async def materialise(territory_id: str, from_on: date, to_on: date, tx: Tx, *, now: datetime, rules: Rules) -> int:
    """Make the slots of some days for the whole pool; how many doctors."""
    if not from_on <= to_on <= from_on + timedelta(days=rules.horizon_days * 2):
        raise Malformed("bad period", errors=[{"field": "to_on", "message": f"at most {rules.horizon_days * 2} days after from_on"}])
    pool = await practitioners.every(tx.sql, territory_id)
    for doctor in sorted(pool, key=lambda doctor: doctor.id):
        await practitioners.lock_agenda(tx, territory_id, doctor.id)
        await _materialise(tx, territory_id, doctor, from_on, to_on, now=now, rules=rules)
    return len(pool)


async def materialise_nightly(territory_id: str, subject_id: UUID, tx: Tx, *, now: datetime, rules: Rules) -> None:
    """Keep the horizon full."""
    doctor = await practitioners.get(tx.sql, territory_id, subject_id)
    await practitioners.lock_agenda(tx, territory_id, subject_id)
    today = rules.profile(territory_id).local_day(now)
    await _materialise(tx, territory_id, doctor, today, today + timedelta(days=rules.horizon_days - 1), now=now, rules=rules)
    await _schedule_next_night(tx, territory_id, subject_id, now=now, rules=rules)


async def _schedule_next_night(tx: Tx, territory_id: str, practitioner_id: UUID, *, now: datetime, rules: Rules) -> None:
    profile = rules.profile(territory_id)
    night = instant(profile.local_day(now) + timedelta(days=1), _NIGHTLY_AT, profile.zone)
    await tx.schedule(MATERIALISE, territory_id, practitioner_id, night)


async def _materialise(tx: Tx, territory_id: str, doctor: Practitioner, first: date, last: date, *, now: datetime, rules: Rules) -> None:
    """Slots of each day from the week as it is; one fact for each day that changed."""
    profile = rules.profile(territory_id)
    week = await practitioners.week(tx.sql, territory_id, doctor.id)
    days = [
        plan_day(week, on, status=doctor.status, zone=profile.zone, closed=profile.closed_on(on), rules=rules.slots)
        for on in (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    ]
    changed = await slots.make_days(tx, territory_id, doctor.id, days, now=now)
    for day in days:
        if day.on in changed:
            await tx.record(
                SlotsPublished(
                    territory_id=territory_id, version=await practitioners.next_version(tx, territory_id, doctor.id), occurred_at=now,
                    practitioner_id=doctor.id, on=day.on, visit=day.count("visit"), teleconsultation=day.count("teleconsultation"),
                    surgery=day.count("surgery"),
                )
            )  # fmt: skip


async def name_duty_doctors(territory_id: str, periods: Sequence[DutyPeriod], tx: Tx, *, now: datetime) -> int:
    """Put these half-days into the rota, replacing whoever was named for that time; how many changed. Raises RotaOverlaps."""
    check_rota(periods)
    changed = [wanted for wanted in periods if not await practitioners.duty_is(tx.sql, territory_id, wanted)]
    for wanted in changed:
        await practitioners.clear_duty(tx, territory_id, wanted.starts_at, wanted.ends_at)
    for wanted in sorted(changed, key=lambda wanted: wanted.starts_at):
        await practitioners.name_duty(tx, territory_id, wanted)
        await tx.record(
            DutyDoctorNamed(
                territory_id=territory_id, occurred_at=now,
                version=await practitioners.next_version(tx, territory_id, wanted.practitioner_id),
                practitioner_id=wanted.practitioner_id, deputy_id=wanted.deputy_id, starts_at=wanted.starts_at, ends_at=wanted.ends_at,
            )
        )  # fmt: skip
    return len(changed)
