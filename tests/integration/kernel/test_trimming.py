"""Forgetting what an inbox consumed, while it goes on consuming."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from recours.stack.servers import Servers
from shared.db import Tx
from shared.events.teleconsult import SessionOpened
from shared.testing.fixtures import RunningService, eventually
from tests.integration.kernel.test_delivery import Recorder, a_service, an_opened_session, record

FAR = "2100-01-01T00:00:00+00:00"


class SlowRecorder(Recorder):
    """Stays in its transaction until released."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.released = asyncio.Event(), asyncio.Event()

    async def __call__(self, event: SessionOpened, tx: Tx, *, now: datetime) -> None:
        await super().__call__(event, tx, now=now)
        self.entered.set()
        await self.released.wait()


@pytest.fixture
def kafka_bootstrap(servers: Servers) -> str:
    """The embedded broker alone: trimming is the database's affair."""
    return servers.kafka_bootstrap


async def test_a_claim_in_flight_is_forgotten_with_the_others(running_service: RunningService) -> None:
    handler = SlowRecorder()
    async with running_service(lambda: a_service(handler), "pilotage") as running:
        handler.released.set()
        await record(running.database, an_opened_session())
        await eventually(lambda: len(handler.seen) == 1)
        handler.entered.clear()
        handler.released.clear()
        await record(running.database, an_opened_session())
        await asyncio.wait_for(handler.entered.wait(), 10)

        async def trim() -> int:
            return int((await running.ops("POST", "/internal/inbox/trim", params={"before": FAR}))["trimmed"])

        trimming = asyncio.create_task(trim())
        await eventually(lambda: _is_waiting_for_a_lock(running))
        handler.released.set()

        assert await trimming == 2
        assert await trim() == 0


async def _is_waiting_for_a_lock(running: Any) -> bool:
    async with running.database.reading() as sql:
        return bool(await sql.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'inbox'::regclass)"))


async def test_an_event_below_the_floor_is_skipped_for_good(running_service: RunningService) -> None:
    handler = Recorder()
    async with running_service(lambda: a_service(handler), "pilotage") as running:
        await record(running.database, an_opened_session())
        await eventually(lambda: len(handler.seen) == 1)
        before = datetime.now(UTC).replace(year=2100).isoformat()
        assert (await running.ops("POST", "/internal/inbox/trim", params={"before": before}))["trimmed"] == 1
        late = an_opened_session()
        await record(running.database, late)
        await eventually(lambda: running.service.consumer is not None and running.service.consumer.handled_count == 2)
        assert late.event_id not in handler.seen
