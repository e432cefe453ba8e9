"""All SQL of orientation. A person's path is read whole; what a fact changed is written."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.orientation.domain import Contact, HelpAnswer, Path, Profile, Search, State
from shared.db import Connection, Tx
from shared.errors import NotFound, Unavailable

Key = tuple[datetime, UUID]
FIRST: Key = (datetime.fromisoformat("0001-01-02T00:00:00+00:00"), UUID(int=0))

_OPEN = "INSERT INTO patient (patient_id, territory_id) VALUES ($1, $2) ON CONFLICT (patient_id) DO NOTHING"
_LOCK = "SELECT territory_id FROM patient WHERE patient_id = $1 FOR UPDATE"
_PATIENTS = "SELECT patient_id, version FROM patient WHERE territory_id = $1 AND patient_id = ANY($2)"
_PROFILES = """
    SELECT patient_id, source, said_at, version, without_mt, age_band, commune, flags
    FROM patient_profile WHERE patient_id = ANY($1) ORDER BY source
"""
_ANSWERS = """
    SELECT patient_id, event_id, request_id, answer, answered_at, version
    FROM mt_help_answer WHERE patient_id = ANY($1) ORDER BY answered_at, version, event_id
"""
_CONTACTS = """
    SELECT patient_id, appointment_id, request_id, practitioner_id, outcome, closed_at, version, would_be_mt
    FROM contact WHERE patient_id = ANY($1) ORDER BY closed_at, appointment_id
"""
_SEARCHES = """
    SELECT DISTINCT ON (patient_id) patient_id, search_id, request_id, state, opened_at, changed_at, commune, priority
    FROM search WHERE patient_id = ANY($1) ORDER BY patient_id, number DESC
"""
_SAVE_PROFILE = """
    INSERT INTO patient_profile (patient_id, source, territory_id, said_at, version, without_mt, age_band, commune, flags)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (patient_id, source) DO UPDATE
    SET said_at = excluded.said_at, version = excluded.version, without_mt = excluded.without_mt, age_band = excluded.age_band,
        commune = excluded.commune, flags = excluded.flags
"""
_INSERT_ANSWER = """
    INSERT INTO mt_help_answer (event_id, patient_id, territory_id, request_id, answer, answered_at, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_SAVE_CONTACT = """
    INSERT INTO contact (appointment_id, patient_id, territory_id, request_id, practitioner_id, outcome, closed_at, version, would_be_mt)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (appointment_id) DO UPDATE
    SET outcome = excluded.outcome, closed_at = excluded.closed_at, version = excluded.version, would_be_mt = excluded.would_be_mt
"""
_SET_VERSION = "UPDATE patient SET version = $3 WHERE territory_id = $1 AND patient_id = $2"
_HEARD = "UPDATE patient SET patient_version = greatest(patient_version, $3) WHERE territory_id = $1 AND patient_id = $2"
_PATIENT_VERSION = "SELECT patient_version FROM patient WHERE territory_id = $1 AND patient_id = $2"
_SAVE_SEARCH = """
    INSERT INTO search (search_id, patient_id, territory_id, request_id, state, number, opened_at, changed_at, commune, priority)
    VALUES ($1, $2, $3, $4, $5, (SELECT count(*) + 1 FROM search WHERE patient_id = $2), $6, $7, $8, $9)
    ON CONFLICT (search_id) DO UPDATE
    SET state = excluded.state, changed_at = excluded.changed_at, commune = excluded.commune, priority = excluded.priority
"""
_DECLINE_BEFORE = """
    UPDATE search SET state = 'declined', changed_at = $2
    WHERE patient_id = $1 AND state IN ('awaiting_consent', 'active') AND search_id <> $3
"""
_LIST = """
    SELECT opened_at, search_id, patient_id, request_id, state, changed_at, commune, priority
    FROM search
    WHERE territory_id = $1 AND ($2::text IS NULL OR state = $2) AND (opened_at, search_id) > ($3, $4)
    ORDER BY opened_at, search_id LIMIT $5
"""
_COUNTS = "SELECT state, count(*) AS searches FROM search WHERE territory_id = $1 GROUP BY state"


@dataclass(frozen=True)
class Listed:
    """A search in a list, with the person it is for."""

    patient_id: UUID
    search: Search


async def lock_path(tx: Tx, territory_id: str, patient_id: UUID) -> Path:
    """The person's path, empty when this is the first we hear of them. Raises NotFound for another territory's."""
    await tx.sql.execute(_OPEN, patient_id, territory_id)
    if await tx.sql.fetchval(_LOCK, patient_id) != territory_id:
        raise NotFound(f"patient {patient_id}")
    return (await read_paths(tx.sql, territory_id, [patient_id]))[patient_id]


async def read_paths(sql: Connection, territory_id: str, patient_ids: Iterable[UUID]) -> dict[UUID, Path]:
    """The paths that exist in the territory, by person."""
    known = {row["patient_id"]: row["version"] for row in await sql.fetch(_PATIENTS, territory_id, list(patient_ids))}
    ids = list(known)
    profiles: dict[UUID, list[Profile]] = defaultdict(list)
    for row in await sql.fetch(_PROFILES, ids):
        profiles[row["patient_id"]].append(
            Profile(row["source"], row["said_at"], row["version"], row["without_mt"], row["age_band"], row["commune"], tuple(row["flags"]))
        )
    answers: dict[UUID, list[HelpAnswer]] = defaultdict(list)
    for row in await sql.fetch(_ANSWERS, ids):
        answers[row["patient_id"]].append(HelpAnswer(row["event_id"], row["request_id"], row["answer"], row["answered_at"], row["version"]))
    contacts: dict[UUID, list[Contact]] = defaultdict(list)
    for row in await sql.fetch(_CONTACTS, ids):
        contacts[row["patient_id"]].append(
            Contact(
                row["appointment_id"], row["request_id"], row["practitioner_id"], row["outcome"], row["closed_at"], row["version"],
                row["would_be_mt"],
            )
        )  # fmt: skip
    searches = {row["patient_id"]: _search(row) for row in await sql.fetch(_SEARCHES, ids)}
    return {
        one: Path(territory_id, one, version, tuple(profiles[one]), tuple(answers[one]), tuple(contacts[one]), searches.get(one))
        for one, version in known.items()
    }


async def save_path(tx: Tx, before: Path, after: Path) -> None:
    """Write what a fact changed; the caller holds the person's lock."""
    territory_id, patient_id = after.territory_id, after.patient_id
    for said in set(after.profiles) - set(before.profiles):
        await tx.sql.execute(
            _SAVE_PROFILE, patient_id, said.source, territory_id, said.said_at, said.version, said.without_mt, said.age_band, said.commune,
            list(said.flags),
        )  # fmt: skip
    for answer in set(after.answers) - set(before.answers):
        await tx.sql.execute(
            _INSERT_ANSWER, answer.event_id, patient_id, territory_id, answer.request_id, answer.answer, answer.answered_at, answer.version
        )
    for contact in set(after.contacts) - set(before.contacts):
        await tx.sql.execute(
            _SAVE_CONTACT, contact.appointment_id, patient_id, territory_id, contact.request_id, contact.practitioner_id, contact.outcome,
            contact.closed_at, contact.version, contact.would_be_mt,
        )  # fmt: skip
    if after.search is not None and after.search != before.search:
        await _save_search(tx, territory_id, patient_id, after.search)
    if after.version != before.version:
        await tx.sql.execute(_SET_VERSION, territory_id, patient_id, after.version)


async def heard(tx: Tx, territory_id: str, patient_id: UUID, patient_version: int) -> None:
    """Remember how far intake's patient was followed."""
    await tx.sql.execute(_HEARD, territory_id, patient_id, patient_version)


async def patient_version(sql: Connection, territory_id: str, patient_id: UUID) -> int | None:
    """How far intake's patient was followed here."""
    version: int | None = await sql.fetchval(_PATIENT_VERSION, territory_id, patient_id)
    return version


async def list_searches(sql: Connection, territory_id: str, state: State | None, *, after: Key, limit: int) -> list[Listed]:
    """A page, oldest first."""
    return [Listed(row["patient_id"], _search(row)) for row in await sql.fetch(_LIST, territory_id, state, *after, limit)]


async def count_searches(sql: Connection, territory_id: str) -> dict[State, int]:
    """How many searches stand in each state that occurs."""
    return {row["state"]: row["searches"] for row in await sql.fetch(_COUNTS, territory_id)}


async def _save_search(tx: Tx, territory_id: str, patient_id: UUID, search: Search) -> None:
    await tx.sql.execute(_DECLINE_BEFORE, patient_id, search.changed_at, search.search_id)
    try:
        await tx.sql.execute(
            _SAVE_SEARCH, search.search_id, patient_id, territory_id, search.request_id, search.state, search.opened_at, search.changed_at,
            search.commune, list(search.priority),
        )  # fmt: skip
    except asyncpg.UniqueViolationError as clash:
        raise Unavailable("another transaction opened a search") from clash


def _search(row: Any) -> Search:
    return Search(
        row["search_id"], row["request_id"], row["state"], row["opened_at"], row["changed_at"], row["commune"], tuple(row["priority"])
    )
