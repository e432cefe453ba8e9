"""The relay beside another one, and before a broker that says no: each fact once on the log, in the order of its key."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from faststream.kafka import KafkaBroker

from recours.stack.servers import Servers
from shared.db import Database
from shared.events.teleconsult import SESSIONS, SessionOpened
from shared.ids import new_id
from shared.kafka import KafkaAddress
from shared.outbox import Relay
from shared.testing.fixtures import MakeDatabase, eventually
from tests.integration.kernel.test_delivery import an_opened_session, record


@pytest.fixture
def kafka_bootstrap(servers: Servers) -> str:
    """The embedded broker: what is tested here happens before it."""
    return servers.kafka_bootstrap


@pytest.fixture
async def database(make_database: MakeDatabase) -> Database:
    return await make_database("teleconsult")


@pytest.fixture
def address(kafka_bootstrap: str, topic_prefix: str) -> KafkaAddress:
    return KafkaAddress(kafka_bootstrap, topic_prefix)


async def everything_published(database: Database) -> bool:
    async with database.reading() as sql:
        return bool(await sql.fetchval("SELECT NOT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)"))


async def lying_in(address: KafkaAddress, at_least: int) -> list[UUID]:
    """Ids of the records of the sessions' topic, as they lie there."""
    consumer = AIOKafkaConsumer(bootstrap_servers=address.bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        place = TopicPartition(address.topic(SESSIONS), 0)
        consumer.assign([place])
        consumer.seek(place, 0)
        found: list[UUID] = []
        while len(found) < at_least:
            batch = await asyncio.wait_for(consumer.getmany(timeout_ms=200), 10)
            found += [SessionOpened.read(message.value or b"").event_id for message in batch.get(place, [])]
        rest = await consumer.getmany(timeout_ms=300)
        return found + [SessionOpened.read(message.value or b"").event_id for message in rest.get(place, [])]
    finally:
        await consumer.stop()


async def lock_holders(database: Database) -> int:
    async with database.reading() as sql:
        count: int = await sql.fetchval(
            "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database "
            "WHERE locktype = 'advisory' AND granted AND d.datname = current_database()"
        )
    return count


async def test_two_relays_of_one_database_publish_each_fact_once_and_in_order(database: Database, address: KafkaAddress) -> None:
    """As when a service is rolled out: the old process and the new one, for a while."""
    broker = KafkaBroker(address.bootstrap, acks="all")
    await broker.start()
    relays = [Relay(database.url, broker, address, service="teleconsult", refill="automatic") for _ in range(2)]
    tasks = [asyncio.create_task(relay.run()) for relay in relays]
    try:
        await eventually(lambda: any(relay.idle for relay in relays))
        request_id = new_id()
        events = [an_opened_session(request_id=request_id, version=number) for number in range(1, 41)]
        for event in events:
            await record(database, event)
        await eventually(lambda: everything_published(database))
        assert await lock_holders(database) == 1
        assert await lying_in(address, 40) == [event.event_id for event in events]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await broker.stop()


async def test_the_second_relay_goes_on_when_the_first_is_gone(database: Database, address: KafkaAddress) -> None:
    broker = KafkaBroker(address.bootstrap, acks="all")
    await broker.start()
    relays = [Relay(database.url, broker, address, service="teleconsult", refill="automatic") for _ in range(2)]
    first = asyncio.create_task(relays[0].run())
    await eventually(lambda: relays[0].idle)
    second = asyncio.create_task(relays[1].run())
    try:
        before, after = an_opened_session(), an_opened_session()
        await record(database, before)
        await eventually(lambda: everything_published(database))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await record(database, after)
        await eventually(lambda: everything_published(database))
        assert (relays[0].published_count, relays[1].published_count) == (1, 1)
        assert await lying_in(address, 2) == [before.event_id, after.event_id]
    finally:
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        await broker.stop()


@dataclass
class Metadata:
    partition: int
    offset: int


@dataclass
class MoodyBroker:
    """Refuses the records named in `refusing` once each; keeps the order of what it took, by key."""

    refusing: set[UUID] = field(default_factory=set)
    taken: dict[bytes, list[UUID]] = field(default_factory=lambda: defaultdict(list))

    async def publish(self, body: bytes, topic: str, *, key: bytes, headers: dict[str, Any]) -> Metadata:
        event_id = UUID(headers["ce_id"])
        if event_id in self.refusing:
            self.refusing.discard(event_id)
            raise ConnectionError("not now")
        self.taken[key].append(event_id)
        return Metadata(0, len(self.taken[key]))


@asynccontextmanager
async def relaying(database: Database, address: KafkaAddress, broker: MoodyBroker) -> AsyncIterator[Relay]:
    """A relay at work."""
    relay = Relay(database.url, cast(KafkaBroker, broker), address, service="teleconsult", refill="automatic")
    task = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_the_broker_did_not_confirm_comes_again_before_what_follows_it(database: Database, address: KafkaAddress) -> None:
    mine, other = new_id(), new_id()
    events = [an_opened_session(request_id=mine, version=number) for number in range(1, 6)]
    others = [an_opened_session(request_id=other, version=number) for number in range(1, 6)]
    await record(database, *events, *others)
    broker = MoodyBroker(refusing={events[0].event_id, events[2].event_id})
    async with relaying(database, address, broker):
        await eventually(lambda: everything_published(database))
    assert broker.taken[str(mine).encode()] == [event.event_id for event in events]
    assert broker.taken[str(other).encode()] == [event.event_id for event in others]


async def test_another_log_is_filled_from_the_journal(database: Database, address: KafkaAddress) -> None:
    """What was published to a log that is gone is sent again, before anything new."""
    request_id = new_id()
    before = [an_opened_session(request_id=request_id, version=number) for number in range(1, 4)]
    await record(database, *before)
    async with relaying(database, address, MoodyBroker()):
        await eventually(lambda: everything_published(database))
    async with database.transaction() as tx:
        await tx.sql.execute("UPDATE relay_state SET cluster_id = 'a log that is gone'")
    new = an_opened_session(request_id=request_id, version=4)
    await record(database, new)
    empty = MoodyBroker()
    async with relaying(database, address, empty):
        await eventually(lambda: everything_published(database))
    assert empty.taken[str(request_id).encode()] == [event.event_id for event in (*before, new)]
