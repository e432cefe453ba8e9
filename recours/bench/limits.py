"""What this machine can do at most: a bare producer, a bare INSERT, a bare fsync. The other figures are read beside these."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from aiokafka import AIOKafkaProducer

from recours.bench import machine
from recours.bench.broker import Broker, name, running
from recours.stack.servers import Servers
from shared.kafka import KafkaAddress, create_topics

_BODY = b"x" * 350  # a fact of ours
_PAGE = b"x" * 8192  # PostgreSQL writes its log by the page
_TOPIC = "intake.requests"
_WRITERS = 8
_BURST = 2_000
_INSERT = "INSERT INTO limit_of_sql (id, body) VALUES ($1, $2)"


async def measure(seconds: float, brokers: tuple[Broker, ...]) -> dict[str, Any]:
    """Each limit for that long. Raises StackError where a broker cannot run."""
    limits = machine.describe()
    producer = {}
    with Servers(durable=True) as servers:
        alone = await _inserts(servers.postgres_admin_url, 1, seconds)
        together = await _inserts(servers.postgres_admin_url, _WRITERS, seconds)
        synced = _syncs(servers.data_dir, seconds)
        for broker in brokers:
            async with running(broker) as kafka:
                bootstrap = servers.kafka_bootstrap if kafka is None else kafka.bootstrap
                producer[name(broker)] = await _records(KafkaAddress(bootstrap), seconds)
    return {
        "producer_per_second": producer,
        "sql_inserts_per_second": {"1": alone, str(_WRITERS): together},
        "disk_syncs_per_second": synced,
        "body_bytes": len(_BODY),
        "seconds": seconds,
        "machine": limits,
    }


async def _records(address: KafkaAddress, seconds: float) -> int:
    """Confirmed records a second, acks=all, as many in flight as the client allows."""
    await create_topics(address, partitions=3)
    client = AIOKafkaProducer(bootstrap_servers=address.bootstrap, acks="all", linger_ms=5)
    await client.start()
    try:
        return await _per_second(seconds, lambda: _burst(client))
    finally:
        await client.stop()


async def _burst(client: AIOKafkaProducer) -> int:
    sent = [await client.send(_TOPIC, _BODY, key=str(number).encode()) for number in range(_BURST)]
    await asyncio.gather(*sent)
    return len(sent)


async def _inserts(url: str, writers: int, seconds: float) -> int:
    """Committed transactions of one prepared INSERT a second, each waiting for the disk."""
    pool = await asyncpg.create_pool(url, min_size=writers, max_size=writers)
    try:
        await pool.execute("DROP TABLE IF EXISTS limit_of_sql")
        await pool.execute("CREATE TABLE limit_of_sql (id uuid PRIMARY KEY, body bytea NOT NULL)")

        async def write() -> int:
            async with pool.acquire() as connection:
                return await _per_second(seconds, lambda: _insert(connection))

        return sum(await asyncio.gather(*(write() for _ in range(writers))))
    finally:
        await pool.close()


async def _insert(connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]") -> int:
    await connection.execute(_INSERT, uuid4(), _BODY)
    return 1


async def _per_second(seconds: float, once: Callable[[], Awaitable[int]]) -> int:
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        count += await once()
    return round(count / (time.perf_counter() - began))


def _syncs(beside: Path, seconds: float) -> int:
    """Pages written and synced a second, one after the other, on the disk that holds `beside`."""
    folder = Path(tempfile.mkdtemp(prefix="recours-sync-", dir=beside))
    file = os.open(folder / "pages", os.O_CREAT | os.O_WRONLY)
    try:
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            os.write(file, _PAGE)
            os.fdatasync(file)
            count += 1
        return round(count / (time.perf_counter() - began))
    finally:
        os.close(file)
        shutil.rmtree(folder, ignore_errors=True)


def table(measured: dict[str, Any]) -> str:
    """The limits, and the machine they are of."""
    rows = [(f"producer, {broker} (records/s)", f"{count}", "") for broker, count in measured["producer_per_second"].items()]
    rows += [(f"INSERT and commit, {n} at once (tx/s)", f"{count}", "") for n, count in measured["sql_inserts_per_second"].items()]
    rows.append(("8 KB written and synced (fdatasync/s)", f"{measured['disk_syncs_per_second']}", ""))
    return machine.table(measured["machine"], rows)
