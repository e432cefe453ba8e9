"""Reads all topics from the end, for the hints of this process. No group: every console hears everything, nothing is committed."""

import asyncio

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from services.console.live import Hub, read_fact
from services.console.settings import ConsoleSettings
from shared import log
from shared.events.registry import TOPICS

_log = log.get("console")
_AGAIN_SECONDS = 2.0


async def listen(hub: Hub, settings: ConsoleSettings) -> None:
    """Runs until cancelled; a broker away delays the hints, pages go on refetching by themselves."""
    while True:
        try:
            await _listen_once(hub, settings)
        except (KafkaError, OSError) as away:
            _log.warning("live_without_broker", error_class=type(away).__name__)
        await asyncio.sleep(_AGAIN_SECONDS)


async def _listen_once(hub: Hub, settings: ConsoleSettings) -> None:
    prefix = settings.topic_prefix
    consumer = AIOKafkaConsumer(
        *(f"{prefix}{topic}" for topic in TOPICS),
        bootstrap_servers=settings.kafka_bootstrap,
        client_id="console-live",
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="latest",
        fetch_max_wait_ms=settings.kafka_fetch_wait_ms,
    )
    await consumer.start()
    try:
        async for record in consumer:
            headers = dict(record.headers)
            fact = read_fact(record.topic.removeprefix(prefix), record.key, record.value, headers)
            if fact is not None:
                hub.tell(fact)
    finally:
        await consumer.stop()
