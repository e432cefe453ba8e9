"""The pool, its weeks of availability, and the duty rota."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.scheduling.domain.model import Practitioner
from services.scheduling.domain.refusals import RotaOverlaps
from services.scheduling.domain.slots import Availability, DutyPeriod
from shared.db import Connection, Tx
from shared.errors import NotFound

_SELECT = """
    SELECT id, display_name, rpps, status, supervisor_id, billing_practitioner_id, modes, commune, lon, lat, accepts_as_mt, version
    FROM practitioner
"""

_UPSERT = """
    INSERT INTO practitioner (territory_id, id, display_name, rpps, status, supervisor_id, billing_practitioner_id, modes, commune, lon,
                              lat, accepts_as_mt, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1)
    ON CONFLICT (territory_id, id) DO UPDATE SET
        display_name = excluded.display_name, rpps = excluded.rpps, status = excluded.status, supervisor_id = excluded.supervisor_id,
        billing_practitioner_id = excluded.billing_practitioner_id, modes = excluded.modes, commune = excluded.commune,
        lon = excluded.lon, lat = excluded.lat, accepts_as_mt = excluded.accepts_as_mt, version = practitioner.version + 1
    RETURNING version
"""


async def save(tx: Tx, territory_id: str, wanted: Practitioner) -> int:
    """Add or replace a doctor; the new version of his agenda's stream."""
    version: int = await tx.sql.fetchval(
        _UPSERT, territory_id, wanted.id, wanted.display_name, wanted.rpps, wanted.status, wanted.supervisor_id,
        wanted.billing_practitioner_id,
        list(wanted.modes), wanted.commune, wanted.lon, wanted.lat, wanted.accepts_as_mt,
    )  # fmt: skip
    return version


_BUMP = "UPDATE practitioner SET version = version + 1 WHERE territory_id = $1 AND id = $2 RETURNING version"


async def next_version(tx: Tx, territory_id: str, practitioner_id: UUID) -> int:
    """Locks the doctor's stream and gives the version of the fact about to be recorded; taken last, so that it crosses nobody."""
    version: int | None = await tx.sql.fetchval(_BUMP, territory_id, practitioner_id)
    if version is None:
        raise NotFound(f"practitioner {practitioner_id}")
    return version


_ONE = f"{_SELECT} WHERE territory_id = $1 AND id = $2"
_ALL = f"{_SELECT} WHERE territory_id = $1 ORDER BY display_name, id"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 1))"


async def get(sql: Connection, territory_id: str, practitioner_id: UUID) -> Practitioner:
    """Raises NotFound, also for a doctor of another territory."""
    row = await sql.fetchrow(_ONE, territory_id, practitioner_id)
    if row is None:
        raise NotFound(f"practitioner {practitioner_id}")
    return _practitioner(row)


_WITH_SENIOR = """
    SELECT p.id, p.display_name, p.rpps, p.status, p.supervisor_id, p.billing_practitioner_id, p.modes, p.commune, p.lon, p.lat,
           p.accepts_as_mt, p.version, senior.display_name AS supervisor_name
    FROM practitioner p LEFT JOIN practitioner senior ON senior.territory_id = p.territory_id AND senior.id = p.supervisor_id
    WHERE p.territory_id = $1 AND p.id = $2
"""


async def get_with_senior(sql: Connection, territory_id: str, practitioner_id: UUID) -> tuple[Practitioner, str | None]:
    """The doctor, and the name of his senior if he has one in this pool. Raises NotFound as above."""
    row = await sql.fetchrow(_WITH_SENIOR, territory_id, practitioner_id)
    if row is None:
        raise NotFound(f"practitioner {practitioner_id}")
    return _practitioner(row), row["supervisor_name"]


async def find(sql: Connection, territory_id: str, practitioner_id: UUID) -> Practitioner | None:
    row = await sql.fetchrow(_ONE, territory_id, practitioner_id)
    return None if row is None else _practitioner(row)


async def every(sql: Connection, territory_id: str) -> list[Practitioner]:
    return [_practitioner(row) for row in await sql.fetch(_ALL, territory_id)]


async def lock_agenda(tx: Tx, territory_id: str, practitioner_id: UUID) -> None:
    """One maker of slots at a time for a doctor."""
    await tx.sql.execute(_LOCK, f"agenda:{territory_id}:{practitioner_id}")


_CLEAR_WEEK = "DELETE FROM availability WHERE territory_id = $1 AND practitioner_id = $2"
_ADD_LINE = """
    INSERT INTO availability (territory_id, practitioner_id, weekday, from_time, to_time, mode, valid_from, valid_to, protected)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_WEEK = """
    SELECT weekday, from_time, to_time, mode, valid_from, valid_to, protected FROM availability
    WHERE territory_id = $1 AND practitioner_id = $2 ORDER BY weekday, from_time
"""


async def replace_week(tx: Tx, territory_id: str, practitioner_id: UUID, lines: Sequence[Availability]) -> None:
    await tx.sql.execute(_CLEAR_WEEK, territory_id, practitioner_id)
    await tx.sql.executemany(
        _ADD_LINE,
        [
            (territory_id, practitioner_id, a.weekday, a.from_time, a.to_time, a.mode, a.valid_from, a.valid_to, a.protected)
            for a in lines
        ],
    )  # fmt: skip


async def week(sql: Connection, territory_id: str, practitioner_id: UUID) -> list[Availability]:
    rows = await sql.fetch(_WEEK, territory_id, practitioner_id)
    return [
        Availability(r["weekday"], r["from_time"], r["to_time"], r["mode"], r["valid_from"], r["valid_to"], r["protected"]) for r in rows
    ]  # fmt: skip


_DUTY_AT = """
    SELECT practitioner_id, deputy_id, lower(during) AS starts_at, upper(during) AS ends_at FROM duty
    WHERE territory_id = $1 AND during @> $2::timestamptz
"""
_DUTY_SAME = """
    SELECT true FROM duty
    WHERE territory_id = $1 AND practitioner_id = $2 AND deputy_id IS NOT DISTINCT FROM $3 AND during = tstzrange($4, $5)
"""
_DUTY_CLEAR = "DELETE FROM duty WHERE territory_id = $1 AND during && tstzrange($2, $3)"
_DUTY_ADD = "INSERT INTO duty (territory_id, practitioner_id, deputy_id, during) VALUES ($1, $2, $3, tstzrange($4, $5))"


async def duty_at(sql: Connection, territory_id: str, instant: datetime) -> DutyPeriod | None:
    row = await sql.fetchrow(_DUTY_AT, territory_id, instant)
    return None if row is None else DutyPeriod(row["practitioner_id"], row["deputy_id"], row["starts_at"], row["ends_at"])


async def duty_is(sql: Connection, territory_id: str, wanted: DutyPeriod) -> bool:
    """The rota already says exactly this."""
    same = await sql.fetchval(_DUTY_SAME, territory_id, wanted.practitioner_id, wanted.deputy_id, wanted.starts_at, wanted.ends_at)
    return same is True


async def clear_duty(tx: Tx, territory_id: str, starts_at: datetime, ends_at: datetime) -> None:
    """Whoever was named for a part of this time is no longer."""
    await tx.sql.execute(_DUTY_CLEAR, territory_id, starts_at, ends_at)


async def name_duty(tx: Tx, territory_id: str, wanted: DutyPeriod) -> None:
    """Raises RotaOverlaps for a time that is given, NotFound for a doctor that is not of the pool."""
    try:
        await tx.sql.execute(_DUTY_ADD, territory_id, wanted.practitioner_id, wanted.deputy_id, wanted.starts_at, wanted.ends_at)
    except asyncpg.ExclusionViolationError as clash:
        raise RotaOverlaps(f"two duty doctors at {wanted.starts_at}") from clash
    except asyncpg.ForeignKeyViolationError as unknown:
        raise NotFound(f"practitioner {wanted.practitioner_id} or deputy {wanted.deputy_id}") from unknown


def _practitioner(row: asyncpg.Record) -> Practitioner:
    return Practitioner(
        id=row["id"], display_name=row["display_name"], rpps=row["rpps"], status=row["status"], supervisor_id=row["supervisor_id"],
        billing_practitioner_id=row["billing_practitioner_id"], modes=tuple(row["modes"]), commune=row["commune"], lon=row["lon"],
        lat=row["lat"], accepts_as_mt=row["accepts_as_mt"], version=row["version"],
    )  # fmt: skip
