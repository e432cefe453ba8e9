"""A broker that dies and comes back empty: the journal fills it again, the groups catch up, nothing happens twice."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from recours.stack.servers import Servers
from shared import clock
from shared.consumer import EventConsumer
from shared.db import Tx
from shared.errors import Unavailable
from shared.events.teleconsult import SessionOpened
from shared.ids import new_id
from shared.kafka import create_topics
from shared.service import Service
from shared.testing.fixtures import RunningService, eventually
from shared.timers import Timers
from tests.integration.kernel.test_delivery import Recorder, Settings, a_service, an_opened_session, record


@pytest.fixture
def broker() -> Iterator[Servers]:
    """Servers of this test alone: it kills their broker."""
    with Servers() as running:
        yield running


@pytest.fixture
def kafka_bootstrap(broker: Servers) -> str:
    """Here only the embedded broker: Apache Kafka keeps its log on disk."""
    return broker.kafka_bootstrap


async def test_an_empty_broker_is_filled_again_and_nothing_happens_twice(broker: Servers, running_service: RunningService) -> None:
    handler = Recorder()
    async with running_service(lambda: a_service(handler), "pilotage") as running:
        before = [an_opened_session() for _ in range(30)]
        await record(running.database, *before)
        await eventually(lambda: len(handler.seen) == 30, within=20)

        broker.kill_broker()
        while_away = [an_opened_session(request_id=before[0].request_id, version=2), *(an_opened_session() for _ in range(4))]
        await record(running.database, *while_away)
        broker.start_broker()
        await create_topics(running.service.address, partitions=1)

        await eventually(lambda: len(handler.seen) >= 35, within=40)
        after = an_opened_session()
        await record(running.database, after)
        await eventually(lambda: after.event_id in handler.seen, within=20)
        assert len(handler.seen) == len(set(handler.seen)) == 36

        newcomer = Recorder()
        assert await _read_from_start(running_service, newcomer) == set(handler.seen)


async def _read_from_start(running_service: RunningService, handler: Recorder) -> set[UUID]:
    """What a group that never read anything finds in the log."""

    def build() -> Service:
        consumer = EventConsumer("newcomer")
        consumer.on(SessionOpened)(handler)
        return Service("orientation", OrientationSettings.load(), consumer=consumer)

    async with running_service(build, "orientation"):
        await eventually(lambda: len(handler.seen) == 36, within=20)
    return set(handler.seen)


class OrientationSettings(Settings):
    service = "orientation"


async def test_commands_go_on_while_the_broker_is_away(broker: Servers, running_service: RunningService) -> None:
    broker.kill_broker()
    handler = Recorder()
    async with running_service(lambda: a_service(handler), "pilotage") as running:
        event = an_opened_session()
        await record(running.database, event)
        broker.start_broker()
        await create_topics(running.service.address, partitions=1)
        await eventually(lambda: handler.seen == [event.event_id], within=40)


class Promises:
    """A timer handler that remembers, and fails as told."""

    def __init__(self) -> None:
        self.kept: list[UUID] = []
        self.failures: list[Exception] = []

    async def __call__(self, territory_id: str, subject_id: UUID, tx: Tx, *, now: datetime) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.kept.append(subject_id)


async def test_a_promise_is_kept_at_its_hour_and_once(running_service: RunningService, clock_file: Path) -> None:
    promises, noon = Promises(), datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
    file = clock.ClockFile(clock_file)
    file.stand_at(noon)
    timers = Timers()
    timers.on("check")(promises)
    async with running_service(
        lambda: Service("pilotage", Settings.load(), timers=timers), "pilotage", RECOURS_CLOCK_FILE=str(clock_file)
    ) as running:
        due, void, moved = new_id(), new_id(), new_id()
        async with running.database.transaction() as tx:
            for subject in (due, void, moved):
                await tx.schedule("check", "bievre", subject, noon + timedelta(minutes=10))
        async with running.database.transaction() as tx:
            await tx.unschedule("check", void)
            await tx.schedule("check", "bievre", moved, noon + timedelta(minutes=20))
        file.stand_at(noon + timedelta(minutes=9))
        await running.ops("POST", "/internal/tick")
        assert promises.kept == []
        promises.failures = [Unavailable("the database blinks")]
        file.stand_at(noon + timedelta(minutes=10))
        await eventually(lambda: promises.kept == [due])
        report = await running.ops("GET", "/internal/settled")
        assert datetime.fromisoformat(report["next_due_at"]) == noon + timedelta(minutes=20)
        file.stand_at(noon + timedelta(hours=1))
        await eventually(lambda: promises.kept == [due, moved])
