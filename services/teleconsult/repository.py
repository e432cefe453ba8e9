"""All SQL of teleconsult."""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.teleconsult.domain import Booking, Session
from shared.db import Connection, Tx
from shared.errors import NotFound

_OPEN = "INSERT INTO session (session_id, territory_id, request_id) VALUES ($1, $2, $3) ON CONFLICT (session_id) DO NOTHING"
_LOCK = "SELECT territory_id FROM session WHERE session_id = $1 FOR UPDATE"
_SELECT = """
    SELECT session_id, territory_id, request_id, version, booking_version, practitioner_id, mode, starts_at, ends_at, announced,
        closed_as, closed_version
    FROM session WHERE territory_id = $1 AND session_id = $2
"""
_APPOINTMENT_VERSION = """
    SELECT greatest(booking_version, closed_version) FROM session WHERE territory_id = $1 AND session_id = $2
"""
_SAVE = """
    UPDATE session
    SET version = $3, booking_version = $4, practitioner_id = $5, mode = $6, starts_at = $7, ends_at = $8, announced = $9,
        closed_as = $10, closed_version = $11, state = $12
    WHERE territory_id = $1 AND session_id = $2
"""
_OF_A_DAY = """
    SELECT session_id, territory_id, request_id, version, booking_version, practitioner_id, mode, starts_at, ends_at, announced,
        closed_as, closed_version
    FROM session
    WHERE territory_id = $1 AND practitioner_id = $2 AND announced AND starts_at >= $3 AND starts_at < $4
    ORDER BY starts_at, session_id
"""


async def lock_session(tx: Tx, territory_id: str, session_id: UUID, request_id: UUID) -> Session:
    """The session, made empty when this is the first we hear of the appointment. Raises NotFound for another territory's."""
    await tx.sql.execute(_OPEN, session_id, territory_id, request_id)
    if await tx.sql.fetchval(_LOCK, session_id) != territory_id:
        raise NotFound(f"session {session_id}")
    return await read_session(tx.sql, territory_id, session_id)


async def read_session(sql: Connection, territory_id: str, session_id: UUID) -> Session:
    """Raises NotFound."""
    row = await sql.fetchrow(_SELECT, territory_id, session_id)
    if row is None:
        raise NotFound(f"session {session_id}")
    return _session(row)


async def appointment_version(sql: Connection, territory_id: str, session_id: UUID) -> int | None:
    """How far scheduling's appointment was followed here."""
    version: int | None = await sql.fetchval(_APPOINTMENT_VERSION, territory_id, session_id)
    return version


async def save_session(tx: Tx, session: Session) -> None:
    """The caller holds the row's lock."""
    booking = session.booking
    await tx.sql.execute(
        _SAVE, session.territory_id, session.session_id, session.version, booking and booking.version, booking and booking.practitioner_id,
        booking and booking.mode, booking and booking.starts_at, booking and booking.ends_at, session.announced, session.closed_as,
        session.closed_version, session.state,
    )  # fmt: skip


async def sessions_between(sql: Connection, territory_id: str, practitioner_id: UUID, start: datetime, end: datetime) -> list[Session]:
    """A practitioner's sessions that start in a period, in order of time."""
    return [_session(row) for row in await sql.fetch(_OF_A_DAY, territory_id, practitioner_id, start, end)]


def _session(row: Any) -> Session:
    booking = None
    if row["booking_version"] is not None:
        booking = Booking(row["booking_version"], row["practitioner_id"], row["mode"], row["starts_at"], row["ends_at"])
    return Session(
        row["territory_id"], row["session_id"], row["request_id"], row["version"], booking, row["announced"], row["closed_as"],
        row["closed_version"],
    )  # fmt: skip
