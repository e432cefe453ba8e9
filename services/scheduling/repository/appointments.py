"""Appointments, their acts, and the counts that the hard rules ask for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from services.scheduling.domain.acts import Proposed
from services.scheduling.domain.model import Appointment, CancelCause
from services.scheduling.domain.refusals import AlreadyBooked
from services.scheduling.domain.rounds import PlannedStop, Stop
from services.scheduling.domain.travel import Position
from shared.db import Connection, Tx
from shared.errors import NotFound
from shared.events.scheduling import ActOutcome

_SELECT = """
    SELECT id, request_id, patient_id, practitioner_id, billing_practitioner_id, slot_id, round_id, mode, starts_at, ends_at,
           on_date AS "on", window_starts_at, window_ends_at, planned_at, travel_minutes, x_metres, y_metres, state, cancel_cause, path,
           rank, why, booked_at,
    booked_by_initials, qualified_version, version, outcome, would_be_mt, triage, tariff
    FROM appointment
"""
_INSERT = """
    INSERT INTO appointment (id, territory_id, request_id, patient_id, practitioner_id, billing_practitioner_id, slot_id, round_id, mode,
                             starts_at, ends_at, on_date, window_starts_at, window_ends_at, planned_at, travel_minutes, x_metres, y_metres,
                             state, path, rank, why, booked_at, booked_by, booked_by_initials, qualified_version, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
            'booked', $19, $20, $21, $22, $23, $24, $25, $26)
"""


async def insert(tx: Tx, territory_id: str, a: Appointment, *, booked_by: UUID | None) -> None:
    """Raises AlreadyBooked when the request has a live appointment (`one_live_appointment_per_request`)."""
    x, y = (None, None) if a.position is None else (a.position.x_metres, a.position.y_metres)
    try:
        await tx.sql.execute(
            _INSERT, a.id, territory_id, a.request_id, a.patient_id, a.practitioner_id, a.billing_practitioner_id, a.slot_id, a.round_id,
            a.mode, a.starts_at, a.ends_at, a.on, a.window_starts_at, a.window_ends_at, a.planned_at, a.travel_minutes, x, y, a.path,
            a.rank, a.why, a.booked_at, booked_by, a.booked_by_initials, a.qualified_version, a.version,
        )  # fmt: skip
    except asyncpg.UniqueViolationError as clash:
        raise AlreadyBooked(f"request {a.request_id}") from clash


_ONE = f"{_SELECT} WHERE territory_id = $1 AND id = $2"
_REQUEST_OF = "SELECT request_id FROM appointment WHERE territory_id = $1 AND id = $2"
_LIVE = f"{_SELECT} WHERE territory_id = $1 AND request_id = $2 AND state = 'booked'"
_LAST = f"""{_SELECT}
    WHERE territory_id = $1 AND request_id = $2
    ORDER BY (state = 'booked') DESC, booked_at DESC, id DESC LIMIT 1
"""
_DAY = f"""{_SELECT}
    WHERE territory_id = $1 AND practitioner_id = $2 AND on_date = $3 AND state <> 'cancelled'
    ORDER BY planned_at, id
"""


async def get(sql: Connection, territory_id: str, appointment_id: UUID) -> Appointment:
    """Raises NotFound, also for another territory's."""
    row = await sql.fetchrow(_ONE, territory_id, appointment_id)
    if row is None:
        raise NotFound(f"appointment {appointment_id}")
    return _appointment(row)


async def request_of(sql: Connection, territory_id: str, appointment_id: UUID) -> UUID:
    """Whose copy to lock before touching the appointment. Raises NotFound."""
    request_id: UUID | None = await sql.fetchval(_REQUEST_OF, territory_id, appointment_id)
    if request_id is None:
        raise NotFound(f"appointment {appointment_id}")
    return request_id


async def live(sql: Connection, territory_id: str, request_id: UUID) -> Appointment | None:
    row = await sql.fetchrow(_LIVE, territory_id, request_id)
    return None if row is None else _appointment(row)


async def last(sql: Connection, territory_id: str, request_id: UUID) -> Appointment | None:
    """The live one, else the one booked last."""
    row = await sql.fetchrow(_LAST, territory_id, request_id)
    return None if row is None else _appointment(row)


async def day(sql: Connection, territory_id: str, practitioner_id: UUID, on: date) -> list[Appointment]:
    """A doctor's day without what was cancelled, in the order of its plan."""
    return [_appointment(row) for row in await sql.fetch(_DAY, territory_id, practitioner_id, on)]


_CANCEL = "UPDATE appointment SET state = 'cancelled', cancel_cause = $3, version = $4 WHERE territory_id = $1 AND id = $2"
_CLOSE = """
    UPDATE appointment SET state = 'closed', outcome = $3, outcome_at = $4, outcome_by = $5, would_be_mt = $6, triage = $7, tariff = $8,
        version = $9
    WHERE territory_id = $1 AND id = $2
"""
_REPLAN = """
    UPDATE appointment a SET planned_at = plan.planned_at, travel_minutes = plan.travel_minutes
    FROM unnest($2::uuid[], $3::timestamptz[], $4::integer[]) AS plan (id, planned_at, travel_minutes)
    WHERE a.territory_id = $1 AND a.id = plan.id
"""


async def cancel(tx: Tx, territory_id: str, appointment_id: UUID, cause: CancelCause, version: int) -> None:
    await tx.sql.execute(_CANCEL, territory_id, appointment_id, cause, version)


async def close(
    tx: Tx, territory_id: str, appointment_id: UUID, *, outcome: ActOutcome, at: datetime, by: UUID, would_be_mt: str | None,
    triage: str | None, tariff: str, version: int,
) -> None:  # fmt: skip
    await tx.sql.execute(_CLOSE, territory_id, appointment_id, outcome, at, by, would_be_mt, triage, tariff, version)


async def replan(tx: Tx, territory_id: str, stops: Sequence[PlannedStop]) -> None:
    """The plan of a round moved inside the announced windows; nothing is told for it."""
    await tx.sql.execute(
        _REPLAN, territory_id, [s.appointment_id for s in stops], [s.planned_at for s in stops], [s.road_minutes for s in stops]
    )  # fmt: skip


_STOPS = """
    SELECT id, round_id, starts_at, x_metres, y_metres FROM appointment
    WHERE territory_id = $1 AND round_id = ANY ($2::uuid[]) AND state <> 'cancelled' ORDER BY round_id, starts_at
"""


async def stops(sql: Connection, territory_id: str, round_ids: Iterable[UUID]) -> dict[UUID, list[Stop]]:
    """The visits of each round, in the order of their announced times."""
    found: dict[UUID, list[Stop]] = {round_id: [] for round_id in round_ids}
    for row in await sql.fetch(_STOPS, territory_id, list(found)):
        found[row["round_id"]].append(Stop(row["id"], row["starts_at"], _position(row)))
    return found


# Over all territories: the cap is the billing doctor's (operations.md A2).
_VIDEOS = """
    SELECT billing_practitioner_id, on_date, count(*) AS videos FROM appointment
    WHERE billing_practitioner_id = ANY ($1::uuid[]) AND on_date = ANY ($2::date[]) AND mode = 'teleconsultation' AND state <> 'cancelled'
    GROUP BY billing_practitioner_id, on_date
"""
_LOCK_VIDEOS = "SELECT pg_advisory_xact_lock(hashtextextended($1, 2))"


async def videos_booked(sql: Connection, billing_ids: Iterable[UUID], days: Iterable[date]) -> dict[tuple[UUID, date], int]:
    """Videos per billing doctor and local day."""
    rows = await sql.fetch(_VIDEOS, list(set(billing_ids)), list(set(days)))
    return {(row["billing_practitioner_id"], row["on_date"]): row["videos"] for row in rows}


async def lock_videos(tx: Tx, billing_id: UUID, on: date) -> None:
    """One video at a time is counted for a billing doctor's day, so that the cap holds whoever books."""
    await tx.sql.execute(_LOCK_VIDEOS, f"videos:{billing_id}:{on}")


@dataclass(frozen=True, slots=True)
class StoredAct:
    code: str
    label: str
    amount_euros: Decimal
    caution: str | None
    proposed: bool
    kept: bool | None


_ADD_ACT = """
    INSERT INTO act (appointment_id, territory_id, code, label, amount_euros, caution, proposed, proposed_at, kept, kept_by, kept_at,
                     seen_by_practitioner_id, billing_practitioner_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
_ACTS = """
    SELECT appointment_id, code, label, amount_euros, caution, proposed, kept FROM act
    WHERE territory_id = $1 AND appointment_id = ANY ($2::uuid[]) ORDER BY appointment_id, amount_euros DESC, code
"""
_SNP = """
    SELECT count(*) FROM act
    WHERE billing_practitioner_id = $1 AND code = 'SNP' AND kept IS NOT FALSE AND proposed_at >= $2 AND proposed_at < $3
"""


async def store_acts(
    tx: Tx,
    territory_id: str,
    appointment: Appointment,
    proposed: Sequence[Proposed],
    kept: Sequence[Proposed] | None,
    *,
    by: UUID,
    now: datetime,
) -> None:
    """What was proposed and, when the doctor chose, what he kept: both stay readable."""
    offered, chosen = {act.code: act for act in proposed}, {act.code: act for act in kept or ()}
    decided = kept is not None
    for code, act in (offered | chosen).items():
        await tx.sql.execute(
            _ADD_ACT, appointment.id, territory_id, code, act.label, act.amount_euros, act.caution, code in offered, now,
            code in chosen if decided else None, by if decided else None, now if decided else None, appointment.practitioner_id,
            appointment.billing_practitioner_id,
        )  # fmt: skip


async def acts(sql: Connection, territory_id: str, appointment_ids: Iterable[UUID]) -> dict[UUID, list[StoredAct]]:
    found: dict[UUID, list[StoredAct]] = {}
    for row in await sql.fetch(_ACTS, territory_id, list(appointment_ids)):
        found.setdefault(row["appointment_id"], []).append(
            StoredAct(row["code"], row["label"], row["amount_euros"], row["caution"], row["proposed"], row["kept"])
        )
    return found


async def snp_between(sql: Connection, billing_id: UUID, start: datetime, end: datetime) -> int:
    """SNP already proposed or kept for a billing doctor: the cap is twenty a civil week."""
    count: int = await sql.fetchval(_SNP, billing_id, start, end)
    return count


_OWN_NAMES = {field.name for field in fields(Appointment)} - {"position"}


def _appointment(row: asyncpg.Record) -> Appointment:
    values: dict[str, Any] = {name: row[name] for name in _OWN_NAMES}
    return Appointment(**values, position=_position(row))


def _position(row: asyncpg.Record) -> Position | None:
    return None if row["x_metres"] is None else Position(row["x_metres"], row["y_metres"])
