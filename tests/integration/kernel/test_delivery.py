"""The delivery rules on a real broker and PostgreSQL: once in effect, whatever is redelivered, late, poisoned or killed."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from aiokafka import AIOKafkaProducer

from shared.consumer import EventConsumer
from shared.db import Database, Tx
from shared.errors import Refused, Unavailable
from shared.events.base import headers_of
from shared.events.teleconsult import SESSIONS, SessionOpened
from shared.ids import new_id
from shared.service import Service
from shared.settings import ServiceSettings
from shared.testing.fixtures import Running, RunningService, eventually


def an_opened_session(**fields: Any) -> SessionOpened:
    given: dict[str, Any] = {
        "territory_id": "bievre", "version": 1, "occurred_at": datetime.now(UTC), "request_id": new_id(), "session_id": new_id(),
        "practitioner_id": new_id(), "starts_at": datetime.now(UTC),
    }  # fmt: skip
    return SessionOpened(**(given | fields))


class Recorder:
    """A handler that remembers, and fails as told."""

    def __init__(self) -> None:
        self.seen: list[UUID] = []
        self.failures: list[Exception] = []

    async def __call__(self, event: SessionOpened, tx: Tx, *, now: datetime) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.seen.append(event.event_id)


class Settings(ServiceSettings):
    service = "pilotage"


def a_service(handler: Recorder | None = None) -> Service:
    consumer = EventConsumer("pilotage")
    if handler is not None:
        consumer.on(SessionOpened)(handler)
    return Service("pilotage", Settings.load(), consumer=consumer if handler is not None else None)


async def record(database: Database, *events: SessionOpened) -> None:
    async with database.transaction() as tx:
        for event in events:
            await tx.record(event)


async def send(running: Running, value: bytes, headers: dict[str, bytes], key: bytes = b"k") -> None:
    """A record as a foreign or broken producer would write it."""
    producer = AIOKafkaProducer(bootstrap_servers=running.service.settings.kafka_bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait(running.service.address.topic(SESSIONS), value, key=key, headers=list(headers.items()))
    finally:
        await producer.stop()


def wire_headers(event: SessionOpened) -> dict[str, bytes]:
    return {name: value.encode() for name, value in headers_of(event, recorded_at=datetime.now(UTC), traceparent=None).items()}


async def dead_letters(running: Running) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await running.ops("GET", "/internal/dead-letters"))["items"]
    return items


async def test_what_is_recorded_is_published_and_handled(running_service: RunningService) -> None:
    handler = Recorder()
    async with running_service(lambda: a_service(handler), "pilotage") as running:
        events = [an_opened_session() for _ in range(20)]
        await record(running.database, *events)
        await eventually(lambda: len(handler.seen) == 20)
        assert set(handler.seen) == {event.event_id for event in events}
        report = await running.ops("GET", "/internal/settled")
        await eventually(running.service.settled)
        assert report["service"] == "pilotage"


async def test_facts_of_one_key_keep_their_order(running_service: RunningService) -> None:
    handler = Recorder()
    async with running_service(lambda: a_service(handler), "pilotage") as running:
        request_id = new_id()
        events = [an_opened_session(request_id=request_id, version=number) for number in range(1, 31)]
        for event in events:
            await record(running.database, event)
        await eventually(lambda: len(handler.seen) == 30)
        assert handler.seen == [event.event_id for event in events]


async def test_a_redelivered_fact_has_its_effect_once(running_service: RunningService) -> None:
    handler = Recorder()
    async with running_service(lambda: a_service(handler), "pilotage") as running:
        event, last = an_opened_session(), an_opened_session()
        for _ in range(3):
            await send(running, event.body(), wire_headers(event))
        await send(running, last.body(), wire_headers(last))
        await eventually(lambda: last.event_id in handler.seen)
        assert handler.seen == [event.event_id, last.event_id]


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (b"{not json", {"ce_type": SessionOpened.type.encode(), "ce_id": str(new_id()).encode()}),
        (b"{}", {"ce_type": SessionOpened.type.encode()}),
        (b"{}", {}),
        (b"{}", {"ce_type": SessionOpened.type.encode(), "ce_id": b"\xff\xfe\x00"}),
    ],
    ids=["not_json", "no_id", "no_type", "header_not_utf8"],
)
async def test_a_poisoned_record_becomes_a_dead_letter_and_holds_nobody_back(
    running_service: RunningService, value: bytes, headers: dict[str, bytes]
) -> None:
    handler = Recorder()
    async with running_service(lambda: a_service(handler), "pilotage") as running:
        await send(running, value, headers)
        event = an_opened_session()
        await send(running, event.body(), wire_headers(event))
        await eventually(lambda: handler.seen == [event.event_id])
        [letter] = await dead_letters(running)
        assert letter["reason"] == "malformed"


async def test_a_refused_fact_is_kept_and_can_be_replayed(running_service: RunningService) -> None:
    handler = Recorder()
    handler.failures = [Refused("not yet")]
    async with running_service(lambda: a_service(handler), "pilotage") as running:
        event = an_opened_session()
        await record(running.database, event)
        [letter] = await eventually(lambda: dead_letters(running))
        assert (letter["reason"], letter["event_id"], handler.seen) == ("refused", str(event.event_id), [])
        answer = await running.ops("POST", f"/internal/dead-letters/{letter['id']}/replay")
        assert answer["outcome"] == "handled"
        assert handler.seen == [event.event_id]
        assert await dead_letters(running) == []


async def test_a_bug_is_tried_again_then_buried(running_service: RunningService) -> None:
    handler = Recorder()
    handler.failures = [ZeroDivisionError() for _ in range(10)]
    async with running_service(lambda: a_service(handler), "pilotage") as running:
        await record(running.database, an_opened_session())
        [letter] = await eventually(lambda: dead_letters(running))
        assert (letter["reason"], letter["error_class"], letter["attempts"]) == ("bug", "ZeroDivisionError", 3)


async def test_what_may_work_later_waits_in_place(running_service: RunningService) -> None:
    handler = Recorder()
    handler.failures = [Unavailable("away") for _ in range(4)]
    async with running_service(lambda: a_service(handler), "pilotage") as running:
        first, second = an_opened_session(), an_opened_session()
        await record(running.database, first, second)
        await eventually(lambda: len(handler.seen) == 2)
        assert set(handler.seen) == {first.event_id, second.event_id}
        assert await dead_letters(running) == []


async def test_many_dead_letters_in_a_row_stop_the_group(running_service: RunningService) -> None:
    handler = Recorder()
    handler.failures = [Refused("bad release") for _ in range(25)]
    async with running_service(lambda: a_service(handler), "pilotage") as running:
        await record(running.database, *(an_opened_session() for _ in range(40)))
        consumer = running.service.consumer
        assert consumer is not None
        await eventually(lambda: consumer.halted)
        assert len(await dead_letters(running)) == 25
        await running.ops("POST", "/internal/dead-letters/replay")
        await eventually(lambda: len(handler.seen) == 40, within=20)
