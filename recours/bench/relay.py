"""Facts a second from the outbox to the broker's confirmation: the relay of a running service empties a full journal."""

import asyncio
import json
import time
from typing import Any

import asyncpg

from recours.bench import machine
from recours.bench.broker import Broker, name, running
from recours.bench.history import facts
from recours.bench.machine import say
from recours.stack.stack import TemporaryStack
from shared.events.base import headers_of
from shared.outbox import ROUND_ROWS

_SERVICE = "intake"
_LOOK_SECONDS = 0.02
_PATIENCE_SECONDS = 600.0
_FILL = """
    INSERT INTO outbox (event_id, topic, key, event_type, body, headers)
    SELECT e.event_id, e.topic, e.key, e.event_type, e.body, e.headers::jsonb
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[])
        AS e(event_id, topic, key, event_type, body, headers)
"""
_PENDING = "SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)"
_DURATION = "SELECT extract(epoch FROM max(published_at) - min(published_at)) AS seconds FROM outbox"


async def measure(events: int, seed: int, brokers: tuple[Broker, ...]) -> dict[str, Any]:
    """On each broker: fill the outbox while the service is stopped, start it, time it from its first confirmation to its last."""
    limits = machine.describe()
    found = {}
    for broker in brokers:
        async with running(broker) as kafka, TemporaryStack(services=(_SERVICE,), load=False, kafka=kafka) as stack:
            await stack.stop_process(_SERVICE)
            connection = await asyncpg.connect(stack.access.database_url(_SERVICE))
            try:
                await _fill(connection, events, seed)
                say(f"{name(broker)}: {events} facts wait")
                await stack.start_process(_SERVICE)
                found[name(broker)] = await _per_second(connection, events)
            finally:
                await connection.close()
    return {"events_per_second": found, "events": events, "seed": seed, "machine": limits}


async def _fill(connection: "asyncpg.Connection[asyncpg.Record]", count: int, seed: int) -> None:
    history = facts(count, seed)
    headers = [json.dumps(headers_of(fact, recorded_at=fact.occurred_at, traceparent=None)) for fact in history]
    await connection.execute(
        _FILL, [fact.event_id for fact in history], [fact.topic for fact in history], [fact.key for fact in history],
        [fact.type for fact in history], [fact.body() for fact in history], headers,
    )  # fmt: skip


async def _per_second(connection: "asyncpg.Connection[asyncpg.Record]", events: int) -> int:
    """From the first mark to the last; the first round is left out, as nothing says when it began."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while await connection.fetchval(_PENDING):
        if time.monotonic() > deadline:
            raise TimeoutError("the relay did not empty the outbox")
        await asyncio.sleep(_LOOK_SECONDS)
    seconds = float((await connection.fetchval(_DURATION)) or 0)
    return round((events - ROUND_ROWS) / seconds) if seconds else 0


def table(measured: dict[str, Any]) -> str:
    """The figure of each broker, and the machine it is of."""
    rows = [(f"outbox to confirmed, {broker} (events/s)", f"{count}", "") for broker, count in measured["events_per_second"].items()]
    return machine.table(measured["machine"], rows)
