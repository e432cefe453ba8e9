"""What recording an event promises besides the row."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import asyncpg

from shared.db import OUTBOX_CHANNEL, Database
from shared.events.scheduling import AppointmentCancelled
from shared.ids import new_id


def a_cancellation() -> AppointmentCancelled:
    return AppointmentCancelled(
        territory_id="bievre", version=1, occurred_at=datetime(2026, 3, 2, 9, tzinfo=UTC), request_id=new_id(), appointment_id=new_id(),
        practitioner_id=new_id(), cause="by_patient",
    )  # fmt: skip


async def test_the_relay_is_woken_once_by_the_commit_of_a_transaction(make_database: Callable[..., Awaitable[Database]]) -> None:
    database = await make_database("scheduling")
    heard: asyncio.Queue[object] = asyncio.Queue()
    relay = await asyncpg.connect(database.url)
    try:
        await relay.add_listener(OUTBOX_CHANNEL, lambda *heard_: heard.put_nowait(heard_[-1]))
        async with database.transaction() as tx:
            await tx.record(a_cancellation())
            await tx.record(a_cancellation())
        async with database.transaction() as tx:
            await tx.sql.execute("SELECT pg_notify($1, 'after')", OUTBOX_CHANNEL)
        assert [await asyncio.wait_for(heard.get(), 10) for _ in range(2)] == ["", "after"]
    finally:
        await relay.close()
