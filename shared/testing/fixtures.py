"""Fixtures of every test: one PostgreSQL, Valkey and broker a run, a database per test from a template, a topic prefix per test."""

import asyncio
import base64
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from recours.stack.ports import free_port
from recours.stack.servers import Servers
from shared.auth import Principal, TokenIssuer
from shared.db import Database
from shared.http import ServiceClient
from shared.kafka import KafkaAddress, create_topics
from shared.migrate import create_database, migrate
from shared.service import Service
from shared.testing.apache_kafka import ApacheKafka, running_apache_kafka

ISSUER = TokenIssuer.generate()
MASTER_KEY = base64.b64encode(secrets.token_bytes(32)).decode()
TERRITORY_DIR = Path(__file__).parents[2] / "deploy" / "territory" / "bievre"
_PASSWORD = secrets.token_hex(8)
# Callers and service share one process here, and the machine with other tests: how long an answer takes is not what they test.
_PATIENCE = httpx.Timeout(60.0)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The three servers of this run (of this xdist worker). Tests that kill one start `Servers()` of their own."""
    with Servers() as running:
        yield running


@pytest.fixture(scope="session")
def apache_kafka() -> Iterator[ApacheKafka]:
    """One Apache Kafka broker of this run. Left out with its reason only where it is not required."""
    with running_apache_kafka() as broker:
        yield broker


@pytest.fixture(scope="session")
def _templates() -> dict[str, str]:
    """Services whose migrated template database exists in this run."""
    return {}


MakeDatabase = Callable[..., Awaitable[Database]]


@pytest.fixture
async def make_database(servers: Servers, _templates: dict[str, str]) -> AsyncIterator[MakeDatabase]:
    """`await make_database("intake")`: a fresh, migrated database; the pool is closed after the test."""
    opened: list[Database] = []

    async def make(service: str) -> Database:
        url = await database_url(servers.postgres_admin_url, service, _templates)
        database = await Database.open(url, service=service, max_size=12)
        opened.append(database)
        return database

    yield make
    for database in opened:
        await database.close()


async def database_url(admin_url: str, service: str, templates: dict[str, str]) -> str:
    """The URL, as the service's role, of a new copy of the service's template (made and migrated the first time)."""
    if service not in templates:
        await create_database(admin_url, service, owner_password=_PASSWORD, password=_PASSWORD)
        await migrate(_url(admin_url, f"{service}_owner", service), service)
        templates[service] = service
    name = f"{service}_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(admin_url)
    try:
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{service}" OWNER "{service}_owner"')
    finally:
        await admin.close()
    return _url(admin_url, service, name)


def _url(admin_url: str, role: str, database: str) -> str:
    parts = urlsplit(admin_url)
    return urlunsplit(parts._replace(netloc=f"{role}:{_PASSWORD}@{parts.hostname}:{parts.port}", path=f"/{database}"))


@pytest.fixture
def kafka_bootstrap(servers: Servers) -> str:
    """host:port of the broker that a test uses; the delivery tests override it to run on Apache Kafka too."""
    return servers.kafka_bootstrap


@pytest.fixture
async def topic_prefix(kafka_bootstrap: str) -> str:
    """Topics of this test alone, with one partition each."""
    prefix = f"t{uuid4().hex[:10]}."
    await create_topics(KafkaAddress(kafka_bootstrap, prefix), partitions=1)
    return prefix


@dataclass
class Running:
    """A service under test, in this process but behind real sockets."""

    service: Service
    url: str
    ops_url: str
    clients: list[ServiceClient] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.service.database

    def client(
        self,
        roles: list[str],
        *,
        territory: str = "bievre",
        practitioner_id: UUID | None = None,
        sub: UUID | None = None,
        initials: str = "TT",
    ) -> "AsSomebody":
        """Calls the service as a person with these roles; each call of `client` is another person unless `sub` is given."""
        client = ServiceClient(self.url, ISSUER, self.service.name, timeout=_PATIENCE)
        self.clients.append(client)
        return AsSomebody(client, Principal(sub or uuid4(), frozenset(roles), territory, practitioner_id, initials))

    async def ops(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """A call on the operator's address."""
        async with httpx.AsyncClient(base_url=self.ops_url, trust_env=False) as client:
            answer = await client.request(method, path, **arguments)
            answer.raise_for_status()
            body: dict[str, Any] = answer.json()
            return body


@dataclass(frozen=True)
class AsSomebody:
    """A client that is always the same person."""

    client: ServiceClient
    principal: Principal

    async def get(self, path: str, **arguments: Any) -> dict[str, Any]:
        return await self.client.get(path, principal=self.principal, **arguments)

    async def post(self, path: str, **arguments: Any) -> dict[str, Any]:
        return await self.client.post(path, principal=self.principal, **arguments)

    async def put(self, path: str, **arguments: Any) -> dict[str, Any]:
        return await self.client.put(path, principal=self.principal, **arguments)

    async def delete(self, path: str, **arguments: Any) -> dict[str, Any]:
        return await self.client.delete(path, principal=self.principal, **arguments)


RunningService = Callable[..., Any]


@pytest.fixture
async def running_service(
    servers: Servers, kafka_bootstrap: str, topic_prefix: str, _templates: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> RunningService:
    """`async with running_service(build, "intake", RECOURS_X="…") as intake:` starts it on free ports with a database of its own.

    Several services of one test share the topic prefix. Give `on_database=` to start one again on the same database.
    """

    @asynccontextmanager
    async def run(build: Callable[[], Service], name: str, *, on_database: str | None = None, **environment: str) -> AsyncIterator[Running]:
        upper = name.upper()
        port, ops_port = free_port(), free_port()
        url = on_database or await database_url(servers.postgres_admin_url, name, _templates)
        for variable, value in {
            "RECOURS_ENVIRONMENT": "test",
            "RECOURS_KAFKA_BOOTSTRAP": kafka_bootstrap,
            "RECOURS_TOPIC_PREFIX": topic_prefix,
            "RECOURS_KAFKA_FETCH_WAIT_MS": "50",
            "RECOURS_REDIS_URL": servers.redis_url,
            "RECOURS_TOKEN_PUBLIC_KEY": ISSUER.public_key_b64,
            "RECOURS_TOKEN_PRIVATE_KEY": ISSUER.private_key_b64,
            "RECOURS_MASTER_KEY": MASTER_KEY,
            "RECOURS_TERRITORY_DIRS": str(TERRITORY_DIR),
            f"RECOURS_{upper}_DATABASE_URL": url,
            f"RECOURS_{upper}_HOST": "127.0.0.1",
            f"RECOURS_{upper}_PORT": str(port),
            f"RECOURS_{upper}_OPS_HOST": "127.0.0.1",
            f"RECOURS_{upper}_OPS_PORT": str(ops_port),
            **environment,
        }.items():
            monkeypatch.setenv(variable, value)
        service = build()
        async with serving(service) as running:
            yield running

    return run


@asynccontextmanager
async def serving(service: Service) -> AsyncIterator[Running]:
    """The service's two addresses, answering until the block ends."""
    servers_ = service.make_servers()
    tasks = [asyncio.create_task(server.serve()) for server in servers_]
    settings = service.settings
    running = Running(service, f"http://{settings.host}:{settings.port}", f"http://{settings.ops_host}:{settings.ops_port}")
    try:
        await eventually(lambda: all(server.started for server in servers_) or any(task.done() for task in tasks), within=30)
        for task in tasks:
            if task.done():
                task.result()
                raise RuntimeError(f"{service.name} ended at start")
        yield running
    finally:
        for client in running.clients:
            await client.close()
        for server in servers_:
            server.should_exit = True
        await asyncio.gather(*tasks)


async def eventually(condition: Callable[[], Any], *, within: float = 10.0, every: float = 0.02) -> Any:
    """The first true value of `condition` (plain or async); raises AssertionError after `within` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        if loop.time() > deadline:
            raise AssertionError("it did not happen in time")
        await asyncio.sleep(every)


@pytest.fixture
def clock_file(tmp_path: Path) -> Iterator[Path]:
    """A clock of this test's own; give its path as RECOURS_CLOCK_FILE and step it with shared.clock.ClockFile."""
    from shared import clock

    path = tmp_path / "clock"
    clock.ClockFile(path, create=True)
    yield path
    clock.use(None)


@pytest.fixture(scope="session", autouse=True)
def _no_proxy() -> None:
    os.environ["NO_PROXY"] = "127.0.0.1,localhost"
