"""The database of one service: a pool, and the transaction that is the only way to write.

`Tx.record` puts an event into the outbox of the same transaction: the change and the fact are saved together or not at all.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

import asyncpg

from shared import clock, telemetry
from shared.errors import Unavailable
from shared.events.base import Event, headers_of

if TYPE_CHECKING:
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
else:
    Pool = asyncpg.Pool
    Connection = asyncpg.Connection

OUTBOX_CHANNEL = "outbox"
_ACQUIRE_SECONDS = 10.0

# Later may work: the server is away or starting, or two transactions crossed. Consumers wait, HTTP answers 503.
TRANSIENT = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InternalClientError,
    ConnectionError,
    TimeoutError,
    OSError,
)

# PostgreSQL tells the relay at the commit, once however many events the transaction records.
_INSERT_OUTBOX = """
    WITH recorded AS (
        INSERT INTO outbox (event_id, topic, key, event_type, body, headers) VALUES ($1, $2, $3, $4, $5, $6)
    )
    SELECT pg_notify($7, '')
"""
_UPSERT_DUE = """
    INSERT INTO due_work (kind, subject_id, territory_id, due_at)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (kind, subject_id) DO UPDATE SET due_at = excluded.due_at, territory_id = excluded.territory_id
"""
_DELETE_DUE = "DELETE FROM due_work WHERE kind = $1 AND subject_id = $2"


class Tx:
    """One open transaction. Lock the aggregate's row before recording on it: outbox order is then the order of its facts."""

    def __init__(self, sql: Connection, service: str) -> None:
        self.sql = sql
        self.recorded: list[Event] = []
        self.touched_work: set[tuple[str, UUID]] = set()
        self._service = service

    async def record(self, event: Event) -> None:
        """Tell the others `event` once this transaction commits, in the trace that is current now."""
        headers = headers_of(event, recorded_at=clock.now(), traceparent=telemetry.current_traceparent())
        await self.sql.execute(_INSERT_OUTBOX, event.event_id, event.topic, event.key, event.type, event.body(), headers, OUTBOX_CHANNEL)
        self.recorded.append(event)

    async def schedule(self, kind: str, territory_id: str, subject_id: UUID, due_at: datetime) -> None:
        """Promise that the timer `kind` runs for `subject_id` at `due_at` (business time); replaces an earlier promise."""
        await self.sql.execute(_UPSERT_DUE, kind, subject_id, territory_id, due_at)
        self.touched_work.add((kind, subject_id))

    async def unschedule(self, kind: str, subject_id: UUID) -> None:
        """The promise is kept or void."""
        await self.sql.execute(_DELETE_DUE, kind, subject_id)
        self.touched_work.add((kind, subject_id))


class Database:
    """The pool of one service. Counts what it recorded so that the conductor of a simulated day can see it settle."""

    def __init__(self, pool: Pool, url: str, service: str) -> None:
        self.pool = pool
        self.url = url
        self.service = service
        self.recorded_count = 0
        self.in_flight = 0

    @classmethod
    async def open(cls, url: str, *, service: str, min_size: int = 1, max_size: int = 8) -> "Database":
        """Connects; raises Unavailable when the server does not answer."""
        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=min_size,
                max_size=max_size,
                init=_prepare,
                reset=_nothing_to_reset,
                command_timeout=30,
                server_settings={"application_name": f"recours-{service}"},
            )
        except TRANSIENT as reason:
            raise Unavailable("the database does not answer") from reason
        return cls(pool, url, service)

    async def close(self) -> None:
        """Waits for running statements, at most five seconds."""
        try:
            await asyncio.wait_for(self.pool.close(), 5)
        except TimeoutError:
            self.pool.terminate()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """Commit at the end, roll back on any exception. Raises Unavailable for what may work later."""
        self.in_flight += 1
        try:
            async with self.pool.acquire(timeout=_ACQUIRE_SECONDS) as connection, connection.transaction():
                tx = Tx(connection, self.service)
                yield tx
            self.recorded_count += len(tx.recorded)
        except asyncpg.InterfaceError as reason:
            raise _as_unavailable(reason) from reason
        except TRANSIENT as reason:
            raise Unavailable("the database is away or busy") from reason
        finally:
            self.in_flight -= 1

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A read-only snapshot. Raises Unavailable for what may work later."""
        try:
            async with (
                self.pool.acquire(timeout=_ACQUIRE_SECONDS) as connection,
                connection.transaction(readonly=True, isolation="repeatable_read"),
            ):
                yield connection
        except asyncpg.InterfaceError as reason:
            raise _as_unavailable(reason) from reason
        except TRANSIENT as reason:
            raise Unavailable("the database is away or busy") from reason


def _as_unavailable(reason: asyncpg.InterfaceError) -> Exception:
    """asyncpg uses one class for a lost connection and for a wrong argument: only the first may work later."""
    words = str(reason)
    lost = "connection" in words or "pool" in words
    return Unavailable("the database is away") if lost else reason


async def _prepare(connection: Connection) -> None:
    """jsonb as Python values, so that no SQL of ours carries encoded text."""
    await connection.set_type_codec("jsonb", encoder=_dump, decoder=json.loads, schema="pg_catalog")


async def _nothing_to_reset(connection: Connection) -> None:
    """Connections of the pool carry no session state of ours (LISTEN and session locks have their own): one round trip less a use."""


def _dump(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)
