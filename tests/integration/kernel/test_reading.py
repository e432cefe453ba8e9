"""The log read by `recours check`, from its beginning and without a group, on both brokers."""

from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

from recours.check.log import read_log
from shared.events.base import headers_of
from shared.events.teleconsult import SessionOpened
from shared.ids import new_id
from shared.kafka import KafkaAddress


async def test_every_record_of_the_log_is_read(kafka_bootstrap: str, topic_prefix: str) -> None:
    address = KafkaAddress(kafka_bootstrap, topic_prefix)
    opened = SessionOpened(
        territory_id="bievre", version=1, occurred_at=datetime.now(UTC), request_id=new_id(), session_id=new_id(),
        practitioner_id=new_id(), starts_at=datetime.now(UTC),
    )  # fmt: skip
    producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap)
    await producer.start()
    try:
        topic = address.topic(SessionOpened.topic)
        headers = headers_of(opened, recorded_at=opened.occurred_at, traceparent=None)
        sent = [(name, value.encode()) for name, value in headers.items()]
        where = await producer.send_and_wait(topic, opened.model_dump_json().encode(), key=b"k", headers=sent)
    finally:
        await producer.stop()

    records = await read_log(address, ends={f"{SessionOpened.topic}:{where.partition}": where.offset + 1}, patience_seconds=10)

    assert [record.event_id for record in records] == [opened.event_id]
