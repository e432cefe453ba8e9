"""Topics are made by `recours topics` and by nobody else, whoever asks for them first."""

import asyncio
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from shared.events.registry import TOPICS
from shared.kafka import KafkaAddress, create_topics
from shared.testing.fixtures import eventually


async def partitions_of(bootstrap: str, prefix: str) -> dict[str, int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        names = [name for name in await admin.list_topics() if name.startswith(prefix)]
        described = await admin.describe_topics(names) if names else []
        return {str(topic["topic"]).removeprefix(prefix): len(topic["partitions"]) for topic in described}
    finally:
        await admin.close()


async def test_a_client_that_comes_before_the_topics_does_not_make_them(kafka_bootstrap: str) -> None:
    address = KafkaAddress(kafka_bootstrap, f"t{uuid4().hex[:10]}.")
    topic = address.topic(TOPICS[0])
    reader = AIOKafkaConsumer(topic, bootstrap_servers=kafka_bootstrap, group_id=address.prefix)
    writer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap)
    await writer.start()
    try:
        for asks in (reader.start(), writer.send_and_wait(topic, b"early", key=b"k")):
            with pytest.raises((KafkaError, TimeoutError)):  # they wait for it for as long as they are let
                await asyncio.wait_for(asks, 1)
    finally:
        await reader.stop()
        await writer.stop()
    assert await partitions_of(kafka_bootstrap, address.prefix) == {}

    await create_topics(address, partitions=3)

    async def made() -> bool:  # Apache Kafka tells its brokers a moment after it has answered
        return await partitions_of(kafka_bootstrap, address.prefix) == dict.fromkeys(TOPICS, 3)

    await eventually(made, within=20, every=0.2)
