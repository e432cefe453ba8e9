"""What lies in the services' databases, read as an auditor would: plain SQL, read only, beside the services."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

import asyncpg

from recours.check.invariants import LivePeriod, StoredCall, StoredRequest
from recours.operations.settings import setting

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

DATABASES = ("intake", "scheduling", "teleconsult", "orientation", "regulation", "pilotage")

_CALLS = "SELECT id, state IN ('abandoned', 'ended') AS ended FROM call"
_REQUESTS = """
    SELECT id, state NOT IN ('honoured', 'missed', 'cancelled', 'closed') AS is_open,
        owner IS NOT NULL AS has_owner, due_at IS NOT NULL AS has_due_at
    FROM request
"""
# Booked and closed appointments both took the doctor's time; cancelled ones gave it back. A visit lies inside its round.
_APPOINTMENTS = """
    SELECT practitioner_id, id, starts_at, ends_at, mode FROM appointment
    WHERE state <> 'cancelled' AND coalesce(outcome, '') <> 'impossible'
"""
_ROUNDS_WITH_VISITS = """
    SELECT DISTINCT r.practitioner_id, r.id, r.starts_at, r.ends_at
    FROM round r JOIN appointment a ON a.round_id = r.id AND a.state <> 'cancelled'
"""
_TWICE = {
    "scheduling": {
        "live_appointment": """
            SELECT count(*) FROM (SELECT 1 FROM appointment WHERE state = 'booked' GROUP BY territory_id, request_id HAVING count(*) > 1) d
        """,
        "slot": "SELECT count(*) FROM (SELECT 1 FROM appointment WHERE state <> 'cancelled' GROUP BY slot_id HAVING count(*) > 1) d",
    },
    "teleconsult": {
        "session": "SELECT count(*) FROM (SELECT 1 FROM session WHERE announced GROUP BY session_id HAVING count(*) > 1) d",
    },
    "orientation": {
        "live_search": """
            SELECT count(*) FROM (
                SELECT 1 FROM search WHERE state IN ('awaiting_consent', 'active') GROUP BY patient_id HAVING count(*) > 1
            ) d
        """,
    },
    "regulation": {
        "case": "SELECT count(*) FROM (SELECT 1 FROM handed_case GROUP BY request_id, inbox HAVING count(*) > 1) d",
    },
}
_INBOX_TWICE = "SELECT count(*) FROM (SELECT 1 FROM inbox GROUP BY consumer, event_id HAVING count(*) > 1) d"
_UNPUBLISHED = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
_PUBLISHED = "SELECT event_id FROM outbox WHERE published_at IS NOT NULL"
_DEAD = "SELECT count(*) FROM dead_letter WHERE replayed_at IS NULL AND discarded_at IS NULL"
_DEAD_BYTES = "SELECT key, body, headers::text AS headers FROM dead_letter"
_PILOTAGE_REQUESTS = "SELECT DISTINCT request_id FROM event WHERE request_id IS NOT NULL"


@dataclass(frozen=True)
class Stored:
    """Everything the invariants need, at one look."""

    calls: list[StoredCall]
    requests: list[StoredRequest]
    appointments: list[LivePeriod]
    rounds: list[LivePeriod]
    known_to_pilotage: frozenset[UUID]
    unpublished: int
    dead_letters: int
    doubled_rows: dict[str, int]
    journal: frozenset[UUID]
    """Ids of all facts that a relay says it published."""

    dead_letter_texts: list[str]

    @property
    def outside_rounds(self) -> list[LivePeriod]:
        """Appointments elsewhere than on a round, and the rounds that carry visits: these exclude each other too."""
        return [period for period in self.appointments if not period.inside_round] + self.rounds


async def read_stored(settings: Mapping[str, str]) -> Stored:
    """Raises MissingSetting, or what asyncpg raises when a database is away."""
    connections = await _connect(settings)
    try:
        intake, scheduling = connections["intake"], connections["scheduling"]
        doubled: dict[str, int] = {}
        unpublished = dead = 0
        journal: set[UUID] = set()
        letters: list[str] = []
        for service, connection in connections.items():
            unpublished += await connection.fetchval(_UNPUBLISHED)
            dead += await connection.fetchval(_DEAD)
            journal |= {row["event_id"] for row in await connection.fetch(_PUBLISHED)}
            letters += [_text(row) for row in await connection.fetch(_DEAD_BYTES)]
            doubled[f"{service}_inbox"] = await connection.fetchval(_INBOX_TWICE)
            for name, query in _TWICE.get(service, {}).items():
                doubled[f"{service}_{name}"] = await connection.fetchval(query)
        appointments = [
            LivePeriod(row["practitioner_id"], row["id"], row["starts_at"], row["ends_at"], inside_round=row["mode"] == "visit")
            for row in await scheduling.fetch(_APPOINTMENTS)
        ]
        rounds = [
            LivePeriod(row["practitioner_id"], row["id"], row["starts_at"], row["ends_at"])
            for row in await scheduling.fetch(_ROUNDS_WITH_VISITS)
        ]
        return Stored(
            calls=[StoredCall(row["id"], row["ended"]) for row in await intake.fetch(_CALLS)],
            requests=[
                StoredRequest(row["id"], row["is_open"], row["has_owner"], row["has_due_at"]) for row in await intake.fetch(_REQUESTS)
            ],
            appointments=appointments,
            rounds=rounds,
            known_to_pilotage=frozenset(row["request_id"] for row in await connections["pilotage"].fetch(_PILOTAGE_REQUESTS)),
            unpublished=unpublished,
            dead_letters=dead,
            doubled_rows=doubled,
            journal=frozenset(journal),
            dead_letter_texts=letters,
        )
    finally:
        await asyncio.gather(*(connection.close() for connection in connections.values()))


async def _connect(settings: Mapping[str, str]) -> dict[str, Connection]:
    """One read-only connection per service."""
    opened: dict[str, Connection] = {}
    try:
        for service in DATABASES:
            url = setting(settings, f"RECOURS_{service.upper()}_DATABASE_URL")
            opened[service] = await asyncpg.connect(
                url, server_settings={"default_transaction_read_only": "on", "application_name": "recours-check"}
            )
    except BaseException:
        await asyncio.gather(*(connection.close() for connection in opened.values()))
        raise
    return opened


def _text(row: Any) -> str:
    return " ".join(part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part) for part in row.values() if part is not None)
