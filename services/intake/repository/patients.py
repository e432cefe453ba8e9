"""Patients: sealed identities, and the little that is in clear because it leaves intake anyway."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from shared.db import Connection, Tx
from shared.errors import NotFound

CHANNEL = "intake_patient"

Mt = Literal["none", "has", "absent"]
ContactRule = Literal["sms_ok", "voice_only", "only_hours", "no_contact"]


@dataclass(frozen=True)
class Patient:
    """`sealed` opens with `data_key` (sealed.Identity)."""

    id: UUID
    territory_id: str
    version: int
    data_key: bytes
    sealed: bytes
    commune: str
    cell: str | None
    mt: Mt
    flags: tuple[str, ...]
    contact_rule: ContactRule
    identity_status: str
    registered_at: datetime
    last_contact_at: datetime | None = None

    @property
    def without_mt(self) -> bool:
        return self.mt == "none"


_COLUMNS = (
    "id, territory_id, version, data_key, sealed, commune, cell, mt, flags, contact_rule, identity_status, registered_at, last_contact_at"
)
_INSERT = f"""
    INSERT INTO patient ({_COLUMNS})
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""  # noqa: S608  # constant of this file
_UPDATE = """
    UPDATE patient SET version = $3, sealed = $4, commune = $5, cell = $6, mt = $7, flags = $8, contact_rule = $9, last_contact_at = $10
    WHERE territory_id = $1 AND id = $2
"""
_SELECT = f"SELECT {_COLUMNS} FROM patient WHERE territory_id = $1 AND id = $2"  # noqa: S608  # constant of this file
_SELECT_MANY = f"SELECT {_COLUMNS} FROM patient WHERE territory_id = $1 AND id = ANY($2::uuid[])"  # noqa: S608  # constant of this file
_ONE_OF_ANY_TERRITORY = f"SELECT {_COLUMNS} FROM patient WHERE id = $1"  # noqa: S608  # constant of this file
_ALL = f"SELECT {_COLUMNS} FROM patient ORDER BY id"  # noqa: S608  # constant of this file
_TELL = "SELECT pg_notify($1, $2)"
_INSERT_MT_HELP = """
    INSERT INTO mt_help_answer (territory_id, patient_id, request_id, answer, answered_at, taken_by) VALUES ($1, $2, $3, $4, $5, $6)
"""


async def insert_patient(tx: Tx, patient: Patient) -> None:
    """Store and tell every process that keeps the directory."""
    await tx.sql.execute(
        _INSERT,
        patient.id,
        patient.territory_id,
        patient.version,
        patient.data_key,
        patient.sealed,
        patient.commune,
        patient.cell,
        patient.mt,
        list(patient.flags),
        patient.contact_rule,
        patient.identity_status,
        patient.registered_at,
        patient.last_contact_at,
    )
    await tx.sql.execute(_TELL, CHANNEL, str(patient.id))


async def update_patient(tx: Tx, patient: Patient) -> None:
    """Write back what was locked and tell every process that keeps the directory."""
    await tx.sql.execute(
        _UPDATE,
        patient.territory_id,
        patient.id,
        patient.version,
        patient.sealed,
        patient.commune,
        patient.cell,
        patient.mt,
        list(patient.flags),
        patient.contact_rule,
        patient.last_contact_at,
    )
    await tx.sql.execute(_TELL, CHANNEL, str(patient.id))


async def get_patient(sql: Connection, territory_id: str, patient_id: UUID, *, lock: bool = False) -> Patient:
    """Raises NotFound."""
    row = await sql.fetchrow(f"{_SELECT} FOR UPDATE" if lock else _SELECT, territory_id, patient_id)
    if row is None:
        raise NotFound(f"patient {patient_id}")
    return _patient(row)


async def patients_by_id(sql: Connection, territory_id: str, patient_ids: list[UUID]) -> list[Patient]:
    return [_patient(row) for row in await sql.fetch(_SELECT_MANY, territory_id, patient_ids)]


async def patient_for_directory(sql: Connection, patient_id: UUID) -> Patient | None:
    """For the directory only, which keeps territories apart itself."""
    row = await sql.fetchrow(_ONE_OF_ANY_TERRITORY, patient_id)
    return None if row is None else _patient(row)


async def all_for_directory(sql: Connection) -> AsyncIterator[Patient]:
    """Every living patient of every territory, streamed; for the directory only."""
    async for row in sql.cursor(_ALL, prefetch=2000):
        yield _patient(row)


async def insert_mt_help(tx: Tx, territory_id: str, patient_id: UUID, request_id: UUID, answer: str, *, by: UUID, now: datetime) -> None:
    await tx.sql.execute(_INSERT_MT_HELP, territory_id, patient_id, request_id, answer, now, by)


def _patient(row: Any) -> Patient:
    return Patient(**{**dict(row), "flags": tuple(row["flags"])})
