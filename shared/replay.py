"""Dead letters and skipped events on the operator's address: seen, run again, put away. `recours inbox` and `recours replay` call it.

A replay runs the handler through the inbox as if the record came now: what was already done has no second effect.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer
from fastapi import APIRouter, Request

from shared.consumer import EventConsumer, Incoming, readable_headers
from shared.errors import NotFound, RecoursError, Refused
from shared.events.registry import event_class
from shared.http.fields import Instant, RowId
from shared.http.reading import After, Cursor, Limit

if TYPE_CHECKING:
    from shared.service import Service

router = APIRouter(prefix="/internal", tags=["operator"])

_LIST = """
    SELECT id, consumer, event_id, event_type, topic, partition, log_offset, reason, error_class, attempts, first_failed_at, last_failed_at,
        replayed_at, discarded_at
    FROM dead_letter WHERE id > $1 AND (NOT $2 OR (replayed_at IS NULL AND discarded_at IS NULL)) ORDER BY id LIMIT $3
"""
_GET = "SELECT topic, partition, log_offset, key, body, headers FROM dead_letter WHERE id = $1 FOR UPDATE"
_OPEN = "SELECT id FROM dead_letter WHERE replayed_at IS NULL AND discarded_at IS NULL ORDER BY id"
_REPLAYED = "UPDATE dead_letter SET replayed_at = $2 WHERE id = $1"
_DISCARDED = "UPDATE dead_letter SET discarded_at = $2 WHERE id = $1 AND replayed_at IS NULL AND discarded_at IS NULL RETURNING id"
_REQUEST_REFILL = "UPDATE relay_state SET refill_requested = true"
# A handler that claimed just before the floor must end first, else its row would outlive the trimming.
_TRIM_ALONE = "LOCK TABLE inbox IN SHARE ROW EXCLUSIVE MODE"
_TRIM_FLOOR = """
    INSERT INTO inbox_floor (consumer, event_id)
    SELECT DISTINCT consumer, $1::uuid FROM inbox
    ON CONFLICT (consumer) DO UPDATE SET event_id = greatest(inbox_floor.event_id, excluded.event_id)
"""
_TRIM = "WITH gone AS (DELETE FROM inbox WHERE event_id < $1 RETURNING 1) SELECT count(*) FROM gone"


class StillFails(Refused):
    """The handler refused the record again; the dead letter stays open."""

    code = "replay_failed"


@router.get("/dead-letters")
async def dead_letters(request: Request, limit: Limit = 50, after: After = None, everything: bool = False) -> dict[str, Any]:
    """Open dead letters, oldest first; bodies stay in the table."""
    start = int(Cursor.decode(after, int)[0]) if after else 0
    async with _service(request).database.reading() as sql:
        rows = await sql.fetch(_LIST, start, not everything, limit)
    following = Cursor.encode(rows[-1]["id"]) if len(rows) == limit else None
    return {"items": [dict(row) for row in rows], "next": following}


@router.post("/dead-letters/{letter_id}/replay")
async def replay_one(request: Request, letter_id: RowId) -> dict[str, Any]:
    """Run one again; raises StillFails with the class of the error and leaves the letter open."""
    return {"id": letter_id, "outcome": await _replay(_service(request), letter_id)}


@router.post("/dead-letters/replay")
async def replay_all(request: Request) -> dict[str, Any]:
    """Run every open one again, in the order they failed."""
    service = _service(request)
    async with service.database.reading() as sql:
        ids = [row["id"] for row in await sql.fetch(_OPEN)]
    done = failed = 0
    for letter_id in ids:
        try:
            await _replay(service, letter_id)
            done += 1
        except StillFails:
            failed += 1
    _consumer(service).resume()
    return {"replayed": done, "failed": failed}


@router.post("/dead-letters/{letter_id}/discard")
async def discard(request: Request, letter_id: RowId) -> dict[str, Any]:
    """Put one away for good; its row stays."""
    async with _service(request).database.transaction() as tx:
        if await tx.sql.fetchval(_DISCARDED, letter_id, datetime.now(UTC)) is None:
            raise NotFound("no such open dead letter")
    return {"id": letter_id, "outcome": "discarded"}


@router.post("/replay")
async def replay_type(request: Request, event_type: str) -> dict[str, Any]:
    """Hand over from the log every event of one type that this service skipped when it had no handler for it yet."""
    service = _service(request)
    consumer, known = _consumer(service), event_class(event_type)
    if known is None or event_type not in consumer.event_types:
        raise Refused(f"{service.name} has no handler for {event_type}")
    counts = {"handled": 0, "repeated": 0}
    async for incoming in _log_of(service, service.address.topic(known.topic)):
        if incoming.event_type == event_type:
            outcome = await consumer.process(incoming)
            counts[outcome] = counts.get(outcome, 0) + 1
    return counts


@router.post("/refill")
async def refill(request: Request) -> dict[str, Any]:
    """Allow the relay to fill an empty log from the journal (where it does not do so by itself)."""
    async with _service(request).database.transaction() as tx:
        await tx.sql.execute(_REQUEST_REFILL)
    return {"outcome": "requested"}


@router.post("/inbox/trim")
async def trim(request: Request, before: Instant) -> dict[str, Any]:
    """Forget what was consumed before an instant: a floor is stored first, below which events are skipped and counted."""
    oldest_kept = f"{int(before.timestamp() * 1000):012x}"
    boundary = f"{oldest_kept[:8]}-{oldest_kept[8:]}-7000-8000-000000000000"
    async with _service(request).database.transaction() as tx:
        await tx.sql.execute(_TRIM_ALONE)
        await tx.sql.execute(_TRIM_FLOOR, boundary)
        return {"trimmed": await tx.sql.fetchval(_TRIM, boundary)}


async def _replay(service: "Service", letter_id: int) -> str:
    async with service.database.transaction() as tx:
        row = await tx.sql.fetchrow(_GET, letter_id)
        if row is None:
            raise NotFound("no such dead letter")
        incoming = Incoming(row["topic"], row["partition"], row["log_offset"], row["key"], row["body"] or b"", row["headers"])
        try:
            outcome = await _consumer(service).process(incoming)
        except RecoursError as reason:
            raise StillFails(f"it fails again: {reason.code}") from reason
        except Exception as reason:
            raise StillFails(f"it fails again: {type(reason).__name__}") from reason
        await tx.sql.execute(_REPLAYED, letter_id, datetime.now(UTC))
    return outcome


async def _log_of(service: "Service", topic: str) -> Any:
    """Every record of a topic up to its present end, read without a group that anybody else has."""
    client = AIOKafkaConsumer(
        topic,
        bootstrap_servers=service.settings.kafka_bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        client_id=f"replay-{uuid4().hex[:8]}",
    )
    await client.start()
    try:
        partitions = client.assignment()
        ends = await client.end_offsets(partitions)
        await client.seek_to_beginning(*partitions)
        waiting = {partition for partition in partitions if ends[partition] > await client.position(partition)}
        while waiting:
            for partition, records in (await client.getmany(timeout_ms=1000)).items():
                for record in records:
                    headers = {name: value.decode() for name, value in readable_headers(record.headers)}
                    yield Incoming(record.topic, record.partition, record.offset, record.key, record.value or b"", headers)
                if partition in waiting and await client.position(partition) >= ends[partition]:
                    waiting.discard(partition)
    finally:
        await client.stop()


def _service(request: Request) -> "Service":
    service: Service = request.app.state.service
    return service


def _consumer(service: "Service") -> EventConsumer:
    if service.consumer is None:
        raise Refused(f"{service.name} consumes nothing through an inbox")
    return service.consumer
