"""FastStream as we use it: bytes in and out, one subscriber per service, and a new log read from its beginning."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage
from faststream.kafka.opentelemetry import KafkaTelemetryMiddleware

from shared import log
from shared.consumer import EventConsumer, readable_headers
from shared.db import Database
from shared.kafka import KafkaAddress, read_cluster_id
from shared.settings import CommonSettings

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

_log = log.get("broker")

# A topic that is missing (an empty broker that just started) is looked for again this soon.
_METADATA_MILLISECONDS = 5_000
_GRACE_SECONDS = 15.0
_STOP_SECONDS = 5.0

_KNOWN_CLUSTER = "SELECT cluster_id FROM consumer_state WHERE consumer = $1"
_KNOW_CLUSTER = """
    INSERT INTO consumer_state (consumer, cluster_id) VALUES ($1, $2)
    ON CONFLICT (consumer) DO UPDATE SET cluster_id = excluded.cluster_id
"""


def make_broker(settings: CommonSettings, service: str) -> KafkaBroker:
    """A broker whose values are bytes: retries, parsing and dead letters are the kernel's."""
    return KafkaBroker(
        settings.kafka_bootstrap.split(","),
        client_id=f"recours-{service}",
        acks="all",
        enable_idempotence=settings.kafka_idempotence,
        allow_auto_create_topics=False,
        graceful_timeout=_GRACE_SECONDS,
        metadata_max_age_ms=_METADATA_MILLISECONDS,
        request_timeout_ms=10_000,
        decoder=_untouched,
        middlewares=[KafkaTelemetryMiddleware()],
        logger=None,
    )


class Subscription:
    """The broker connection of a service and its one subscriber, if it reads at all."""

    def __init__(
        self, broker: KafkaBroker, address: KafkaAddress, consumer: EventConsumer | None, settings: CommonSettings, database: Database
    ) -> None:
        self.broker = broker
        self._address = address
        self._subscriber: Any = None
        if consumer is not None and consumer.topics:
            consumer.bind(database)
            self._subscriber = broker.subscriber(
                *(address.topic(topic) for topic in consumer.topics),
                group_id=settings.topic_prefix + consumer.group,
                ack_policy=AckPolicy.NACK_ON_ERROR,
                auto_offset_reset="earliest",
                fetch_max_wait_ms=settings.kafka_fetch_wait_ms,
                session_timeout_ms=settings.kafka_session_timeout_ms,
                heartbeat_interval_ms=settings.kafka_session_timeout_ms // 6,
                listener=_FromTheBeginning(self._client, consumer, address, database),
                parser=_parse,
                no_reply=True,
            )
            self._subscriber(_as_handler(consumer))

    async def start(self) -> None:
        """Raises one of shared.kafka.AWAY while the broker does not answer."""
        await read_cluster_id(self._address.bootstrap)
        await self.broker.start()

    async def stop(self) -> None:
        """Handlers in flight end first (15 s at most). Raises nothing: a broker that is away cannot be said goodbye to."""
        # In a task of its own: aiokafka cancels its pending fetches in `stop` and lets their cancellation out, before it has closed all.
        stopping = asyncio.create_task(self.broker.stop())
        await asyncio.wait({stopping}, timeout=_GRACE_SECONDS + _STOP_SECONDS)
        if not stopping.done():
            stopping.cancel()
            await asyncio.wait({stopping}, timeout=_STOP_SECONDS)
        elif not stopping.cancelled() and stopping.exception() is not None:
            _log.warning("broker_not_left", error_class=type(stopping.exception()).__name__)
        client = self._client()
        if client is not None:
            await asyncio.wait({asyncio.create_task(client._client.close())}, timeout=_STOP_SECONDS)

    def _client(self) -> AIOKafkaConsumer | None:
        return self._subscriber.consumer if self._subscriber is not None else None

    async def positions(self) -> dict[str, int] | None:
        """Next offset by "topic:partition"; None without an assignment."""
        client = self._client()
        if client is None:
            return None
        assigned = client.assignment()
        if not assigned:
            return None
        return await positions_of(client, self._address)


async def positions_of(client: AIOKafkaConsumer, address: KafkaAddress) -> dict[str, int] | None:
    """Where a client stands, or None while a partition has no position yet (the broker was not asked)."""
    places: dict[str, int] = {}
    for partition in client.assignment():
        state = client._subscription.subscription.assignment.state_value(partition)
        if state is None or not state.has_valid_position:
            return None
        places[f"{address.ours(partition.topic)}:{partition.partition}"] = int(state.position)
    return places


class _FromTheBeginning(ConsumerRebalanceListener):
    """A group that meets another log than last time reads it from the start, whatever offsets that log claims for it."""

    def __init__(
        self, client: Callable[[], AIOKafkaConsumer | None], consumer: EventConsumer, address: KafkaAddress, database: Database
    ) -> None:
        self._client = client
        self._consumer = consumer
        self._address = address
        self._database = database

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Handlers finish by themselves; what is redelivered elsewhere is recognised by the inbox."""

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Compare the log's identity with the stored one and go back to the start when it is new."""
        client = self._client()
        if client is None or not assigned:
            return
        cluster_id = await read_cluster_id(self._address.bootstrap)
        async with self._database.transaction() as tx:
            known = await tx.sql.fetchval(_KNOWN_CLUSTER, self._consumer.group)
            if known == cluster_id:
                return
            await tx.sql.execute(_KNOW_CLUSTER, self._consumer.group, cluster_id)
        if known is not None:
            _log.warning("another_log", partitions=len(assigned))
            await client.seek_to_beginning(*assigned)


def _as_handler(consumer: EventConsumer) -> Callable[[KafkaMessage], Awaitable[None]]:
    async def consume(message: KafkaMessage) -> None:
        await consumer.consume(message)

    return consume


async def _untouched(message: Any) -> bytes:
    return cast(bytes, message.body)


async def _parse(record: "ConsumerRecord[bytes, bytes]", original: Callable[[Any], Awaitable[Any]]) -> Any:
    return await original(dataclasses.replace(record, headers=readable_headers(record.headers)))
