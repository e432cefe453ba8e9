"""All SQL of regulation. A case file is read and written whole; lists give keys, the files follow in one query."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from services.regulation.domain import DANGER, Acknowledgement, Advice, Answered, Case, CaseFile, Handing, Inbox, Person, Rota, Taking
from shared.db import Connection, Tx
from shared.errors import NotFound

Listing = Literal["to_take", "mine", "all"]
Key = tuple[int, datetime, UUID]

# The +60 min check of operations.md §5 is past: a case that the 15 answered by voice and the desk has ended leaves the list to take.
_VOICE_SETTLES_AFTER = timedelta(hours=1)
_HISTORY = timedelta(hours=24)

_OPEN_FILE = "INSERT INTO case_file (request_id, territory_id) VALUES ($1, $2) ON CONFLICT (territory_id, request_id) DO NOTHING"
_LOCK_FILE = "SELECT true FROM case_file WHERE territory_id = $1 AND request_id = $2 FOR UPDATE"
_FILES = """
    SELECT request_id, version, request_version, voice_answered_at, ended_as, ended_at
    FROM case_file WHERE territory_id = $1 AND request_id = ANY($2)
"""
_CASES = """
    SELECT request_id, inbox, urgency, opened_at, provisional, confirmed, channel, due_at, duty_doctor_id, handed_by, handed_by_initials,
        breathing, consciousness, chest_or_collapse, age_band, sex, commune, reason, flags, caller_on_line, cause, received_at,
        acknowledged_at, acknowledged_by, acknowledged_by_initials, acknowledged_role, taken_at, taken_by, taken_by_initials,
        answered, answered_at, answered_by, answered_by_initials, overdue_for, withdrawn_at
    FROM handed_case WHERE territory_id = $1 AND request_id = ANY($2)
"""
_SAVE_FILE = """
    UPDATE case_file
    SET version = $3, request_version = $4, voice_answered_at = $5, ended_as = $6, ended_at = $7
    WHERE territory_id = $1 AND request_id = $2
"""
_SAVE_CASE = """
    INSERT INTO handed_case (territory_id, request_id, inbox, state, urgency, danger, opened_at, provisional, confirmed, channel, due_at,
        duty_doctor_id, handed_by, handed_by_initials, breathing, consciousness, chest_or_collapse, age_band, sex, commune, reason, flags,
        caller_on_line, cause, received_at, acknowledged_at, acknowledged_by, acknowledged_by_initials, acknowledged_role,
        taken_at, taken_by, taken_by_initials, answered, answered_at, answered_by, answered_by_initials, overdue_for, withdrawn_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26,
        $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38)
    ON CONFLICT (territory_id, request_id, inbox) DO UPDATE SET
        state = excluded.state, urgency = excluded.urgency, danger = excluded.danger, opened_at = excluded.opened_at,
        provisional = excluded.provisional, confirmed = excluded.confirmed, channel = excluded.channel, due_at = excluded.due_at,
        duty_doctor_id = excluded.duty_doctor_id, handed_by = excluded.handed_by, handed_by_initials = excluded.handed_by_initials,
        breathing = excluded.breathing, consciousness = excluded.consciousness, chest_or_collapse = excluded.chest_or_collapse,
        age_band = excluded.age_band, sex = excluded.sex, commune = excluded.commune, reason = excluded.reason, flags = excluded.flags,
        caller_on_line = excluded.caller_on_line, cause = excluded.cause, received_at = excluded.received_at,
        acknowledged_at = excluded.acknowledged_at, acknowledged_by = excluded.acknowledged_by,
        acknowledged_by_initials = excluded.acknowledged_by_initials, acknowledged_role = excluded.acknowledged_role,
        taken_at = excluded.taken_at, taken_by = excluded.taken_by, taken_by_initials = excluded.taken_by_initials,
        answered = excluded.answered, answered_at = excluded.answered_at, answered_by = excluded.answered_by,
        answered_by_initials = excluded.answered_by_initials, overdue_for = excluded.overdue_for, withdrawn_at = excluded.withdrawn_at
"""
_TO_TAKE = """
    SELECT c.danger, c.opened_at, c.request_id
    FROM handed_case c JOIN case_file f USING (territory_id, request_id)
    WHERE c.territory_id = $1 AND c.inbox = $2 AND c.state IN ('delivered', 'acknowledged') AND c.taken_at IS NULL
        AND ($3 OR c.acknowledged_at IS NULL)
        AND NOT coalesce(f.ended_at >= c.opened_at AND f.voice_answered_at >= c.opened_at AND f.voice_answered_at <= $4, false)
        AND (c.danger, c.opened_at, c.request_id) > ($5, $6, $7)
    ORDER BY c.danger, c.opened_at, c.request_id LIMIT $8
"""
_MINE = """
    SELECT danger, opened_at, request_id
    FROM handed_case
    WHERE territory_id = $1 AND inbox = $2 AND state <> 'closed' AND (taken_by = $3 OR (acknowledged_by = $3 AND taken_by IS NULL))
        AND (danger, opened_at, request_id) > ($4, $5, $6)
    ORDER BY danger, opened_at, request_id LIMIT $7
"""
_ALL = """
    SELECT danger, opened_at, request_id
    FROM handed_case
    WHERE territory_id = $1 AND inbox = $2 AND (state IN ('delivered', 'acknowledged') OR opened_at > $3)
        AND (danger, opened_at, request_id) > ($4, $5, $6)
    ORDER BY danger, opened_at, request_id LIMIT $7
"""
_OPEN_ADVICE = """
    SELECT danger, opened_at, request_id
    FROM handed_case
    WHERE territory_id = $1 AND inbox = 'duty_doctor' AND state IN ('delivered', 'acknowledged')
        AND ($2::uuid IS NULL OR duty_doctor_id = $2)
        AND (danger, opened_at, request_id) > ($3, $4, $5)
    ORDER BY danger, opened_at, request_id LIMIT $6
"""
_REQUEST_VERSION = "SELECT request_version FROM case_file WHERE territory_id = $1 AND request_id = $2"
_SAVE_ROTA = """
    INSERT INTO duty_rota (territory_id, practitioner_id, starts_at, ends_at, deputy_id, version, said_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (territory_id, practitioner_id, starts_at) DO UPDATE
    SET ends_at = excluded.ends_at, deputy_id = excluded.deputy_id, version = excluded.version, said_at = excluded.said_at
    WHERE duty_rota.version < excluded.version
"""
_ROTA_AT = """
    SELECT practitioner_id, deputy_id, ends_at
    FROM duty_rota WHERE territory_id = $1 AND starts_at <= $2 AND ends_at > $2
    ORDER BY said_at DESC, version DESC, practitioner_id LIMIT 1
"""
_SEEMED_UNHELD = """
    SELECT a.request_id
    FROM handed_case a JOIN handed_case f ON f.territory_id = a.territory_id AND f.request_id = a.request_id AND f.inbox = 'fifteen'
    WHERE a.territory_id = $1 AND a.inbox = 'duty_doctor' AND a.state IN ('delivered', 'acknowledged') AND a.duty_doctor_id IS NULL
        AND a.opened_at >= $2 AND a.opened_at < $3 AND f.provisional AND f.withdrawn_at IS NULL
    ORDER BY a.request_id
"""
_KEY = "SELECT wrapped_key FROM case_key WHERE territory_id = $1 AND request_id = $2"
_INSERT_KEY = """
    INSERT INTO case_key (territory_id, request_id, wrapped_key) VALUES ($1, $2, $3) ON CONFLICT (territory_id, request_id) DO NOTHING
"""
_INSERT_ADVICE = """
    INSERT INTO advice (advice_id, territory_id, request_id, decision, urgency, modes, practitioner_id, decided_by, decided_by_initials,
        decided_at, words_sealed)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
_INSERT_READ = """
    INSERT INTO words_read (territory_id, reader, roles, request_id, hour, read_at)
    VALUES ($1, $2, $3, $4, date_trunc('hour', $5::timestamptz, 'UTC'), $5)
    ON CONFLICT ON CONSTRAINT words_read_once_an_hour DO NOTHING
"""
_LAST_ADVICE = """
    SELECT DISTINCT ON (a.request_id) a.request_id, a.advice_id, a.decision, a.urgency, a.modes, a.practitioner_id, a.decided_by_initials,
        a.decided_at, a.words_sealed, k.wrapped_key
    FROM advice a JOIN case_key k USING (territory_id, request_id)
    WHERE a.territory_id = $1 AND a.request_id = ANY($2)
    ORDER BY a.request_id, a.decided_at DESC, a.advice_id DESC
"""

FIRST: Key = (-1, datetime.fromisoformat("0001-01-02T00:00:00+00:00"), UUID(int=0))


@dataclass(frozen=True)
class SealedAdvice:
    """The last word on a request, still sealed."""

    advice_id: UUID
    advice: Advice
    practitioner_id: UUID | None
    decided_by_initials: str
    decided_at: datetime
    words_sealed: bytes
    wrapped_key: bytes


async def lock_file(tx: Tx, territory_id: str, request_id: UUID) -> CaseFile:
    """The territory's file, opened empty when this is the first we hear of the request."""
    await tx.sql.execute(_OPEN_FILE, request_id, territory_id)
    await tx.sql.execute(_LOCK_FILE, territory_id, request_id)
    return (await read_files(tx.sql, territory_id, [request_id]))[request_id]


async def lock_known_file(tx: Tx, territory_id: str, request_id: UUID) -> CaseFile:
    """The file of a request heard of before; raises NotFound otherwise."""
    if not await tx.sql.fetchval(_LOCK_FILE, territory_id, request_id):
        raise NotFound(f"request {request_id}")
    return (await read_files(tx.sql, territory_id, [request_id]))[request_id]


async def read_files(sql: Connection, territory_id: str, request_ids: Iterable[UUID]) -> dict[UUID, CaseFile]:
    """The files that exist in the territory, by request."""
    ids = list(request_ids)
    cases: dict[UUID, dict[Inbox, Case]] = defaultdict(dict)
    for row in await sql.fetch(_CASES, territory_id, ids):
        cases[row["request_id"]][row["inbox"]] = _case(row)
    return {
        row["request_id"]: CaseFile(
            territory_id, row["request_id"], row["version"], row["request_version"], row["voice_answered_at"],
            row["ended_as"], row["ended_at"], cases[row["request_id"]],
        )
        for row in await sql.fetch(_FILES, territory_id, ids)
    }  # fmt: skip


async def save_file(tx: Tx, file: CaseFile) -> None:
    """Write the file and its cases; the caller holds its lock."""
    await tx.sql.execute(
        _SAVE_FILE,
        file.territory_id,
        file.request_id,
        file.version,
        file.request_version,
        file.voice_answered_at,
        file.ended_as,
        file.ended_at,
    )
    for inbox, case in file.cases.items():
        said, ack, taken, answered = case.handing, case.acknowledged, case.taken, case.answered
        await tx.sql.execute(
            _SAVE_CASE, file.territory_id, file.request_id, inbox, file.state(inbox), said.urgency,
            DANGER.index(said.urgency), said.opened_at, said.provisional, said.confirmed, said.channel, said.due_at,
            said.duty_doctor_id, said.handed_by, said.handed_by_initials,
            said.breathing, said.consciousness, said.chest_or_collapse, said.age_band, said.sex, said.commune, said.reason,
            list(said.flags), said.caller_on_line, said.cause, case.received_at,
            ack and ack.at, ack and ack.by, ack and ack.initials, ack and ack.role,
            taken and taken.at, taken and taken.by, taken and taken.initials,
            answered and answered.decision, answered and answered.at, answered and answered.by, answered and answered.initials,
            case.overdue_for, case.withdrawn_at,
        )  # fmt: skip


async def list_keys(
    sql: Connection,
    territory_id: str,
    inbox: Inbox,
    listing: Listing,
    *,
    account_id: UUID,
    regulator: bool,
    after: Key,
    limit: int,
    now: datetime,
) -> list[Key]:
    """A page of an inbox, most dangerous first, then oldest. A regulator still has to take what an ARM only acknowledged."""
    if listing == "to_take":
        rows = await sql.fetch(_TO_TAKE, territory_id, inbox, regulator, now - _VOICE_SETTLES_AFTER, *after, limit)
    elif listing == "mine":
        rows = await sql.fetch(_MINE, territory_id, inbox, account_id, *after, limit)
    else:
        rows = await sql.fetch(_ALL, territory_id, inbox, now - _HISTORY, *after, limit)
    return [(row["danger"], row["opened_at"], row["request_id"]) for row in rows]


async def open_advice(sql: Connection, territory_id: str, named: UUID | None, *, after: Key, limit: int) -> list[Key]:
    """Questions without a word, of the territory, or those put to one doctor by name."""
    rows = await sql.fetch(_OPEN_ADVICE, territory_id, named, *after, limit)
    return [(row["danger"], row["opened_at"], row["request_id"]) for row in rows]


async def request_version(sql: Connection, territory_id: str, request_id: UUID) -> int | None:
    """How far intake's request was followed here."""
    version: int | None = await sql.fetchval(_REQUEST_VERSION, territory_id, request_id)
    return version


async def save_rota(tx: Tx, territory_id: str, rota: Rota, *, starts_at: datetime, version: int, said_at: datetime) -> None:
    """Keep the copy; a lower version than the known one changes nothing."""
    await tx.sql.execute(_SAVE_ROTA, territory_id, rota.practitioner_id, starts_at, rota.ends_at, rota.deputy_id, version, said_at)


async def rota_at(sql: Connection, territory_id: str, at: datetime) -> Rota | None:
    """Who answers advice at an instant, as far as we heard."""
    row = await sql.fetchrow(_ROTA_AT, territory_id, at)
    return None if row is None else Rota(row["practitioner_id"], row["deputy_id"], row["ends_at"])


async def seemed_unheld(tx: Tx, territory_id: str, start: datetime, end: datetime) -> list[UUID]:
    """Open questions of a period, put to nobody by name, that the 15 was shown at once or after ten minutes."""
    return [row["request_id"] for row in await tx.sql.fetch(_SEEMED_UNHELD, territory_id, start, end)]


async def case_key(tx: Tx, territory_id: str, request_id: UUID, fresh: bytes) -> bytes:
    """The wrapped key of the request; `fresh` becomes it when there was none."""
    await tx.sql.execute(_INSERT_KEY, territory_id, request_id, fresh)
    wrapped: bytes = await tx.sql.fetchval(_KEY, territory_id, request_id)
    return wrapped


async def insert_advice(
    tx: Tx, territory_id: str, request_id: UUID, advice_id: UUID, advice: Advice, person: Person, words_sealed: bytes, *, at: datetime
) -> None:
    """Keep the sealed words beside the decision."""
    await tx.sql.execute(
        _INSERT_ADVICE, advice_id, territory_id, request_id, advice.decision, advice.urgency, list(advice.modes), person.practitioner_id,
        person.account_id, person.initials, at, words_sealed,
    )  # fmt: skip


async def log_words_read(tx: Tx, territory_id: str, request_id: UUID, *, reader: UUID, roles: Iterable[str], now: datetime) -> None:
    """In the transaction that reads, so that no read goes without it."""
    await tx.sql.execute(_INSERT_READ, territory_id, reader, sorted(roles), request_id, now)


async def last_advice(sql: Connection, territory_id: str, request_ids: Iterable[UUID]) -> dict[UUID, SealedAdvice]:
    """The last word on each request that has one."""
    return {
        row["request_id"]: SealedAdvice(
            row["advice_id"], Advice(row["decision"], row["urgency"], tuple(row["modes"])), row["practitioner_id"],
            row["decided_by_initials"], row["decided_at"], row["words_sealed"], row["wrapped_key"],
        )
        for row in await sql.fetch(_LAST_ADVICE, territory_id, list(request_ids))
    }  # fmt: skip


def _case(row: Any) -> Case:
    return Case(
        inbox=row["inbox"],
        handing=Handing(
            urgency=row["urgency"], opened_at=row["opened_at"], provisional=row["provisional"], confirmed=row["confirmed"],
            channel=row["channel"], due_at=row["due_at"], duty_doctor_id=row["duty_doctor_id"], handed_by=row["handed_by"],
            handed_by_initials=row["handed_by_initials"], breathing=row["breathing"], consciousness=row["consciousness"],
            chest_or_collapse=row["chest_or_collapse"], age_band=row["age_band"], sex=row["sex"], commune=row["commune"],
            reason=row["reason"], flags=tuple(row["flags"]), caller_on_line=row["caller_on_line"], cause=row["cause"],
        ),
        received_at=row["received_at"],
        acknowledged=None if row["acknowledged_at"] is None else Acknowledgement(
            row["acknowledged_at"], row["acknowledged_by"], row["acknowledged_by_initials"], row["acknowledged_role"]
        ),
        taken=None if row["taken_at"] is None else Taking(row["taken_at"], row["taken_by"], row["taken_by_initials"]),
        answered=None if row["answered_at"] is None else Answered(
            row["answered"], row["answered_at"], row["answered_by"], row["answered_by_initials"]
        ),
        overdue_for=row["overdue_for"],
        withdrawn_at=row["withdrawn_at"],
    )  # fmt: skip
