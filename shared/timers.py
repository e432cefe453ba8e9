"""Promises with an hour: rows of `due_work`, run every second or at once when the business clock steps.

The handler runs first (it locks its aggregate, as every command does), then the kernel deletes the row it was run for. A command
that kept the promise meanwhile has deleted or moved that row: then nothing the handler did is committed. Taking the row first
would cross the commands, which hold the aggregate when they touch the row.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared import clock, log, metrics
from shared.db import Database, Tx
from shared.errors import Unavailable

_log = log.get("timers")

_EVERY_SECONDS = 1.0
_WATCH_SECONDS = 0.05
_LONGEST_DELAY_SECONDS = 60.0
_BATCH = 100

_DUE = "SELECT kind, subject_id, territory_id, due_at FROM due_work WHERE due_at <= $1 ORDER BY due_at, kind, subject_id LIMIT $2"
_TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 7))"
_STILL_DUE = "SELECT true FROM due_work WHERE kind = $1 AND subject_id = $2 AND due_at = $3"
_DONE = "DELETE FROM due_work WHERE kind = $1 AND subject_id = $2 AND due_at = $3 RETURNING true"


class TimerHandler(Protocol):
    """Runs once for a promise that is due; may schedule again. Lock the aggregate first, and look whether it still applies."""

    def __call__(self, territory_id: str, subject_id: UUID, tx: Tx, *, now: datetime) -> Awaitable[object]: ...


@dataclass(frozen=True)
class _Due:
    kind: str
    subject_id: UUID
    territory_id: str
    due_at: datetime


class _Kept(Exception):
    """Somebody kept the promise between our look and our commit."""


class Timers:
    """The table of contents is `timers.py` of each service; this runs what is due."""

    def __init__(self) -> None:
        self._handlers: dict[str, TimerHandler] = {}
        self._retry_at: dict[tuple[str, UUID], tuple[float, float]] = {}
        self._running = asyncio.Lock()
        self.run_count = 0

    def on(self, kind: str) -> Callable[[TimerHandler], TimerHandler]:
        """`timers.on("hold_expires")(handlers.expire_hold)`"""

        def register(handler: TimerHandler) -> TimerHandler:
            if kind in self._handlers:
                raise ValueError(f"the timer {kind} already has a handler")
            self._handlers[kind] = handler
            return handler

        return register

    async def run(self, database: Database) -> None:
        """For ever: what is due, every second and at each step of the clock."""
        while True:
            try:
                await self.run_due(database)
            except Unavailable:
                _log.warning("timers_wait_for_the_database")
            await _a_second_or_a_step()

    async def run_due(self, database: Database) -> int:
        """Run all that is due now, also what that makes due; returns how many handlers ran."""
        ran = 0
        async with self._running:
            while True:
                async with database.reading() as sql:
                    rows = await sql.fetch(_DUE, clock.now(), _BATCH)
                done = 0
                for row in rows:
                    due = _Due(row["kind"], row["subject_id"], row["territory_id"], row["due_at"])
                    if due.kind in self._handlers and self._may_try(due):
                        done += await self._run_one(database, due)
                ran += done
                if done == 0:
                    return ran

    async def _run_one(self, database: Database, due: _Due) -> int:
        try:
            async with database.transaction() as tx:
                if not await tx.sql.fetchval(_TRY_LOCK, f"{due.kind}:{due.subject_id}"):
                    return 0  # another instance is at it
                if not await tx.sql.fetchval(_STILL_DUE, due.kind, due.subject_id, due.due_at):
                    return 0
                await self._handlers[due.kind](due.territory_id, due.subject_id, tx, now=clock.now())
                handled_itself = (due.kind, due.subject_id) in tx.touched_work
                if not handled_itself and not await tx.sql.fetchval(_DONE, due.kind, due.subject_id, due.due_at):
                    raise _Kept
        except _Kept:
            return 0
        except Unavailable:
            raise
        except Exception as reason:
            self._fail(due, reason)
            return 0
        self._retry_at.pop((due.kind, due.subject_id), None)
        self.run_count += 1
        metrics.TIMER_DUE_TOTAL.add(service=database.service, kind=due.kind, outcome="done")
        metrics.TIMER_LATE_SECONDS.observe((clock.now() - due.due_at).total_seconds(), service=database.service, kind=due.kind)
        return 1

    def _may_try(self, due: _Due) -> bool:
        return self._retry_at.get((due.kind, due.subject_id), (0.0, 0.0))[0] <= time.monotonic()

    def _fail(self, due: _Due, reason: Exception) -> None:
        """A promise is never given up: the next try comes later and later, and each failure calls a human."""
        _, last = self._retry_at.get((due.kind, due.subject_id), (0.0, 0.5))
        delay = min(last * 2, _LONGEST_DELAY_SECONDS)
        self._retry_at[due.kind, due.subject_id] = (time.monotonic() + delay, delay)
        _log.error("timer_failed", kind=due.kind, subject_id=due.subject_id, error_class=type(reason).__name__)


async def _a_second_or_a_step() -> None:
    file = clock.current()
    if file is None:
        await asyncio.sleep(_EVERY_SECONDS)
        return
    before, until = file.sequence, time.monotonic() + _EVERY_SECONDS
    while time.monotonic() < until and file.sequence == before:
        await asyncio.sleep(_WATCH_SECONDS)
