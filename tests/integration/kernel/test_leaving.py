"""A service leaves a broker that is gone: nothing of the client library stays behind."""

import asyncio
from collections.abc import Iterator

import pytest

from recours.stack.servers import Servers
from shared.testing.fixtures import RunningService, eventually
from tests.integration.kernel.test_delivery import Recorder, a_service, an_opened_session, record


@pytest.fixture
def broker() -> Iterator[Servers]:
    """Servers of this test alone: it kills their broker."""
    with Servers() as running:
        yield running


@pytest.fixture
def kafka_bootstrap(broker: Servers) -> str:
    return broker.kafka_bootstrap


def of_the_client_library() -> list[str]:
    names = (getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks())
    return [name for name in names if name.startswith(("AIOKafka", "Fetcher", "GroupCoordinator", "Sender"))]


async def test_nothing_goes_on_for_a_service_that_left_while_the_broker_was_dead(broker: Servers, running_service: RunningService) -> None:
    handler = Recorder()
    async with running_service(lambda: a_service(handler), "pilotage") as running:
        event = an_opened_session()
        await record(running.database, event)
        await eventually(lambda: handler.seen == [event.event_id], within=20)
        broker.kill_broker()

        async def is_noticed() -> bool:
            return not (await running.service.health())["kafka"]

        await eventually(is_noticed)
    await eventually(lambda: of_the_client_library() == [], within=5)
