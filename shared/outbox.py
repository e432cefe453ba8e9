"""The relay: carries the outbox to Kafka, oldest first, in rounds that keep the order of each key without an idempotent producer.

One relay works per database (advisory lock on its own connection). A round takes up to 500 pending rows in id order, only the
first of each (topic, key), sends all, awaits all, marks the confirmed ones in one UPDATE; an unconfirmed key waits for the
next round. The cluster id it published to is kept: another id means an empty log, which is refilled from the journal first.
"""

import asyncio
import contextlib
import json
import time
from typing import TYPE_CHECKING, Literal

import asyncpg

from shared import log, metrics, telemetry
from shared.db import OUTBOX_CHANNEL, TRANSIENT, Connection
from shared.kafka import AWAY, KafkaAddress, read_cluster_id

if TYPE_CHECKING:
    from faststream.kafka import KafkaBroker

_log = log.get("outbox")

_RELAY_LOCK = 0x7265636F757273  # "recours": one relay per database
ROUND_ROWS = 500
_IDLE_SECONDS = 1.0
_CLUSTER_SECONDS = 10.0
_SEND_SECONDS = 5.0  # a broker that came back empty has no topics at first: give up early, ask which log it is, send again
_RETRY_SECONDS = 0.5

_PENDING = """
    WITH oldest AS (
        SELECT id, topic, key, event_type, body, headers
        FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT $1
    )
    SELECT DISTINCT ON (topic, key) id, topic, key, event_type, body, headers FROM oldest ORDER BY topic, key, id
"""
_MARK = "UPDATE outbox SET published_at = clock_timestamp() WHERE id = ANY($1::bigint[])"
_COUNT = "SELECT count(*) AS rows, extract(epoch FROM clock_timestamp() - min(recorded_at)) AS age FROM outbox WHERE published_at IS NULL"
_STATE = "SELECT cluster_id, refill_from_id, refill_to_id, refill_requested FROM relay_state"
_KNOW_CLUSTER = "UPDATE relay_state SET cluster_id = $1, refill_requested = false"
_START_REFILL = """
    UPDATE relay_state SET cluster_id = $1, refill_requested = false, refill_from_id = 0,
        refill_to_id = (SELECT coalesce(max(id), 0) FROM outbox WHERE published_at IS NOT NULL)
"""
_HAS_HISTORY = "SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NOT NULL)"
_HISTORY = """
    SELECT id, topic, key, event_type, body, headers FROM outbox
    WHERE published_at IS NOT NULL AND id > $1 AND id <= $2 ORDER BY id LIMIT $3
"""
_REFILLED_TO = "UPDATE relay_state SET refill_from_id = $1"
_END_REFILL = "UPDATE relay_state SET refill_from_id = NULL, refill_to_id = NULL"


class Relay:
    """Runs as one task of a service; everything it needs to go on after a crash is in the database."""

    def __init__(
        self, database_url: str, broker: "KafkaBroker", address: KafkaAddress, *, service: str, refill: Literal["automatic", "manual"]
    ) -> None:
        self._url = database_url
        self._broker = broker
        self._address = address
        self._service = service
        self._refill = refill
        self._wake = asyncio.Event()
        self._cluster_id: str | None = None
        self._asked_cluster_at = 0.0
        self.published_count = 0
        self.waiting_for_refill = False
        self.idle = False
        self.confirmed: dict[str, int] = {}  # "topic:partition" -> offset after the last record the broker confirmed

    async def run(self) -> None:
        """For ever: take the lock, publish; on any loss start again. Cancelled at shutdown."""
        while True:
            try:
                await self._with_connection()
            except (*TRANSIENT, asyncpg.PostgresError, asyncpg.InterfaceError) as reason:
                self.idle = False
                _log.warning("relay_lost_its_database", error_class=type(reason).__name__)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _with_connection(self) -> None:
        connection = await asyncpg.connect(
            self._url, server_settings={"application_name": f"recours-{self._service}-relay"}, command_timeout=30
        )
        try:
            await connection.set_type_codec("jsonb", encoder=str, decoder=json.loads, schema="pg_catalog")
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _RELAY_LOCK):
                await asyncio.sleep(_IDLE_SECONDS)
            await connection.add_listener(OUTBOX_CHANNEL, self._notified)
            while True:
                await self._once(connection)
        finally:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(connection.close(), 2)

    def _notified(self, *_: object) -> None:
        self._wake.set()

    async def _once(self, connection: Connection) -> None:
        """One look at the log's identity if it is time, one refill step or round, and a wait when nothing is left."""
        try:
            await self._know_the_log(connection)
        except AWAY as reason:
            self.idle = False
            _log.warning("broker_away", error_class=type(reason).__name__)
            await self._measure(connection)
            await asyncio.sleep(_RETRY_SECONDS)
            return
        if self.waiting_for_refill:
            await self._pause()
            return
        if await self._refill_step(connection):
            return
        self._wake.clear()
        sent, confirmed = await self._round(connection)
        if sent == 0:
            self.idle = True
            await self._measure(connection)
            await self._pause()
            self.idle = False
        elif confirmed < sent:
            self._asked_cluster_at = 0.0  # after a failed round ask again which log this is
            await asyncio.sleep(_RETRY_SECONDS)

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), _IDLE_SECONDS)

    async def _know_the_log(self, connection: Connection) -> None:
        if not self.waiting_for_refill and time.monotonic() - self._asked_cluster_at < _CLUSTER_SECONDS:
            return
        cluster_id = await read_cluster_id(self._address.bootstrap)
        self._asked_cluster_at = time.monotonic()
        if cluster_id != self._cluster_id:
            self.confirmed.clear()
            self._cluster_id = cluster_id
        state = await connection.fetchrow(_STATE)
        assert state is not None
        if state["cluster_id"] == cluster_id and not state["refill_requested"]:
            self.waiting_for_refill = False
            return
        if not await connection.fetchval(_HAS_HISTORY):
            await connection.execute(_KNOW_CLUSTER, cluster_id)
        elif self._refill == "automatic" or state["refill_requested"] or state["cluster_id"] is None:
            await connection.execute(_START_REFILL, cluster_id)
            _log.warning("refill_started")
        else:
            if not self.waiting_for_refill:
                _log.error("empty_log_needs_refill")  # an operator runs `recours refill SERVICE`
            self.waiting_for_refill = True
            return
        self.waiting_for_refill = False

    async def _refill_step(self, connection: Connection) -> bool:
        """Send the next part of the journal again; False when there is nothing to refill."""
        state = await connection.fetchrow(_STATE)
        if state is None or state["refill_to_id"] is None:
            return False
        rows = await connection.fetch(_HISTORY, state["refill_from_id"], state["refill_to_id"], ROUND_ROWS)
        if not rows:
            await connection.execute(_END_REFILL)
            _log.warning("refill_done")
            return True
        for wave in _waves(rows):
            confirmed = await self._send(wave)
            if len(confirmed) < len(wave):
                self._asked_cluster_at = 0.0
                await asyncio.sleep(_RETRY_SECONDS)
                return True  # the same rows again: the inbox drops what arrived twice
        metrics.REFILL_TOTAL.add(len(rows), service=self._service)
        await connection.execute(_REFILLED_TO, rows[-1]["id"])
        return True

    async def _round(self, connection: Connection) -> tuple[int, int]:
        rows = await connection.fetch(_PENDING, ROUND_ROWS)
        if not rows:
            return 0, 0
        confirmed = await self._send(sorted(rows, key=lambda row: row["id"]))
        if confirmed:
            await connection.execute(_MARK, confirmed)
        self.published_count += len(confirmed)
        metrics.RELAY_ROUNDS_TOTAL.add(service=self._service, outcome="whole" if len(confirmed) == len(rows) else "part")
        return len(rows), len(confirmed)

    async def _send(self, rows: list[asyncpg.Record]) -> list[int]:
        """The ids of the rows that the broker confirmed. No two rows share a topic and key."""
        outcomes = await asyncio.gather(*(self._publish(row) for row in rows), return_exceptions=True)
        confirmed = []
        for row, outcome in zip(rows, outcomes, strict=True):
            if outcome is None:
                confirmed.append(row["id"])
                metrics.PUBLISHED_TOTAL.add(service=self._service, topic=row["topic"], event_type=row["event_type"])
            elif isinstance(outcome, AWAY):
                _log.warning("publish_failed", topic=row["topic"], error_class=type(outcome).__name__)
            elif isinstance(outcome, BaseException):
                raise outcome
        return confirmed

    async def _publish(self, row: asyncpg.Record) -> None:
        headers: dict[str, str] = row["headers"]
        # The stored context must be current, else the producer's middleware would start a trace of its own.
        with telemetry.attached(headers.get("traceparent")):
            metadata = await asyncio.wait_for(
                self._broker.publish(
                    row["body"], self._address.topic(row["topic"]), key=row["key"].encode(), headers=_without_trace(headers)
                ),
                _SEND_SECONDS,
            )
        place = f"{row['topic']}:{metadata.partition}"
        self.confirmed[place] = max(self.confirmed.get(place, 0), metadata.offset + 1)

    async def _measure(self, connection: Connection) -> None:
        counted = await connection.fetchrow(_COUNT)
        assert counted is not None
        metrics.OUTBOX_PENDING.set(counted["rows"], service=self._service)
        metrics.OUTBOX_OLDEST_SECONDS.set(float(counted["age"] or 0), service=self._service)


def _waves(rows: list[asyncpg.Record]) -> list[list[asyncpg.Record]]:
    """Rows in id order cut so that no wave holds a key twice and each key keeps its order."""
    waves: list[list[asyncpg.Record]] = []
    depth: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row["topic"], row["key"])
        level = depth.get(key, 0)
        depth[key] = level + 1
        if level == len(waves):
            waves.append([])
        waves[level].append(row)
    return waves


def _without_trace(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "traceparent"}
