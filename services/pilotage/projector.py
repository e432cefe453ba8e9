"""Reads the whole log in batches, without a group: each batch, what it changes and where it ends are one transaction.

The position in the log is ours, in our database, together with the identity of the log. Another log (an embedded broker that
came back empty and is being refilled) is read from its beginning: facts are recognised by their ids.
"""

import asyncio
import gc
import time
from collections import Counter, deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from services.pilotage import handlers, records
from services.pilotage.domain.measures import percentile
from services.pilotage.records import Arrived, Poisoned
from services.pilotage.repository import history
from shared import log, metrics
from shared.errors import Unavailable
from shared.events.registry import TOPICS, event_class
from shared.kafka import AWAY, KafkaAddress, read_cluster_id

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

    from services.pilotage.settings import PilotageSettings
    from shared.db import Database
    from shared.service import Service

_log = log.get("projector")

_WAIT_MILLISECONDS = 200
_RETRY_SECONDS = 0.5
_STOP_SECONDS = 5.0
_METADATA_MILLISECONDS = 5_000
_LAGS_KEPT = 1_000
_LATE_SECONDS = 30.0


class AnotherLog(Exception):
    """The broker is not the one that our positions belong to."""


class Projector:
    """One task of the service; what it needs to go on after a crash is in the database."""

    def __init__(self, settings: "PilotageSettings") -> None:
        self._settings = settings
        self._address = KafkaAddress(settings.kafka_bootstrap, settings.topic_prefix)
        self._database: Database | None = None
        self._next: dict[tuple[str, int], int] | None = None
        self._rebuild = asyncio.Event()
        self._counters: dict[str, int] = {}
        self._lags: deque[float] = deque(maxlen=_LAGS_KEPT)
        self._live_since = time.time()
        self._behind = 0
        self._behind_since: float | None = None
        self.folding = False
        self.connected = False

    def attach(self, service: "Service") -> None:
        """Let the conductor of a simulated day see where we stand."""
        self._counters = service.counters
        self._counters["folded"] = 0
        service.positions.append(self.positions)
        service.busy.append(lambda: self.folding or self._rebuild.is_set())

    async def positions(self) -> dict[str, int] | None:
        """Next offset by "topic:partition", as committed; None while there is no log."""
        return {f"{topic}:{partition}": offset for (topic, partition), offset in self._next.items()} if self._next is not None else None

    def request_rebuild(self) -> None:
        """Empty everything and read the log again; raises Unavailable without a log, for then there would be nothing to read."""
        if not self.connected:
            raise Unavailable("the log is away: nothing was emptied")
        self._rebuild.set()

    def lag_p99_milliseconds(self) -> float | None:
        """From the producer's stamp to the commit here, real time, of the last records that came while we were reading."""
        lag = percentile(list(self._lags), 0.99)
        return round(lag * 1000, 1) if lag is not None else None

    def late_count(self) -> int:
        """Records known to lie in the log unread, once we have been behind for half a minute."""
        return self._behind if self._behind_since is not None and time.monotonic() - self._behind_since > _LATE_SECONDS else 0

    async def run(self, service: "Service") -> None:
        """For ever. Whatever goes away is waited for; cancelled at shutdown."""
        self._database = service.database
        while True:
            try:
                await self._follow(self._database)
            except AnotherLog:
                _log.warning("another_log")
            except (*AWAY, Unavailable) as reason:
                _log.warning("log_away", error_class=type(reason).__name__)
                await asyncio.sleep(_RETRY_SECONDS)
            finally:
                self.connected = False
                self._next = None

    async def _follow(self, database: "Database") -> None:
        """Read from where we stopped until something goes wrong."""
        cluster_id = await read_cluster_id(self._address.bootstrap)
        places = await self._partitions()
        client = AIOKafkaConsumer(
            bootstrap_servers=self._address.bootstrap,
            client_id="recours-pilotage",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=self._settings.kafka_fetch_wait_ms,
            metadata_max_age_ms=_METADATA_MILLISECONDS,
            max_partition_fetch_bytes=self._settings.partition_fetch_bytes,
        )
        await client.start()
        try:
            client.assign([TopicPartition(self._address.topic(topic), partition) for topic, partition in places])
            await self._seek(client, database, places, cluster_id)
            checked_at = time.monotonic()
            self.connected, self._live_since = True, time.time()
            while True:
                if self._rebuild.is_set():
                    await self._start_again(client, database, places, cluster_id)
                batch = await self._next_batch(client)
                if batch:
                    await self._take(database, batch, cluster_id)
                if time.monotonic() - checked_at > self._settings.cluster_check_seconds:
                    if await read_cluster_id(self._address.bootstrap) != cluster_id:
                        raise AnotherLog
                    checked_at = time.monotonic()
                self._measure(client)
        finally:
            await _close(client)

    async def _next_batch(self, client: AIOKafkaConsumer) -> "dict[TopicPartition, list[ConsumerRecord[Any, Any]]]":
        """What was fetched; far behind, of each partition in proportion to what is left there.

        All topics then advance together in time, and the facts of one request come in one batch instead of one a topic: it is folded once.
        """
        size = self._settings.batch_records
        found: dict[TopicPartition, list[ConsumerRecord[Any, Any]]] = {}
        left = {place: self._left(client, place) for place in client.assignment()}
        total = sum(left.values())
        if total > size:
            for place, count in left.items():
                if count:
                    found |= await client.getmany(place, timeout_ms=0, max_records=-(-size * count // total))
        return found or await client.getmany(timeout_ms=_WAIT_MILLISECONDS, max_records=size)

    def _left(self, client: AIOKafkaConsumer, place: TopicPartition) -> int:
        """Records known to lie there unread; 0 before the first answer of the broker."""
        following = (self._next or {}).get((self._address.ours(place.topic), place.partition), 0)
        return max(0, (client.highwater(place) or 0) - following)

    async def _partitions(self) -> list[tuple[str, int]]:
        """Every partition of every topic of ours; raises Unavailable until all topics exist (`recours topics` makes them)."""
        wanted = {self._address.topic(topic): topic for topic in TOPICS}
        admin = AIOKafkaAdminClient(bootstrap_servers=self._address.bootstrap, request_timeout_ms=5_000, client_id="recours-pilotage-look")
        await admin.start()
        try:
            described: list[dict[str, Any]] = await admin.describe_topics()
        finally:
            await admin.close()
        found = {wanted[one["topic"]]: one["partitions"] for one in described if one["topic"] in wanted}
        if len(found) < len(wanted):
            raise Unavailable("topics are missing")
        return [(topic, each["partition"]) for topic, partitions in sorted(found.items()) for each in partitions]

    async def _seek(self, client: AIOKafkaConsumer, database: "Database", places: Iterable[tuple[str, int]], cluster_id: str) -> None:
        async with database.transaction() as tx:
            stored = await history.start_on(tx, cluster_id)
        following = {place: stored.get(place, 0) for place in places}
        for (topic, partition), offset in following.items():
            client.seek(TopicPartition(self._address.topic(topic), partition), offset)
        self._next = following

    async def _start_again(
        self, client: AIOKafkaConsumer, database: "Database", places: Iterable[tuple[str, int]], cluster_id: str
    ) -> None:
        async with database.transaction() as tx:
            await history.empty(tx)
        await self._seek(client, database, places, cluster_id)
        self._counters["folded"] = 0
        self._live_since = time.time()
        self._rebuild.clear()
        _log.warning("rebuild_started")

    async def _take(self, database: "Database", batch: "dict[TopicPartition, list[ConsumerRecord[Any, Any]]]", cluster_id: str) -> None:
        self.folding = True
        # A batch makes a million objects that die by their counts: the collector would walk them over and over (half of a rebuild).
        gc.disable()
        try:
            arrived: list[Arrived] = []
            letters: list[Poisoned] = []
            positions: dict[tuple[str, int], int] = {}
            for place, found in batch.items():
                topic = self._address.ours(place.topic)
                positions[topic, place.partition] = found[-1].offset + 1
                for record in found:
                    read = records.read(record, topic)
                    arrived.append(read) if isinstance(read, Arrived) else letters.append(read)
            try:
                await self._commit(database, arrived, letters, positions, cluster_id)
            except (Unavailable, AnotherLog):
                raise
            except Exception as reason:  # one record that PostgreSQL or our own code refuses must not hold back the others
                _log.error("batch_failed", exception=reason)
                await self._one_by_one(database, arrived, letters, positions, cluster_id)
            if self._next is not None:
                self._next |= positions
            self._note_lags(arrived)
        finally:
            gc.enable()
            self.folding = False

    async def _commit(
        self, database: "Database", arrived: list[Arrived], letters: list[Poisoned], positions: dict[tuple[str, int], int], cluster_id: str
    ) -> None:
        async with database.transaction() as tx:
            if await history.lock_state(tx) != cluster_id:
                raise AnotherLog
            new = await handlers.take_in(tx, arrived, letters, positions)
        self._counters["folded"] = self._counters.get("folded", 0) + new
        for letter in letters:
            metrics.DEAD_LETTERS_TOTAL.add(service="pilotage", topic=letter.topic, reason=letter.reason)
            _log.error("dead_letter", topic=letter.topic, partition=letter.partition, offset=letter.offset, reason=letter.reason)
        for (topic, event_type), count in Counter((one.topic, one.type) for one in arrived).items():
            known = event_type if event_class(event_type) is not None else "other"
            metrics.CONSUMED_TOTAL.add(count, service="pilotage", topic=topic, event_type=known, outcome="handled")

    async def _one_by_one(
        self, database: "Database", arrived: list[Arrived], letters: list[Poisoned], positions: dict[tuple[str, int], int], cluster_id: str
    ) -> None:
        """The same batch, each fact in its own transaction; positions move with the last, so that a crash repeats, never skips."""
        letters = list(letters)
        for one in arrived:
            try:
                await self._commit(database, [one], [], {}, cluster_id)
            except (Unavailable, AnotherLog):
                raise
            except Exception as reason:
                code = "malformed" if isinstance(reason, asyncpg.DataError) else "bug"
                letters.append(records.poisoned(one.record, one.topic, code, type(reason).__name__))
        await self._commit(database, [], letters, positions, cluster_id)

    def _note_lags(self, arrived: Iterable[Arrived]) -> None:
        now = time.time()
        stamps = (one.record.timestamp / 1000 for one in arrived)
        self._lags.extend(max(0.0, now - stamp) for stamp in stamps if stamp > self._live_since)

    def _measure(self, client: AIOKafkaConsumer) -> None:
        behind: dict[str, int] = {}
        for topic, partition in self._next or {}:
            left = self._left(client, TopicPartition(self._address.topic(topic), partition))
            behind[topic] = behind.get(topic, 0) + left
        self._behind = sum(behind.values())
        if self._behind == 0:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = time.monotonic()
        for topic, count in behind.items():
            metrics.CONSUMER_LAG.set(count, service="pilotage", topic=topic)


async def _close(client: AIOKafkaConsumer) -> None:
    """In a task of its own: aiokafka cancels its pending fetches in `stop`, and lets their cancellation end whoever awaits it."""
    stopping = asyncio.create_task(client.stop())
    await asyncio.wait({stopping}, timeout=_STOP_SECONDS)
    if not stopping.done() or stopping.cancelled() or stopping.exception() is not None:
        stopping.cancel()
        closing = asyncio.create_task(client._client.close())  # what `stop` had not come to
        await asyncio.wait({closing}, timeout=_STOP_SECONDS)
