"""One process of the platform: HTTP at once, then the broker as soon as it answers; everything stopped in reverse.

`services/<name>/app.py` builds a `Service` (what is particular), this runs it (what is the same everywhere). A service starts and
answers without Kafka and without Redis; without its database it answers 503.
"""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import redis.asyncio as redis
import uvicorn
import uvloop
from fastapi import APIRouter, FastAPI

from shared import clock, http, kafka, log, replay, telemetry
from shared.auth import TokenVerifier
from shared.broker import Subscription, make_broker
from shared.consumer import EventConsumer
from shared.db import Database
from shared.errors import Unavailable
from shared.http.server import MAX_HEADER_BYTES, bounded
from shared.kafka import AWAY, KafkaAddress
from shared.migrate import require_current
from shared.outbox import Relay
from shared.settings import ServiceSettings
from shared.settling import SettledReport
from shared.territory import BadTerritory
from shared.timers import Timers

_log = log.get("service")

# Live streams never end by themselves (uvicorn), handlers in flight get the broker's graceful timeout.
_HTTP_GRACE_SECONDS = 4
_DATABASE_SECONDS = 30.0
_RETRY_SECONDS = 0.5
_COLLECTED_OBJECTS = 10_000

_LEFT = """
    SELECT (SELECT count(*) FROM outbox WHERE published_at IS NULL) AS pending,
        (SELECT refill_to_id IS NOT NULL FROM relay_state) AS refilling,
        (SELECT count(*) FROM due_work WHERE due_at <= $1) AS due,
        (SELECT min(due_at) FROM due_work) AS next_due_at
"""

Hook = Callable[["Service"], Awaitable[None]]
Positions = Callable[[], Awaitable[dict[str, int] | None]]


class Service:
    """What a service is made of, and its life. `database`, `redis` and `relay` exist between start and stop."""

    def __init__(
        self,
        name: str,
        settings: ServiceSettings,
        *,
        routers: Sequence[APIRouter] = (),
        consumer: EventConsumer | None = None,
        timers: Timers | None = None,
        start: Sequence[Hook] = (),
        stop: Sequence[Hook] = (),
        tasks: Sequence[Hook] = (),
        database_connections: int = 8,
        publishes: bool = True,
        described: bool = True,
    ) -> None:
        """`described`: /openapi.json and its pages exist; a service whose routes are pages for people needs none."""
        self.name = name
        self.settings = settings
        self.consumer = consumer
        self.timers = timers
        self.address = KafkaAddress(settings.kafka_bootstrap, settings.topic_prefix)
        self.positions: list[Positions] = []  # readers of the log other than `consumer`, such as pilotage's projector
        self.busy: list[Callable[[], bool]] = []
        self.counters: dict[str, int] = {}
        self.ready = False
        self._start, self._stop, self._tasks = tuple(start), tuple(stop), tuple(tasks)
        self._connections = database_connections
        self._publishes = publishes
        self._running: list[asyncio.Task[None]] = []
        self._subscription: Subscription | None = None
        self._kafka_up = False
        self._database: Database | None = None
        self._relay: Relay | None = None
        self.redis: redis.Redis = redis.from_url(
            settings.redis_url.get_secret_value(), socket_timeout=1, socket_connect_timeout=1, decode_responses=True
        )
        limits = http.BodyLimits(settings.http_body_bytes, settings.http_read_seconds)
        self.app = http.make_app(name, limits=limits, lifespan=self._lifespan, openapi_url="/openapi.json" if described else None)
        for router in routers:
            self.app.include_router(router)
        self.app.state.service = self
        self.app.state.verifier = TokenVerifier(settings.token_public_key, audience=name)
        self.ops_app = http.make_ops_app(self)
        self.ops_app.include_router(replay.router)
        self.ops_app.state.service = self

    @property
    def database(self) -> Database:
        """Raises Unavailable before start and after stop."""
        if self._database is None:
            raise Unavailable("the service is starting")
        return self._database

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        await self.start()
        try:
            yield
        finally:
            await self.stop()

    async def start(self) -> None:
        """Clock, telemetry, database, hooks, then the tasks. Raises MigrationRefused when the ledger is behind the code."""
        clock.use(self.settings.clock_file)
        telemetry.setup(self.name, self.settings.traces)
        self._database = await _open_database(self.settings.database_url.get_secret_value(), self.name, self._connections)
        async with self._database.reading() as connection:
            await require_current(connection, self.name)
        for hook in self._start:
            await hook(self)
        if self.timers is not None:
            self._spawn(self.timers.run(self._database))
        for task in self._tasks:
            self._spawn(task(self))
        if self._publishes or self.consumer is not None:
            self._spawn(self._run_kafka())
        self.ready = True
        _log.info("service_ready", service=self.name)

    async def stop(self) -> None:
        """Consumers end their handlers first, then the relay, then the pool."""
        self.ready = False
        if self._subscription is not None:
            await self._subscription.stop()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._running.clear()
        for hook in self._stop:
            await hook(self)
        if self._database is not None:
            await self._database.close()
            self._database = None
        await self.redis.aclose()
        telemetry.shutdown()

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        task.add_done_callback(self._die_loudly)
        self._running.append(task)

    def _die_loudly(self, task: "asyncio.Task[None]") -> None:
        """A background task that ends by itself is a bug: the process stops and the supervisor starts it again.

        So is one that was cancelled while the service runs: a library let a cancellation of its own out.
        """
        if task.cancelled():
            if self.ready:
                _log.error("task_cancelled")
                signal.raise_signal(signal.SIGTERM)
        elif task.exception() is not None:
            _log.error("task_died", exception=task.exception())
            signal.raise_signal(signal.SIGTERM)

    async def _run_kafka(self) -> None:
        """Connect when the broker answers; from then on the relay and the client library cope with its absences."""
        assert self._database is not None
        while True:
            subscription = Subscription(make_broker(self.settings, self.name), self.address, self.consumer, self.settings, self._database)
            try:
                await subscription.start()
                break
            except AWAY as reason:
                _log.warning("broker_away", error_class=type(reason).__name__)
                await subscription.stop()
                await asyncio.sleep(_RETRY_SECONDS)
            except asyncio.CancelledError:
                await subscription.stop()  # the service stops while the group is forming: nobody may stay in it
                raise
        self._subscription = subscription
        self._kafka_up = True
        if self._publishes:
            url = self.settings.database_url.get_secret_value()
            self._relay = Relay(url, subscription.broker, self.address, service=self.name, refill=self.settings.kafka_refill)
            await self._relay.run()

    async def health(self) -> dict[str, bool]:
        """Parts and whether each answers. The database decides whether we are healthy; the others only degrade us."""
        parts = {"ready": self.ready, "database": await _answers(self._ask_database()), "redis": await _answers(self._ask_redis())}
        connects = self._publishes or self.consumer is not None  # pilotage's projector has its own connection
        parts["kafka"] = (self._kafka_up or not connects) and await _answers(kafka.read_cluster_id(self.settings.kafka_bootstrap))
        if self._relay is not None and self._relay.waiting_for_refill:
            parts["log_filled"] = False
        if self.consumer is not None:
            parts["consuming"] = not self.consumer.halted
        return parts

    async def _ask_database(self) -> None:
        async with self.database.reading() as sql:
            await sql.fetchval("SELECT 1")

    async def _ask_redis(self) -> None:
        await self.redis.ping()

    async def tick(self) -> int:
        """Run what is due now; returns how many timers ran."""
        return await self.timers.run_due(self.database) if self.timers is not None else 0

    async def settled(self) -> SettledReport:
        """What is left to do, for the conductor of a simulated day. Raises Unavailable while the database is away."""
        async with self.database.reading() as sql:
            left = await sql.fetchrow(_LEFT, clock.now())
        assert left is not None
        due = left["due"] if self.timers is not None else 0
        positions = await self._all_positions()
        in_flight = self.database.in_flight + (self.consumer.in_flight if self.consumer is not None else 0)
        quiet = self.ready and not left["pending"] and not left["refilling"] and due == 0 and in_flight == 0 and positions is not None
        return SettledReport(
            service=self.name,
            quiet=quiet and not any(busy() for busy in self.busy),
            counters={
                "recorded": self.database.recorded_count,
                "consumed": self.consumer.handled_count if self.consumer is not None else 0,
                "timers": self.timers.run_count if self.timers is not None else 0,
                **self.counters,
            },
            confirmed=dict(self._relay.confirmed) if self._relay is not None else {},
            positions=positions or {},
            next_due_at=left["next_due_at"] if self.timers is not None else None,
        )

    async def _all_positions(self) -> dict[str, int] | None:
        """Next offsets of every reader of this service; None while one of them has no assignment yet."""
        sources = list(self.positions)
        if self.consumer is not None:
            if self._subscription is None:
                return None
            sources.append(self._subscription.positions)
        found: dict[str, int] = {}
        for source in sources:
            places = await source()
            if places is None:
                return None
            found |= places
        return found

    def make_servers(self) -> tuple[uvicorn.Server, uvicorn.Server]:
        """The public address, whose lifespan is the service's, and the operator's."""
        common: dict[str, Any] = {
            "log_config": None, "access_log": False, "server_header": False, "timeout_graceful_shutdown": _HTTP_GRACE_SECONDS,
            "http": bounded(self.settings.http_read_seconds), "h11_max_incomplete_event_size": MAX_HEADER_BYTES,
        }  # fmt: skip
        public = _Server(uvicorn.Config(self.app, host=self.settings.host, port=self.settings.port, lifespan="on", **common))
        ops = _Server(uvicorn.Config(self.ops_app, host=self.settings.ops_host, port=self.settings.ops_port, lifespan="off", **common))
        return public, ops

    async def serve(self) -> None:
        """Both addresses until SIGTERM or SIGINT."""
        public, ops = self.make_servers()

        def leave() -> None:
            public.should_exit = ops.should_exit = True

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, leave)
        answering = asyncio.create_task(ops.serve())
        await public.serve()
        ops.should_exit = True
        await answering
        if not public.started:
            raise SystemExit(3)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: two servers share one process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


async def _open_database(url: str, service: str, connections: int) -> Database:
    """Waits for a server that is starting; raises Unavailable after half a minute."""
    deadline = asyncio.get_running_loop().time() + _DATABASE_SECONDS
    while True:
        try:
            return await Database.open(url, service=service, max_size=connections)
        except Unavailable:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(_RETRY_SECONDS)


def _spare_the_collector() -> None:
    """What is built by now lives as long as the process: Python's collector looks at it no more, nor after each few hundred objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECTED_OBJECTS, 20, 20)


async def _answers(question: Awaitable[object]) -> bool:
    try:
        await asyncio.wait_for(question, 3)
    except Exception:
        return False
    return True


def run(build: Callable[[], Service]) -> None:
    """`python -m services.<name>`: build, serve, stop. A territory's file that cannot be used is a line on stderr and exit code 2."""
    try:
        service = build()
    except BadTerritory as wrong:
        sys.stderr.write(f"{wrong}\n")
        raise SystemExit(2) from wrong
    log.setup(service.name, service.settings.log_level)
    _spare_the_collector()
    uvloop.run(service.serve())
