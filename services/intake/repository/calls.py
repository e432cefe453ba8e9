"""Calls: from the first ring to the last try to ring back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from shared.db import Connection, Tx
from shared.errors import NotFound

CallState = Literal["ringing", "talking", "abandoned", "ended"]


@dataclass(frozen=True)
class Call:
    """`sealed_phone` opens with `data_key` (sealed.py); both absent when no number was shown."""

    id: UUID
    territory_id: str
    version: int
    state: CallState
    data_key: bytes | None
    sealed_phone: bytes | None
    rang_at: datetime
    answered_at: datetime | None = None
    answered_by: UUID | None = None
    answered_by_initials: str = ""
    ended_at: datetime | None = None
    outcome: str | None = None
    redial_due_at: datetime | None = None
    redial_tries: int = 0


_COLUMNS = """id, territory_id, version, state, data_key, sealed_phone, rang_at, answered_at, answered_by, answered_by_initials,
    ended_at, outcome, redial_due_at, redial_tries"""

_INSERT = f"""
    INSERT INTO call ({_COLUMNS})
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (id) DO NOTHING RETURNING true
"""  # noqa: S608  # columns are a constant of this file
_UPDATE = """
    UPDATE call SET version = $3, state = $4, answered_at = $5, answered_by = $6, answered_by_initials = $7, ended_at = $8, outcome = $9,
        redial_due_at = $10, redial_tries = $11
    WHERE territory_id = $1 AND id = $2
"""
_SELECT = f"SELECT {_COLUMNS} FROM call WHERE territory_id = $1 AND id = $2"  # noqa: S608  # columns are a constant of this file
_LIST = f"""
    SELECT {_COLUMNS} FROM call WHERE territory_id = $1 AND ($2::text IS NULL OR state = $2) AND (rang_at, id) > ($3, $4)
    ORDER BY rang_at, id LIMIT $5
"""  # noqa: S608  # columns are a constant of this file
_TO_RING_BACK = f"""
    SELECT {_COLUMNS} FROM call WHERE territory_id = $1 AND redial_due_at IS NOT NULL ORDER BY redial_due_at, id LIMIT 200
"""  # noqa: S608  # columns are a constant of this file
_DESK = """
    SELECT count(*) FILTER (WHERE state = 'ringing') AS waiting, min(rang_at) FILTER (WHERE state = 'ringing') AS oldest_rang_at,
        count(*) FILTER (WHERE answered_by = $2 AND answered_at >= $3 AND answered_at < $4) AS my_calls_today
    FROM call WHERE territory_id = $1 AND (state = 'ringing' OR answered_by = $2)
"""


async def insert_call(tx: Tx, call: Call) -> bool:
    """False when the id exists (in any territory): nothing is changed then."""
    return bool(
        await tx.sql.fetchval(
            _INSERT,
            call.id,
            call.territory_id,
            call.version,
            call.state,
            call.data_key,
            call.sealed_phone,
            call.rang_at,
            call.answered_at,
            call.answered_by,
            call.answered_by_initials,
            call.ended_at,
            call.outcome,
            call.redial_due_at,
            call.redial_tries,
        )
    )


async def update_call(tx: Tx, call: Call) -> None:
    """Write back what was locked with `lock_call`."""
    await tx.sql.execute(
        _UPDATE,
        call.territory_id,
        call.id,
        call.version,
        call.state,
        call.answered_at,
        call.answered_by,
        call.answered_by_initials,
        call.ended_at,
        call.outcome,
        call.redial_due_at,
        call.redial_tries,
    )


async def find_call(sql: Connection, territory_id: str, call_id: UUID, *, lock: bool = False) -> Call | None:
    row = await sql.fetchrow(f"{_SELECT} FOR UPDATE" if lock else _SELECT, territory_id, call_id)
    return None if row is None else _call(row)


async def get_call(sql: Connection, territory_id: str, call_id: UUID) -> Call:
    """Raises NotFound."""
    return _found(await find_call(sql, territory_id, call_id), call_id)


async def lock_call(tx: Tx, territory_id: str, call_id: UUID) -> Call:
    """The call, locked until the transaction ends; raises NotFound."""
    return _found(await find_call(tx.sql, territory_id, call_id, lock=True), call_id)


async def list_calls(
    sql: Connection, territory_id: str, *, state: CallState | None, after: tuple[datetime, UUID], limit: int
) -> list[Call]:
    """Oldest ring first, after the cursor."""
    return [_call(row) for row in await sql.fetch(_LIST, territory_id, state, after[0], after[1], limit)]


async def calls_to_ring_back(sql: Connection, territory_id: str) -> list[Call]:
    return [_call(row) for row in await sql.fetch(_TO_RING_BACK, territory_id)]


async def desk_counts(sql: Connection, territory_id: str, who: UUID, day: tuple[datetime, datetime]) -> dict[str, Any]:
    """`waiting`, `oldest_rang_at`, `my_calls_today`."""
    row = await sql.fetchrow(_DESK, territory_id, who, *day)
    assert row is not None
    return dict(row)


def _found(call: Call | None, call_id: UUID) -> Call:
    if call is None:
        raise NotFound(f"call {call_id}")
    return call


def _call(row: Any) -> Call:
    return Call(**dict(row))
