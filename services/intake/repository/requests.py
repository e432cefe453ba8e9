"""Requests: the row that every step locks, its answers, and the lists of the desk."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from services.intake.domain.request import TIMER_KINDS, Request, State, Step, timers_of
from shared.db import Connection, Tx
from shared.errors import NotFound

_REQUEST: TypeAdapter[Request] = TypeAdapter(Request)
# These have columns of their own: the database checks and finds by them.
_OWN_COLUMNS = frozenset(
    {
        "id",
        "territory_id",
        "version",
        "state",
        "owner",
        "due_at",
        "urgency",
        "call_id",
        "patient_id",
        "received_at",
        "check_15_at",
    }
)


@dataclass(frozen=True)
class Stored:
    """A request with its sealed words: under `data_key`, or under `patient_key` once it has a patient."""

    request: Request
    data_key: bytes | None
    patient_key: bytes | None
    sealed: bytes

    @property
    def wrapped_key(self) -> bytes:
        key = self.data_key or self.patient_key
        assert key is not None, "request_sealed_by_one_key"
        return key


_COLUMNS = """r.id, r.territory_id, r.version, r.state, r.owner, r.due_at, r.urgency, r.call_id, r.patient_id, r.received_at,
    r.check_15_at, r.progress, r.data_key, r.sealed, p.data_key AS patient_key"""
_FROM = "FROM request r LEFT JOIN patient p ON p.id = r.patient_id"

_INSERT = """
    INSERT INTO request (id, territory_id, version, state, owner, due_at, urgency, call_id, patient_id, received_at, check_15_at, progress,
        data_key, sealed)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
    ON CONFLICT (id) DO NOTHING RETURNING true
"""
_UPDATE = """
    UPDATE request SET version = $3, state = $4, owner = $5, due_at = $6, urgency = $7, patient_id = $8, check_15_at = $9, progress = $10
    WHERE territory_id = $1 AND id = $2
"""
_UPDATE_WITH_SEALED = """
    UPDATE request SET version = $3, state = $4, owner = $5, due_at = $6, urgency = $7, patient_id = $8, check_15_at = $9, progress = $10,
        data_key = $11, sealed = $12
    WHERE territory_id = $1 AND id = $2
"""
_SELECT = f"SELECT {_COLUMNS} {_FROM} WHERE r.territory_id = $1 AND r.id = $2"  # constants of this file
_SELECT_MANY = f"SELECT {_COLUMNS} {_FROM} WHERE r.territory_id = $1 AND r.id = ANY($2::uuid[])"  # constants of this file
_OF_CALL = f"SELECT {_COLUMNS} {_FROM} WHERE r.territory_id = $1 AND r.call_id = $2 ORDER BY r.received_at, r.id"  # constants of this file
_WORKLIST = f"""
    SELECT {_COLUMNS} {_FROM}
    WHERE r.territory_id = $1 AND r.owner IS NOT NULL AND ($2::text IS NULL OR r.state = $2) AND (r.due_at, r.id) > ($3, $4)
    ORDER BY r.due_at, r.id LIMIT $5
"""  # constants of this file
_ARRIVALS = f"""
    SELECT {_COLUMNS} {_FROM}
    WHERE r.territory_id = $1 AND ($2::text IS NULL OR r.state = $2) AND (r.received_at, r.id) > ($3, $4)
    ORDER BY r.received_at, r.id LIMIT $5
"""  # constants of this file
_TASKS = f"""
    SELECT {_COLUMNS} {_FROM}
    WHERE r.territory_id = $1 AND (r.check_15_at IS NOT NULL OR r.state IN ('callback_promised', 'recontact_due', 'unallocated')
        OR (r.state = 'advice_pending' AND r.owner = 'desk') OR (r.state IN ('qualified', 'waiting_slot') AND r.due_at <= $2))
    ORDER BY coalesce(r.due_at, r.check_15_at), r.id LIMIT 500
"""  # constants of this file
_INSERT_ANSWER = """
    INSERT INTO answer (territory_id, request_id, question_set, question, answer, answered_at, taken_by) VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_ANSWERS = """
    SELECT DISTINCT ON (request_id, question) request_id, question, answer, answered_at, question_set, id FROM answer
    WHERE territory_id = $1 AND request_id = ANY($2::uuid[]) ORDER BY request_id, question, id DESC
"""


async def insert_request(tx: Tx, request: Request, *, data_key: bytes, sealed: bytes) -> bool:
    """False when the id exists (in any territory): nothing is changed then."""
    return bool(
        await tx.sql.fetchval(
            _INSERT,
            request.id,
            request.territory_id,
            request.version,
            request.state,
            request.owner,
            request.due_at,
            request.urgency,
            request.call_id,
            request.patient_id,
            request.received_at,
            request.check_15_at,
            _progress(request),
            data_key,
            sealed,
        )
    )


async def find_request(sql: Connection, territory_id: str, request_id: UUID, *, lock: bool = False) -> Stored | None:
    row = await sql.fetchrow(f"{_SELECT} FOR UPDATE OF r" if lock else _SELECT, territory_id, request_id)
    return None if row is None else _stored(row)


async def get_request(sql: Connection, territory_id: str, request_id: UUID) -> Stored:
    """Raises NotFound."""
    return _found(await find_request(sql, territory_id, request_id), request_id)


async def lock_request(tx: Tx, territory_id: str, request_id: UUID) -> Stored:
    """The request, locked until the transaction ends; raises NotFound."""
    return _found(await find_request(tx.sql, territory_id, request_id, lock=True), request_id)


async def requests_by_id(sql: Connection, territory_id: str, request_ids: list[UUID]) -> list[Stored]:
    """Those that exist in this territory, in no order."""
    return [_stored(row) for row in await sql.fetch(_SELECT_MANY, territory_id, request_ids)]


async def requests_of_call(sql: Connection, territory_id: str, call_id: UUID) -> list[Stored]:
    return [_stored(row) for row in await sql.fetch(_OF_CALL, territory_id, call_id)]


async def list_open(sql: Connection, territory_id: str, *, state: State | None, after: tuple[datetime, UUID], limit: int) -> list[Stored]:
    """Open requests by the hour they are due, after the cursor (due_at, id)."""
    return [_stored(row) for row in await sql.fetch(_WORKLIST, territory_id, state, after[0], after[1], limit)]


async def list_arrivals(
    sql: Connection, territory_id: str, *, state: State | None, after: tuple[datetime, UUID], limit: int
) -> list[Stored]:
    """All requests by arrival, after the cursor (received_at, id)."""
    return [_stored(row) for row in await sql.fetch(_ARRIVALS, territory_id, state, after[0], after[1], limit)]


async def requests_with_tasks(sql: Connection, territory_id: str, now: datetime) -> list[Stored]:
    """Those the desk must do something about (services/intake/tasks.py says what)."""
    return [_stored(row) for row in await sql.fetch(_TASKS, territory_id, now)]


async def save_step(tx: Tx, before: Request, step: Step, *, sealing: tuple[bytes | None, bytes] | None = None) -> Request:
    """Write the request after its step, tell the others, and make its timers what they must be now.

    `sealing` replaces (data key, sealed words); `before` is the locked request.
    """
    after = step.request
    if after != before or sealing is not None:
        common = (
            after.territory_id,
            after.id,
            after.version,
            after.state,
            after.owner,
            after.due_at,
            after.urgency,
            after.patient_id,
            after.check_15_at,
            _progress(after),
        )
        if sealing is None:
            await tx.sql.execute(_UPDATE, *common)
        else:
            await tx.sql.execute(_UPDATE_WITH_SEALED, *common, *sealing)
    for event in step.events:
        await tx.record(event)
    old, new = timers_of(before), timers_of(after)
    for kind in TIMER_KINDS:
        if kind in new and old.get(kind) != new[kind]:
            await tx.schedule(kind, after.territory_id, after.id, new[kind])
        elif kind in old and kind not in new:
            await tx.unschedule(kind, after.id)
    return after


async def insert_answers(
    tx: Tx, territory_id: str, request_id: UUID, question_set: str, answers: dict[str, str], *, by: UUID, now: datetime
) -> None:
    """Keep what was answered, as it was answered."""
    if answers:
        await tx.sql.executemany(
            _INSERT_ANSWER, [(territory_id, request_id, question_set, question, answer, now, by) for question, answer in answers.items()]
        )


async def answers_of(sql: Connection, territory_id: str, request_ids: list[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """The last answer to each question, by request, in the order they were given."""
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in sorted(await sql.fetch(_ANSWERS, territory_id, request_ids), key=lambda row: row["id"]):
        found.setdefault(row["request_id"], []).append({"question": row["question"], "answer": row["answer"], "at": row["answered_at"]})
    return found


def _progress(request: Request) -> dict[str, Any]:
    plain = _REQUEST.dump_python(request, mode="json", exclude=set(_OWN_COLUMNS))
    assert isinstance(plain, dict)
    return plain


def _stored(row: Any) -> Stored:
    columns = {name: row[name] for name in _OWN_COLUMNS}
    request = _REQUEST.validate_python({**row["progress"], **columns})
    return Stored(request, row["data_key"], row["patient_key"], row["sealed"])


def _found(stored: Stored | None, request_id: UUID) -> Stored:
    if stored is None:
        raise NotFound(f"request {request_id}")
    return stored
