"""What the pages and the reports read. The territory comes first, always."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from services.pilotage.domain import AppointmentStory, CallStory, RequestStory
from services.pilotage.domain.day import Offer, Practitioner
from shared.db import Connection
from shared.errors import NotFound

_REQUESTS = TypeAdapter(list[RequestStory])
_CALLS = TypeAdapter(list[CallStory])
_APPOINTMENTS = TypeAdapter(list[AppointmentStory])

_REQUEST = "SELECT to_jsonb(r) AS story FROM request_story r WHERE territory_id = $1 AND request_id = $2"
_REQUESTS_OF_DAY = "SELECT to_jsonb(r) AS story FROM request_story r WHERE territory_id = $1 AND rang_at >= $2 AND rang_at < $3"
_REQUESTS_LIVING = """
    SELECT to_jsonb(r) AS story FROM request_story r
    WHERE territory_id = $1 AND (ended_at IS NULL OR ended_at >= $2 OR rang_at >= $2)
"""
_BY_REFERENCE = (
    "SELECT to_jsonb(r) AS story FROM request_story r WHERE territory_id = $1 AND reference = $2 ORDER BY rang_at DESC NULLS LAST"
)
_CALLS_OF_DAY = "SELECT to_jsonb(c) AS story FROM call_story c WHERE territory_id = $1 AND rang_at >= $2 AND rang_at < $3"
_CALLS_LIVING = """
    SELECT to_jsonb(c) AS story FROM call_story c
    WHERE territory_id = $1 AND (rang_at >= $2 OR (ended_at IS NULL AND abandoned_at IS NULL))
"""
_STARTING = "SELECT to_jsonb(a) AS story FROM appointment_story a WHERE territory_id = $1 AND starts_at >= $2 AND starts_at < $3"
_CLOSED = "SELECT to_jsonb(a) AS story FROM appointment_story a WHERE territory_id = $1 AND closed_at >= $2 AND closed_at < $3"
_BOOKED_SINCE = "SELECT to_jsonb(a) AS story FROM appointment_story a WHERE territory_id = $1 AND starts_at >= $2"
_OFFERS = "SELECT practitioner_id, visit, teleconsultation, surgery FROM slot_offer WHERE territory_id = $1 AND on_date = $2"
_PRACTITIONERS = "SELECT practitioner_id, display_name, status FROM practitioner WHERE territory_id = $1"
_EVENT_COUNTS = "SELECT type, count(*) AS facts FROM event WHERE territory_id = $1 AND occurred_at >= $2 AND occurred_at < $3 GROUP BY type"
_EVENTS_TOTAL = "SELECT count(*) FROM event WHERE territory_id = $1"
_REDELIVERED = "SELECT redelivered FROM projector_state"
# Searches opened by a contact of the day, and those of them that count: the person said yes, then or since.
_SEARCHES = """
    SELECT count(DISTINCT opened.body->>'search_id') AS opened,
        count(DISTINCT opened.body->>'search_id') FILTER (WHERE opened.body->>'state' = 'active' OR EXISTS (
            SELECT FROM event yes
            WHERE yes.territory_id = opened.territory_id AND yes.patient_id = opened.patient_id AND yes.topic = 'orientation.attachments'
                AND yes.type = 'orientation.SearchActivated.v1' AND yes.body->>'search_id' = opened.body->>'search_id'
        )) AS active
    FROM request_story r JOIN event opened ON opened.territory_id = r.territory_id AND opened.request_id = r.request_id
        AND opened.type = 'orientation.SearchOpened.v1'
    WHERE r.territory_id = $1 AND r.rang_at >= $2 AND r.rang_at < $3
"""
_MT_HELP = """
    SELECT body->>'answer' AS answer, count(*) AS facts FROM event
    WHERE territory_id = $1 AND occurred_at >= $2 AND occurred_at < $3 AND type = 'intake.MtHelpAnswered.v1'
    GROUP BY 1
"""
_TIMELINE = """
    SELECT event_id, type, topic, version, occurred_at, recorded_at, body FROM event WHERE territory_id = $1 AND request_id = $2
    UNION
    SELECT event_id, type, topic, version, occurred_at, recorded_at, body FROM event
    WHERE territory_id = $1 AND call_id = $3 AND topic = 'intake.calls'
    UNION
    SELECT e.event_id, e.type, e.topic, e.version, e.occurred_at, e.recorded_at, e.body
    FROM event e JOIN event opened
        ON opened.territory_id = $1 AND opened.request_id = $2 AND opened.type = 'orientation.SearchOpened.v1'
        AND e.territory_id = opened.territory_id AND e.patient_id = opened.patient_id AND e.topic = 'orientation.attachments'
        AND e.body->>'search_id' = opened.body->>'search_id'
"""
# The facts that create something which exists once.
_TOLD_TWICE = """
    SELECT type, subject_id, count(*) AS facts FROM (
        SELECT type, CASE type
            WHEN 'intake.CallReceived.v1' THEN call_id::text
            WHEN 'scheduling.ActClosed.v1' THEN appointment_id::text
            WHEN 'teleconsult.SessionOpened.v1' THEN body->>'session_id'
            WHEN 'orientation.SearchOpened.v1' THEN body->>'search_id'
            ELSE request_id::text END AS subject_id
        FROM event
        WHERE territory_id = $1 AND occurred_at >= $2 AND type IN ('intake.CallReceived.v1', 'intake.RequestReceived.v1',
            'scheduling.ActClosed.v1', 'teleconsult.SessionOpened.v1', 'orientation.SearchOpened.v1', 'regulation.CaseDecided.v1')
    ) told
    GROUP BY type, subject_id HAVING count(*) > 1 ORDER BY type, subject_id
"""
_LAST_EVENT = """
    SELECT occurred_at, recorded_at, folded_at FROM event WHERE territory_id = $1 ORDER BY occurred_at DESC LIMIT 1
"""
_DEAD = "SELECT count(*) FROM dead_letter WHERE replayed_at IS NULL AND discarded_at IS NULL"


@dataclass(frozen=True)
class TimelineRow:
    """A fact about a request, its call, or the search that came of it."""

    event_id: UUID
    type: str
    topic: str
    version: int
    occurred_at: datetime
    recorded_at: datetime
    body: dict[str, Any]


@dataclass(frozen=True)
class ToldTwice:
    """A fact that exists once was told under `count` ids."""

    type: str
    subject_id: str
    count: int


async def request(sql: Connection, territory_id: str, request_id: UUID) -> RequestStory:
    """Raises NotFound."""
    found = await _requests(sql, _REQUEST, territory_id, request_id)
    if not found:
        raise NotFound(f"request {request_id}")
    return found[0]


async def requests_of_day(sql: Connection, territory_id: str, start: datetime, end: datetime) -> list[RequestStory]:
    return await _requests(sql, _REQUESTS_OF_DAY, territory_id, start, end)


async def requests_living(sql: Connection, territory_id: str, since: datetime) -> list[RequestStory]:
    """Open ones, and those that rang or ended since then."""
    return await _requests(sql, _REQUESTS_LIVING, territory_id, since)


async def requests_by_reference(sql: Connection, territory_id: str, reference: str) -> list[RequestStory]:
    """Newest first: two requests may share a reference."""
    return await _requests(sql, _BY_REFERENCE, territory_id, reference)


async def calls_of_day(sql: Connection, territory_id: str, start: datetime, end: datetime) -> list[CallStory]:
    return _CALLS.validate_python(await _stories(sql, _CALLS_OF_DAY, territory_id, start, end))


async def calls_living(sql: Connection, territory_id: str, since: datetime) -> list[CallStory]:
    """Those that rang since then, and open ones."""
    return _CALLS.validate_python(await _stories(sql, _CALLS_LIVING, territory_id, since))


async def appointments_starting(sql: Connection, territory_id: str, start: datetime, end: datetime) -> list[AppointmentStory]:
    return _APPOINTMENTS.validate_python(await _stories(sql, _STARTING, territory_id, start, end))


async def appointments_since(sql: Connection, territory_id: str, start: datetime) -> list[AppointmentStory]:
    return _APPOINTMENTS.validate_python(await _stories(sql, _BOOKED_SINCE, territory_id, start))


async def appointments_closed(sql: Connection, territory_id: str, start: datetime, end: datetime) -> list[AppointmentStory]:
    return _APPOINTMENTS.validate_python(await _stories(sql, _CLOSED, territory_id, start, end))


async def offers(sql: Connection, territory_id: str, on: date) -> list[Offer]:
    return [Offer(*row.values()) for row in await sql.fetch(_OFFERS, territory_id, on)]


async def practitioners(sql: Connection, territory_id: str) -> dict[UUID, Practitioner]:
    return {row["practitioner_id"]: Practitioner(*row.values()) for row in await sql.fetch(_PRACTITIONERS, territory_id)}


async def event_counts(sql: Connection, territory_id: str, start: datetime, end: datetime) -> Mapping[str, int]:
    """Facts of a period by type."""
    return {row["type"]: row["facts"] for row in await sql.fetch(_EVENT_COUNTS, territory_id, start, end)}


async def events_total(sql: Connection, territory_id: str) -> int:
    return int(await sql.fetchval(_EVENTS_TOTAL, territory_id))


async def redelivered(sql: Connection) -> int:
    """Records of the whole log that were recognised and dropped."""
    return int(await sql.fetchval(_REDELIVERED))


async def searches(sql: Connection, territory_id: str, start: datetime, end: datetime) -> tuple[int, int]:
    """Opened by the requests of a period, and active now among them."""
    row = await sql.fetchrow(_SEARCHES, territory_id, start, end)
    return (row["opened"], row["active"]) if row is not None else (0, 0)


async def mt_help(sql: Connection, territory_id: str, start: datetime, end: datetime) -> Mapping[str, int]:
    return {row["answer"]: row["facts"] for row in await sql.fetch(_MT_HELP, territory_id, start, end)}


async def timeline(sql: Connection, territory_id: str, request_id: UUID, call_id: UUID | None) -> list[TimelineRow]:
    """In no order."""
    return [TimelineRow(*row.values()) for row in await sql.fetch(_TIMELINE, territory_id, request_id, call_id)]


async def told_twice(sql: Connection, territory_id: str, since: datetime) -> list[ToldTwice]:
    return [ToldTwice(*row.values()) for row in await sql.fetch(_TOLD_TWICE, territory_id, since)]


async def last_event(sql: Connection, territory_id: str) -> dict[str, Any] | None:
    row = await sql.fetchrow(_LAST_EVENT, territory_id)
    return dict(row) if row is not None else None


async def open_dead_letters(sql: Connection) -> int:
    return int(await sql.fetchval(_DEAD))


async def _requests(sql: Connection, query: str, *arguments: Any) -> list[RequestStory]:
    return _REQUESTS.validate_python(await _stories(sql, query, *arguments))


async def _stories(sql: Connection, query: str, *arguments: Any) -> list[dict[str, Any]]:
    return [row["story"] for row in await sql.fetch(query, *arguments)]
