"""The audit of identities read, and the copy of the duty rota."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.db import Connection, Tx
from shared.events.scheduling import DutyDoctorNamed

_INSERT_READ = """
    INSERT INTO identity_read (territory_id, reader, roles, subject_kind, subject_id, purpose, hour, read_at)
    SELECT $1, $2, $3, $4, subject, $6, date_trunc('hour', $7::timestamptz, 'UTC'), $7 FROM unnest($5::uuid[]) AS subject
    ON CONFLICT ON CONSTRAINT identity_read_once_an_hour DO NOTHING
"""
_UPSERT_DUTY = """
    INSERT INTO duty (territory_id, starts_at, ends_at, practitioner_id, deputy_id, named_at) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (territory_id, starts_at) DO UPDATE
    SET ends_at = excluded.ends_at, practitioner_id = excluded.practitioner_id, deputy_id = excluded.deputy_id, named_at = excluded.named_at
    WHERE duty.named_at <= excluded.named_at
"""
_ON_DUTY = """
    SELECT practitioner_id FROM duty
    WHERE territory_id = $1 AND starts_at <= $2 AND ends_at > $2
    ORDER BY named_at DESC, starts_at DESC LIMIT 1
"""


async def log_read(
    tx: Tx,
    territory_id: str,
    *,
    reader: UUID,
    roles: Iterable[str],
    kind: Literal["patient", "request"],
    subjects: list[UUID],
    purpose: str,
    now: datetime,
) -> None:
    """One row per reader, subject, purpose and hour; in the transaction that reads, so that no read goes without it."""
    if subjects:
        await tx.sql.execute(_INSERT_READ, territory_id, reader, sorted(roles), kind, sorted(set(subjects)), purpose, now)


async def upsert_duty(tx: Tx, fact: DutyDoctorNamed) -> None:
    """The later naming wins for the same first instant."""
    await tx.sql.execute(
        _UPSERT_DUTY, fact.territory_id, fact.starts_at, fact.ends_at, fact.practitioner_id, fact.deputy_id, fact.occurred_at
    )


async def duty_doctor_at(sql: Connection, territory_id: str, at: datetime) -> UUID | None:
    """Who answers advice then, as far as we know; None = the 15 (H7)."""
    found: UUID | None = await sql.fetchval(_ON_DUTY, territory_id, at)
    return found
