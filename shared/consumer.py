"""What a service learns from the others: each fact has its effect once, in our database, whatever is redelivered, late or wrong.

In one transaction the consumer claims (group, event id) in the inbox, runs the handler, commits; only then the offset moves. A
claim that loses returns without running. Transient failures wait in place; what cannot succeed becomes a row of `dead_letter`.
"""

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast
from uuid import UUID

from pydantic import ValidationError

from shared import clock, log, metrics
from shared.db import Database, Tx
from shared.errors import RecoursError, Unavailable
from shared.events.base import Event

if TYPE_CHECKING:
    from faststream.kafka.annotations import KafkaMessage

_log = log.get("consumer")

E = TypeVar("E", bound=Event)
E_in = TypeVar("E_in", bound=Event, contravariant=True)

# In place for less than a minute (max.poll.interval is five), then the record is given back to be redelivered.
_PATIENCE_SECONDS = 45.0
_FIRST_DELAY_SECONDS = 0.05
_LONGEST_DELAY_SECONDS = 5.0
_TRIES_OF_A_BUG = 3
# So many dead letters in a row are a bad release, not bad records: stop, and a human looks.
_DEAD_IN_A_ROW = 25

_CLAIM = """
    INSERT INTO inbox (consumer, event_id)
    SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM inbox_floor WHERE consumer = $1 AND event_id > $2)
    ON CONFLICT DO NOTHING RETURNING true
"""
_FLOOR = "SELECT event_id FROM inbox_floor WHERE consumer = $1"
_BURY = """
    INSERT INTO dead_letter (consumer, event_id, event_type, topic, partition, log_offset, key, body, headers, reason, error_class,
        attempts, first_failed_at, last_failed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
    ON CONFLICT DO NOTHING
"""


class EventHandler(Protocol[E_in]):
    """Decides and writes inside `tx`; free of idempotency code, not of order: facts of two topics may come either way round."""

    def __call__(self, event: E_in, tx: Tx, *, now: datetime) -> Awaitable[object]: ...


@dataclasses.dataclass(frozen=True)
class Incoming:
    """A record as it came: the unit of processing, of dead letters and of replays."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    body: bytes
    headers: dict[str, str]

    @property
    def event_type(self) -> str | None:
        return self.headers.get("ce_type")

    @property
    def event_id(self) -> UUID | None:
        try:
            return UUID(self.headers.get("ce_id", ""))
        except ValueError:
            return None


class Halted(RuntimeError):
    """The group stopped itself after many dead letters in a row; `resume` after the cause is gone."""


class EventConsumer:
    """The one subscriber of a service: which events it reads, and what each does. Wired by `consumers.py`, run by the kernel."""

    def __init__(self, group: str) -> None:
        self.group = group
        self._handlers: dict[type[Event], EventHandler[Any]] = {}
        self._database: Database | None = None
        self._dead_in_a_row = 0
        self.handled_count = 0
        self.in_flight = 0
        self.halted = False

    def on(self, event_class: type[E]) -> Callable[[EventHandler[E]], EventHandler[E]]:
        """`consumer.on(RequestQualified)(handlers.on_request_qualified)`. One handler per event and service."""

        def register(handler: EventHandler[E]) -> EventHandler[E]:
            if event_class in self._handlers:
                raise ValueError(f"{event_class.type} already has a handler in {self.group}")
            self._handlers[event_class] = handler
            return handler

        return register

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics of the events that have a handler, our names."""
        return tuple(sorted({cls.topic for cls in self._handlers}))

    @property
    def event_types(self) -> tuple[str, ...]:
        return tuple(sorted(cls.type for cls in self._handlers))

    def bind(self, database: Database) -> None:
        """Called by the service before the broker starts."""
        self._database = database

    async def consume(self, message: "KafkaMessage") -> None:
        """One record from the broker; returns when its offset may move, raises when it must come again."""
        record = message.raw_message
        assert not isinstance(record, tuple)
        incoming = Incoming(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            body=record.value or b"",
            headers=dict(message.headers),
        )
        self.in_flight += 1
        try:
            await self._until_settled(incoming)
        finally:
            self.in_flight -= 1
        self.handled_count += 1

    async def _until_settled(self, incoming: Incoming) -> None:
        """Handled, skipped or buried; raises Unavailable after `_PATIENCE_SECONDS`."""
        started, delay, tries, first_failed_at = time.monotonic(), _FIRST_DELAY_SECONDS, 0, datetime.now(UTC)
        if self.halted:
            await asyncio.sleep(_LONGEST_DELAY_SECONDS)
            raise Halted(self.group)
        while True:
            tries += 1
            try:
                outcome = await self.process(incoming)
            except Unavailable:
                if time.monotonic() - started > _PATIENCE_SECONDS:
                    self._count(incoming, "given_back")
                    raise
            except Exception as reason:
                if isinstance(reason, RecoursError | ValidationError | _Malformed) or tries >= _TRIES_OF_A_BUG:
                    await self._bury(incoming, reason, tries, first_failed_at, started)
                    return
                _log.error("handler_failed", event_type=incoming.event_type, event_id=incoming.event_id, error_class=type(reason).__name__)
            else:
                self._dead_in_a_row = 0
                self._count(incoming, outcome)
                return
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_DELAY_SECONDS)

    async def process(self, incoming: Incoming) -> str:
        """Claim, handle, commit: `handled`, `repeated` or `skipped`. Also what a replay calls."""
        assert self._database is not None, "bind a database first"
        if incoming.event_type is None:
            raise _Malformed("no ce_type")
        handled = next((cls for cls in self._handlers if cls.type == incoming.event_type), None)
        if handled is None:
            return "skipped"
        event = handled.read(incoming.body)
        if incoming.event_id != event.event_id:
            raise _Malformed("ce_id is not the event's id")
        async with self._database.transaction() as tx:
            if not await tx.sql.fetchval(_CLAIM, self.group, event.event_id):
                floor = await tx.sql.fetchval(_FLOOR, self.group)
                if floor is None or event.event_id >= floor:
                    return "repeated"
                metrics.INBOX_SKIPPED_TOTAL.add(service=self._database.service)
                return "skipped"
            await self._handlers[handled](event, tx, now=clock.now())
        return "handled"

    async def _bury(self, incoming: Incoming, reason: Exception, tries: int, first_failed_at: datetime, started: float) -> None:
        """A transaction of its own, before the offset moves; waits for the database as long as a handler would."""
        assert self._database is not None
        code = _reason_code(reason)
        delay = _FIRST_DELAY_SECONDS
        while True:
            try:
                async with self._database.transaction() as tx:
                    await tx.sql.execute(
                        _BURY, self.group, incoming.event_id, incoming.event_type, incoming.topic, incoming.partition,
                        incoming.offset, incoming.key, incoming.body, incoming.headers, code, type(reason).__name__, tries,
                        first_failed_at, datetime.now(UTC),
                    )  # fmt: skip
                break
            except Unavailable:
                if time.monotonic() - started > _PATIENCE_SECONDS:
                    raise
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LONGEST_DELAY_SECONDS)
        metrics.DEAD_LETTERS_TOTAL.add(service=self._database.service, topic=incoming.topic, reason=_metric_reason(code))
        self._count(incoming, "dead")
        _log.error(
            "dead_letter", event_type=incoming.event_type, event_id=incoming.event_id, reason=code, error_class=type(reason).__name__
        )
        self._dead_in_a_row += 1
        if self._dead_in_a_row >= _DEAD_IN_A_ROW:
            self.halted = True
            _log.error("group_halted")

    def resume(self) -> None:
        """Go on after a halt; the records that were given back come again by themselves."""
        self._dead_in_a_row = 0
        self.halted = False

    def _count(self, incoming: Incoming, outcome: str) -> None:
        service = self._database.service if self._database is not None else self.group
        known = incoming.event_type if incoming.event_type in self.event_types else "other"
        metrics.CONSUMED_TOTAL.add(service=service, topic=incoming.topic, event_type=known, outcome=outcome)


class _Malformed(Exception):
    """The record is not one of our events, whatever it is."""


def _reason_code(reason: Exception) -> str:
    if isinstance(reason, RecoursError):
        return reason.code
    if isinstance(reason, ValidationError | _Malformed):
        return "malformed"
    return "bug"


def _metric_reason(code: str) -> str:
    return code if code in ("malformed", "bug") else "refused"


def readable_headers(headers: Any) -> tuple[tuple[str, bytes], ...]:
    """Headers that FastStream can decode: a foreign header that is not UTF-8 would otherwise pass unseen before any policy of ours."""
    pairs = cast("tuple[tuple[str, bytes | None], ...]", tuple(headers or ()))
    return tuple((name, (value or b"").decode("utf-8", "backslashreplace").replace("\0", "\\x00").encode()) for name, value in pairs)
