"""The whole event log, read from its beginning without a group: nothing that reads it for good is disturbed."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from shared.events import TOPICS, Event, event_class
from shared.kafka import KafkaAddress

_POLL_MILLISECONDS = 100
_QUIET_POLLS = 5
_METADATA_SECONDS = 10.0


class LogUnreadable(RuntimeError):
    """The log ends before what its publishers had confirmed."""


@dataclass(frozen=True)
class Record:
    """One record as it lies in the log. `event` is None when this release cannot read it."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    event_type: str
    event_id: UUID | None
    event: Event | None

    @property
    def place(self) -> str:
        return f"{self.topic}:{self.partition}"


async def read_log(address: KafkaAddress, *, ends: Mapping[str, int], patience_seconds: float = 60.0) -> list[Record]:
    """All records of our topics, at least up to `ends` ("topic:partition" to next offset, as the relays had them confirmed).

    The broker's own idea of the end is not asked alone: an embedded broker's comes late. Raises LogUnreadable when the records stop
    before `ends`.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address.bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        client_id="recours-check",
        fetch_max_wait_ms=50,
    )
    await consumer.start()
    try:
        partitions = await _partitions(address)
        consumer.assign(partitions)
        for partition in partitions:
            consumer.seek(partition, 0)
        wanted = {_place(address, partition): partition for partition in partitions}
        records: list[Record] = []
        reached = dict.fromkeys(wanted, 0)
        quiet, deadline = 0, time.monotonic() + patience_seconds
        while quiet < _QUIET_POLLS or any(reached.get(place, 0) < end for place, end in ends.items()):
            batch: dict[TopicPartition, list[Any]] = await consumer.getmany(timeout_ms=_POLL_MILLISECONDS, max_records=2000)
            quiet = 0 if any(batch.values()) else quiet + 1
            for partition, found in batch.items():
                records.extend(_record(address, message) for message in found)
                if found:
                    reached[_place(address, partition)] = found[-1].offset + 1
            if quiet and time.monotonic() > deadline:
                short = [f"{place} at {reached.get(place, 0)} of {end}" for place, end in ends.items() if reached.get(place, 0) < end]
                raise LogUnreadable(f"the log ends before what was confirmed: {', '.join(short)}")
        return records
    finally:
        await consumer.stop()


async def _partitions(address: KafkaAddress) -> Sequence[TopicPartition]:
    """Every partition of every topic of ours that exists.

    Asked of the broker itself: a consumer without subscription knows the topics of an embedded broker, and none of Apache Kafka's.
    """
    deadline = time.monotonic() + _METADATA_SECONDS
    admin = AIOKafkaAdminClient(bootstrap_servers=address.bootstrap, client_id="recours-check")
    await admin.start()
    try:
        while True:
            topics = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}
            known = {address.topic(name): topics.get(address.topic(name), []) for name in TOPICS}
            if all(known.values()) or time.monotonic() > deadline:
                return [
                    TopicPartition(name, number) for name in sorted(known) for number in sorted(one["partition"] for one in known[name])
                ]
            await asyncio.sleep(0.1)
    finally:
        await admin.close()


def _place(address: KafkaAddress, partition: TopicPartition) -> str:
    return f"{address.ours(partition.topic)}:{partition.partition}"


def _record(address: KafkaAddress, message: Any) -> Record:
    headers = tuple((str(name), bytes(value)) for name, value in message.headers)
    named = dict(headers)
    event_type = named.get("ce_type", b"").decode("utf-8", "replace")
    cls = event_class(event_type)
    try:
        event_id: UUID | None = UUID(named.get("ce_id", b"").decode("ascii", "replace"))
    except ValueError:
        event_id = None
    try:
        event = cls.read(message.value) if cls is not None else None
    except ValueError:
        event = None
    return Record(
        address.ours(message.topic),
        message.partition,
        message.offset,
        message.key or b"",
        message.value or b"",
        headers,
        event_type,
        event_id,
        event,
    )
