"""Apache Kafka killed in the middle: its log is on disk, the relay sends again what was not confirmed, nothing happens twice."""

from collections.abc import Iterator

import pytest

from shared.testing.apache_kafka import ApacheKafka, running_apache_kafka
from shared.testing.fixtures import RunningService, eventually
from tests.integration.kernel.test_delivery import Recorder, a_service, an_opened_session, record

pytestmark = pytest.mark.apache


@pytest.fixture
def own_kafka() -> Iterator[ApacheKafka]:
    """A broker of this test alone."""
    with running_apache_kafka() as broker:
        yield broker


@pytest.fixture
def kafka_bootstrap(own_kafka: ApacheKafka, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("RECOURS_KAFKA_IDEMPOTENCE", "true")
    monkeypatch.setenv("RECOURS_KAFKA_SESSION_TIMEOUT_MS", "10000")
    return own_kafka.bootstrap


async def test_a_killed_broker_loses_and_repeats_nothing(own_kafka: ApacheKafka, running_service: RunningService) -> None:
    handler = Recorder()
    async with running_service(lambda: a_service(handler), "pilotage") as running:
        first = [an_opened_session() for _ in range(20)]
        await record(running.database, *first)
        await eventually(lambda: len(handler.seen) >= 5, within=20)
        own_kafka.kill()
        second = [an_opened_session() for _ in range(20)]
        await record(running.database, *second)
        own_kafka.start()
        await eventually(lambda: len(handler.seen) >= 40, within=60)
        assert sorted(handler.seen) == sorted(event.event_id for event in (*first, *second))
