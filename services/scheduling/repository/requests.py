"""Scheduling's copy of the requests, and what was proposed for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.scheduling.domain.model import Request
from shared.db import Connection, Tx
from shared.events.base import Mode
from shared.events.intake import RequestQualified

_SELECT = """
    SELECT id, version, own_version, decided_version, qualified, ended_cause, paused_cause FROM request
"""

_MARK = "INSERT INTO request (territory_id, id, version) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING"
_LOCK = f"{_SELECT} WHERE territory_id = $1 AND id = $2 FOR UPDATE"
_ONE = f"{_SELECT} WHERE territory_id = $1 AND id = $2"


async def lock(tx: Tx, territory_id: str, request_id: UUID) -> Request:
    """The copy, locked; an empty one is made for a request that we hear of for the first time."""
    row = await tx.sql.fetchrow(_LOCK, territory_id, request_id)
    if row is None:
        await tx.sql.execute(_MARK, territory_id, request_id)
        row = await tx.sql.fetchrow(_LOCK, territory_id, request_id)
        assert row is not None
    return _request(row)


async def find(sql: Connection, territory_id: str, request_id: UUID) -> Request | None:
    row = await sql.fetchrow(_ONE, territory_id, request_id)
    return None if row is None else _request(row)


_SEVERAL = f"{_SELECT} WHERE territory_id = $1 AND id = ANY ($2::uuid[])"


async def several(sql: Connection, territory_id: str, ids: Sequence[UUID]) -> dict[UUID, Request]:
    return {row["id"]: _request(row) for row in await sql.fetch(_SEVERAL, territory_id, list(ids))}


_LEARN = """
    INSERT INTO request (territory_id, id, version, qualified) VALUES ($1, $2, $3, $4)
    ON CONFLICT (territory_id, id) DO UPDATE SET
        version = greatest(request.version, excluded.version),
        paused_cause = CASE WHEN request.version < excluded.version THEN NULL ELSE request.paused_cause END,
        qualified = CASE WHEN (request.qualified->>'version')::integer >= excluded.version THEN request.qualified
                         ELSE excluded.qualified END
    RETURNING id, version, own_version, decided_version, qualified, ended_cause, paused_cause
"""


async def learn(tx: Tx, qualified: RequestQualified) -> Request:
    """Lock the copy and bring it to `qualified` when that is newer; a newer qualification ends a pause. What ended stays ended."""
    row = await tx.sql.fetchrow(
        _LEARN, qualified.territory_id, qualified.request_id, qualified.version, qualified.model_dump(mode="json")
    )  # fmt: skip
    assert row is not None
    return _request(row)


_END = "UPDATE request SET ended_cause = $3, version = greatest(version, $4) WHERE territory_id = $1 AND id = $2"
_PAUSE = "UPDATE request SET paused_cause = $3, version = greatest(version, $4) WHERE territory_id = $1 AND id = $2"
_DECIDED = "UPDATE request SET decided_version = $3 WHERE territory_id = $1 AND id = $2"
_NEXT = """
    UPDATE request SET own_version = own_version + 1, decided_version = coalesce($3, decided_version) WHERE territory_id = $1 AND id = $2
    RETURNING own_version
"""


async def end(tx: Tx, territory_id: str, request_id: UUID, cause: str, version: int) -> None:
    """No appointment any more, whatever arrives later."""
    await tx.sql.execute(_END, territory_id, request_id, cause, version)


async def pause(tx: Tx, territory_id: str, request_id: UUID, cause: str, version: int) -> None:
    """Nothing is allocated until a newer qualification: the 15 or a doctor has it."""
    await tx.sql.execute(_PAUSE, territory_id, request_id, cause, version)


async def decided(tx: Tx, territory_id: str, request_id: UUID, version: int) -> None:
    """This qualification is answered: the same fact arriving later does nothing."""
    await tx.sql.execute(_DECIDED, territory_id, request_id, version)


async def next_version(tx: Tx, territory_id: str, request_id: UUID, *, answers: int | None = None) -> int:
    """The version of the fact about to be recorded under this request's key (the copy is locked), which `answers` a qualification."""
    version: int = await tx.sql.fetchval(_NEXT, territory_id, request_id, answers)
    return version


@dataclass(frozen=True, slots=True)
class ShownProposal:
    """A line of a list that was shown."""

    id: UUID
    rank: int
    slot_id: UUID
    practitioner_id: UUID
    mode: Mode
    starts_at: datetime
    travel_minutes: int | None
    cost: float
    why: str


_STORE = """
    INSERT INTO proposal (id, territory_id, request_id, search_id, shown_at, shown_to, rank, slot_id, practitioner_id, mode, starts_at,
                          travel_minutes, cost, why)
    SELECT line.id, $1, $2, $3, $4, $5, line.rank, line.slot_id, line.practitioner_id, line.mode, line.starts_at, line.travel_minutes,
           line.cost, line.why
    FROM unnest($6::uuid[], $7::integer[], $8::uuid[], $9::uuid[], $10::text[], $11::timestamptz[], $12::integer[],
                $13::float8[], $14::text[])
         AS line (id, rank, slot_id, practitioner_id, mode, starts_at, travel_minutes, cost, why)
"""
_LAST_SHOWN = """
    SELECT rank, why FROM proposal WHERE territory_id = $1 AND request_id = $2 AND slot_id = $3 ORDER BY shown_at DESC, id DESC LIMIT 1
"""


async def store_proposals(
    tx: Tx, territory_id: str, request_id: UUID, search_id: UUID, lines: Sequence[ShownProposal], *, shown_to: UUID | None, now: datetime
) -> None:
    """What was shown, as shown."""
    await tx.sql.execute(
        _STORE, territory_id, request_id, search_id, now, shown_to, [p.id for p in lines], [p.rank for p in lines],
        [p.slot_id for p in lines], [p.practitioner_id for p in lines], [p.mode for p in lines], [p.starts_at for p in lines],
        [p.travel_minutes for p in lines], [p.cost for p in lines], [p.why for p in lines],
    )  # fmt: skip


async def last_shown(sql: Connection, territory_id: str, request_id: UUID, slot_id: UUID) -> tuple[int, str] | None:
    """Rank and reason under which this slot was last shown for this request."""
    row = await sql.fetchrow(_LAST_SHOWN, territory_id, request_id, slot_id)
    return None if row is None else (row["rank"], row["why"])


def _request(row: asyncpg.Record) -> Request:
    qualified = None if row["qualified"] is None else RequestQualified.model_validate(row["qualified"], extra="ignore")
    return Request(
        row["id"], row["version"], row["own_version"], row["decided_version"], qualified, row["ended_cause"], row["paused_cause"]
    )  # fmt: skip
