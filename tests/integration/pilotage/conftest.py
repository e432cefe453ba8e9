"""A running pilotage whose log is written as the relays of the other services would write it."""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, Protocol

import pytest
from aiokafka import AIOKafkaProducer

from services.pilotage.app import build
from shared.clock import ClockFile
from shared.db import Connection
from shared.events.base import Event, headers_of
from shared.kafka import KafkaAddress
from shared.testing.fixtures import Running, RunningService, eventually
from tests.unit.pilotage.builders import MONDAY, NINE

PROJECTIONS = ("request_story", "call_story", "appointment_story", "act", "slot_offer", "practitioner")


class Publish(Protocol):
    async def __call__(self, facts: Iterable[Event]) -> None: ...


@pytest.fixture
async def publish(kafka_bootstrap: str, topic_prefix: str) -> AsyncIterator[Publish]:
    """Write facts to the log, in the order given."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap)
    await producer.start()

    async def write(facts: Iterable[Event]) -> None:
        await write_facts(producer, KafkaAddress(kafka_bootstrap, topic_prefix), facts)

    yield write
    await producer.stop()


async def write_facts(producer: AIOKafkaProducer, address: KafkaAddress, facts: Iterable[Event]) -> None:
    """All of them, confirmed."""
    sent = []
    for fact in facts:
        headers = headers_of(fact, recorded_at=fact.occurred_at, traceparent=None)
        wire = [(name, value.encode()) for name, value in headers.items()]
        sent.append(await producer.send(address.topic(fact.topic), fact.body(), key=fact.key.encode(), headers=wire))
    for confirmation in sent:
        await confirmation


@pytest.fixture
async def pilotage(running_service: RunningService, clock_file: Path) -> AsyncIterator[Running]:
    """Business time stands at 21:00 of that Monday."""
    ClockFile(clock_file).stand_at(NINE.replace(hour=20))
    async with running_service(build, "pilotage", RECOURS_CLOCK_FILE=str(clock_file)) as running:
        yield running


async def folded(running: Running, count: int) -> None:
    """Wait until so many facts were taken in."""
    await eventually(lambda: running.service.counters["folded"] == count, within=30)


async def caught_up(running: Running, count: int) -> None:
    """Wait until the history holds so many facts (whoever took them in)."""

    async def kept() -> bool:
        async with running.database.reading() as sql:
            return bool(await sql.fetchval("SELECT count(*) FROM event") == count)

    await eventually(kept, within=40)


async def day(running: Running) -> dict[str, Any]:
    figures: dict[str, Any] = await running.client(["coordinator"]).get("/day", params={"on": MONDAY.isoformat()})
    return figures


async def projections(sql: Connection) -> dict[str, list[Any]]:
    """Every row of every projection, comparable."""
    return {
        table: [row["row"] for row in await sql.fetch(f"SELECT to_jsonb(t) AS row FROM {table} t ORDER BY to_jsonb(t)::text")]  # noqa: S608  # names above
        for table in PROJECTIONS
    }
