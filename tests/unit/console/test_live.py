"""Hints: who hears what, merged, spaced, never data."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import uuid4

from services.console.live import Fact, Hub, Listener, read_fact
from shared.events.registry import TOPICS
from shared.events.regulation import CASES
from shared.events.scheduling import APPOINTMENTS
from shared.testing.fixtures import Running, eventually
from tests.unit.console.conftest import signed_in


def a_listener(*panels: str, territory: str = "bievre", practitioner: str | None = None, desk: bool = False) -> Listener:
    return Listener(territory, frozenset(panels), practitioner, desk)


def a_fact(**said: str) -> Fact:
    return Fact(**({"topic": APPOINTMENTS, "territory_id": "bievre", "subject_id": str(uuid4())} | said))


async def it_stands() -> bool:
    return True


async def the_next(said: AsyncGenerator[tuple[str, Fact] | None]) -> tuple[str, Fact] | None:
    return await asyncio.wait_for(anext(said), 5)


async def as_far_as_it_goes() -> None:
    """Let every task of this loop run until it waits for something."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_fact_of_another_territory_is_not_heard() -> None:
    listener = a_listener("appointments")
    listener.hear(a_fact(territory_id="ailleurs"))
    listener.hear(mine := a_fact())
    async with aclosing(listener.said()) as said:
        assert await the_next(said) == ("appointments", mine)


async def test_a_doctor_hears_of_his_own_appointments_only_and_the_desk_of_all() -> None:
    doctor, desk = a_listener("appointments", practitioner="me"), a_listener("appointments", practitioner="me", desk=True)
    for listener in (doctor, desk):
        listener.hear(a_fact(practitioner_id="another", subject_id="theirs"))
        listener.close()
    assert [hint async for hint in doctor.said()] == []
    desk = a_listener("appointments", desk=True)
    desk.hear(a_fact(practitioner_id="another", subject_id="theirs"))
    async with aclosing(desk.said()) as said:
        heard = await the_next(said)
    assert heard is not None and heard[1].subject_id == "theirs"


async def test_a_burst_is_two_hints_at_once_then_the_latest_a_quarter_of_a_second_later() -> None:
    listener = a_listener("appointments")
    loop = asyncio.get_running_loop()
    async with aclosing(listener.said()) as said:
        listener.hear(a_fact(subject_id="1"))
        first, at = await the_next(said), loop.time()
        listener.hear(a_fact(subject_id="2"))
        second = await the_next(said)
        for number in range(3, 40):
            listener.hear(a_fact(subject_id=str(number)))
        third, later = await the_next(said), loop.time()
        listener.hear(a_fact(subject_id="40"))
        fourth, latest = await the_next(said), loop.time()
    said_of = [hint[1].subject_id for hint in (first, second, third, fourth) if hint is not None]
    assert said_of == ["1", "2", "39", "40"]
    assert later - at >= 0.24
    assert latest - at >= 0.49


async def test_a_panel_that_waits_for_its_turn_holds_up_no_other() -> None:
    listener = a_listener("timeline", "appointments")
    async with aclosing(listener.said()) as said:
        for _ in range(2):
            listener.hear(a_fact(topic=CASES))
            first = await the_next(said)
        following = asyncio.ensure_future(the_next(said))
        await as_far_as_it_goes()  # now it waits for anything
        listener.hear(a_fact(topic=CASES))
        await as_far_as_it_goes()  # and now for the timeline's next turn
        listener.hear(a_fact(topic=APPOINTMENTS, subject_id="booked"))
        second = await following
    assert first is not None and first[0] == "timeline"
    assert second is not None and (second[0], second[1].subject_id) == ("appointments", "booked")


async def test_the_stream_carries_the_panel_the_id_and_the_trace_and_nothing_else() -> None:
    hub = Hub()
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    body = json.dumps({"territory_id": "bievre", "request_id": "r1", "practitioner_id": "p1", "outcome": "seen"}).encode()
    fact = read_fact(APPOINTMENTS, b"r1", body, {"traceparent": trace.encode()})
    assert fact is not None
    async with aclosing(hub.stream(a_listener("appointments"), it_stands)) as stream:
        assert b"event: beat" in await anext(stream)
        hub.tell(fact)
        hint = (await asyncio.wait_for(anext(stream), 5)).decode()
    assert hint.startswith("event: hint\ndata: ")
    assert json.loads(hint.removeprefix("event: hint\ndata: ")) == {"panel": "appointments", "id": "r1", "traceparent": trace}


def test_a_record_that_is_not_ours_is_passed_over() -> None:
    assert read_fact(TOPICS[0], b"k", b"not json", {}) is None
    assert read_fact(TOPICS[0], b"k", b"[1]", {}) is None
    assert read_fact(TOPICS[0], b"k", None, {}) is None


async def test_an_event_on_the_broker_reaches_the_browser_that_may_hear_it(console: Running) -> None:
    from aiokafka import AIOKafkaProducer

    settings = console.service.settings
    body = json.dumps({"territory_id": "bievre", "request_id": "r1"}).encode()
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap)
    await producer.start()
    heard: list[str] = []
    try:
        async with signed_in(console, "marc", "gp") as browser, browser.stream("GET", "/live") as stream:

            async def listen() -> None:
                async for line in stream.aiter_lines():
                    heard.append(line)

            async def told() -> bool:
                await producer.send_and_wait(f"{settings.topic_prefix}{APPOINTMENTS}", body, key=b"r1")
                await producer.send_and_wait(f"{settings.topic_prefix}{TOPICS[0]}", body, key=b"c1")
                return any('"panel": "appointments"' in line for line in heard)

            listening = asyncio.create_task(listen())
            await eventually(told, within=15, every=0.2)
            listening.cancel()
            assert not any('"panel": "calls"' in line for line in heard)
    finally:
        await producer.stop()
