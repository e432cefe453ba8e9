"""Facts of other services, put on the log as their publishers would."""

from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

from shared.events.base import Event, headers_of
from shared.testing.fixtures import Running


async def tell(running: Running, *events: Event) -> None:
    """Publish `events` in this order to the topics that `running` reads; telling one twice is a redelivery."""
    producer = AIOKafkaProducer(bootstrap_servers=running.service.settings.kafka_bootstrap)
    await producer.start()
    try:
        for event in events:
            headers = headers_of(event, recorded_at=datetime.now(UTC), traceparent=None)
            wire = [(name, value.encode()) for name, value in headers.items()]
            await producer.send_and_wait(running.service.address.topic(event.topic), event.body(), key=event.key.encode(), headers=wire)
    finally:
        await producer.stop()
