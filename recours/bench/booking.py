"""Bookings through scheduling's HTTP API, against the identical transaction under pgbench.

The service is one real process, and then several as Kubernetes runs them, on a durable PostgreSQL, with the broker and the relay at
work. pgbench runs the very statements that the service was seen to send for one booking, prepared, on as many connections, on a copy of
the same database. They take turns, so that a machine that gets slower meets all.
"""

import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from recours.bench import machine
from recours.bench.booking_agenda import CLOCK_STARTS_AT, TERRITORY, Agenda
from recours.bench.booking_script import Script, make_script, read_log, usual
from recours.stack import wheels
from recours.stack.environment import PROJECT
from recours.stack.errors import StackError
from recours.stack.launcher import is_healthy
from recours.stack.ports import HOST, free_port
from recours.stack.process import ProcessSpec, end, launch, wait_ready
from recours.stack.servers import Servers
from shared.auth import Principal, TokenIssuer
from shared.clock import ClockFile
from shared.db import Connection
from shared.events.intake import RequestQualified
from shared.ids import new_id
from shared.kafka import KafkaAddress, create_topics
from shared.migrate import create_database, migrate

TARGET_RATIO = 0.35
"""design.md, Targets."""

_SERVICE, _COPY = "scheduling", "scheduling_pgbench"
_PASSWORD = "bench"  # noqa: S105  # a temporary server on the loopback
_WATCHED_BOOKINGS = 6
_DRAIN_SECONDS = 120.0
_WRITTEN = """
    SELECT (SELECT count(*) FROM request) AS request, (SELECT count(*) FROM period) AS period,
           (SELECT count(*) FROM appointment) AS appointment, (SELECT count(*) FROM slot WHERE blocked_until = 'infinity') AS slot,
           (SELECT count(*) FROM outbox) AS outbox, (SELECT count(*) FROM idempotency_key) AS idempotency_key
"""
_ENDS_AT = CLOCK_STARTS_AT.replace(month=4)


@dataclass(frozen=True)
class Size:
    """How much is prepared, and how long each turn lasts."""

    connections: int = 8
    processes: int = 2
    seconds: float = 10.0
    turns: int = 3
    warm_up_seconds: float = 2.0
    practitioners: int = 200
    weeks: int = 4


def measure(size: Size) -> dict[str, Any]:
    """Prepare, look at what a booking sends, then let the sides take turns. Raises StackError when a booking is refused."""
    limits = machine.describe()
    with Servers(durable=True) as servers:
        bench = _Bench(size, servers)
        asyncio.run(bench.prepare())
        with bench.service():
            script = asyncio.run(bench.watch())
            bench.pgbench(script, size.warm_up_seconds)
            rounds = [bench.round(script) for _ in range(size.turns)]
        written = asyncio.run(bench.written())
    pgbench_per_second = statistics.fmean(each.pgbench_per_second for each in rounds)
    return {
        "processes": size.processes,
        **_figures([each.deployment for each in rounds], pgbench_per_second),
        "pgbench_per_second": round(pgbench_per_second, 1),
        "target_ratio": TARGET_RATIO,
        "one_process": _figures([each.one_process for each in rounds], pgbench_per_second),
        "turns": [
            {
                "per_second": round(each.deployment.per_second, 1),
                "one_process_per_second": round(each.one_process.per_second, 1),
                "pgbench_per_second": round(each.pgbench_per_second, 1),
            }
            for each in rounds
        ],
        "connections": size.connections,
        "seconds_per_turn": size.seconds,
        "statements_per_booking": len(script.statements),
        "statements": list(script.statements),
        "rows_per_booking": written,
        "slots": bench.agenda.slots,
        "machine": limits,
    }


@dataclass(frozen=True)
class _Turn:
    per_second: float
    milliseconds: list[float]


@dataclass(frozen=True)
class _Round:
    """One turn of each. `deployment` is `one_process` when no more than one is asked for."""

    pgbench_per_second: float
    one_process: _Turn
    deployment: _Turn


def _figures(turns: Sequence[_Turn], pgbench_per_second: float) -> dict[str, float]:
    milliseconds = sorted(ms for turn in turns for ms in turn.milliseconds)
    per_second = statistics.fmean(turn.per_second for turn in turns)
    return {
        "per_second": round(per_second, 1),
        "ratio": round(per_second / pgbench_per_second, 3),
        "p50_ms": _quantile(milliseconds, 0.5),
        "p99_ms": _quantile(milliseconds, 0.99),
    }


class _Bench:
    """The servers, the service's processes and how far the numbers of each side have come."""

    def __init__(self, size: Size, servers: Servers) -> None:
        self.agenda = Agenda(size.practitioners, size.weeks)
        self._size, self._servers = size, servers
        self._issuer = TokenIssuer.generate()
        self._ports: list[int] = []  # where the processes that run now listen
        self._next_booking = self._next_pgbench = 0
        self._booked = self._pgbenched = 0

    async def prepare(self) -> None:
        """The migrated database with its agenda, its copy for pgbench, the topics and the clock."""
        admin_url = self._servers.postgres_admin_url
        await create_database(admin_url, _SERVICE, owner_password=_PASSWORD, password=_PASSWORD)
        await migrate(self._url(f"{_SERVICE}_owner", _SERVICE), _SERVICE)
        owner = await asyncpg.connect(self._url(f"{_SERVICE}_owner", _SERVICE), command_timeout=600)
        try:
            await self.agenda.prepare(owner)
            await owner.execute("VACUUM (ANALYZE)")
        finally:
            await owner.close()
        admin = await asyncpg.connect(admin_url, command_timeout=600)
        try:
            await admin.execute(f"CREATE DATABASE {_COPY} TEMPLATE {_SERVICE} OWNER {_SERVICE}_owner")
            # With the parameters, for `watch`; what the server's own settings say never to log is fictitious here.
            await admin.execute(f"ALTER DATABASE {_SERVICE} SET log_error_verbosity = 'default'")
        finally:
            await admin.close()
        await create_topics(KafkaAddress(self._servers.kafka_bootstrap, ""), partitions=3)
        ClockFile(self._clock_file, create=True).run_from(CLOCK_STARTS_AT)

    @contextmanager
    def service(self) -> Iterator[None]:
        """One more `python -m services.scheduling` than run already, as the supervisor runs it."""
        folder = self._servers.data_dir
        name, port, ops_port = f"{_SERVICE}-{len(self._ports)}", free_port(), free_port()
        spec = ProcessSpec(
            name=name, command=[sys.executable, "-m", f"services.{_SERVICE}"], log=folder / "logs" / f"{name}.log",
            ready=lambda: is_healthy(ops_port), environment=self._environment(port, ops_port),
        )  # fmt: skip
        child = launch(spec)
        try:
            wait_ready(spec, child)
            self._ports.append(port)
            yield
        finally:
            self._ports = [known for known in self._ports if known != port]
            end(spec, child)

    def round(self, script: Script) -> _Round:
        """pgbench, the first process alone, then with the others; these run during their turn only."""
        pgbench_per_second = self.pgbench(script, self._size.seconds)
        one_process = self.book()
        if self._size.processes == 1:
            return _Round(pgbench_per_second, one_process, one_process)
        with ExitStack() as others:
            for _ in range(self._size.processes - 1):
                others.enter_context(self.service())
            return _Round(pgbench_per_second, one_process, self.book())

    async def watch(self) -> Script:
        """What one booking sends to PostgreSQL, as a pgbench script. The first bookings of a connection also prepare statements."""
        first = self._next_booking
        self._load(30.0, at_most=_WATCHED_BOOKINGS * self._size.connections, connections=self._size.connections)
        log = self._servers.data_dir / "logs" / "postgres.log"
        admin = await asyncpg.connect(self._servers.postgres_admin_url)
        try:
            await _log_statements(admin, "all")
            start = log.stat().st_size
            first = self._next_booking
            self._load(30.0, at_most=_WATCHED_BOOKINGS, connections=1)
            await _log_statements(admin, "none")
        finally:
            await admin.close()
        with log.open(encoding="utf-8") as written:
            written.seek(start)
            bookings = read_log(written.read(), [self.agenda.booking(number).key for number in range(first, self._next_booking)])
        copy = await asyncpg.connect(self._url(_SERVICE, _COPY))
        try:
            return await make_script(copy, self.agenda, *usual(bookings))
        finally:
            await copy.close()

    def book(self) -> _Turn:
        """One turn of the HTTP API, warm; returns once the relay has published what was booked, so that it leaves the others alone."""
        self._load(self._size.warm_up_seconds, at_most=self._left(), connections=self._size.connections)
        asyncio.run(self._drained())
        asyncio.run(self._checkpoint())
        answer = self._load(self._size.seconds, at_most=self._left(), connections=self._size.connections)
        asyncio.run(self._drained())
        return _Turn(len(answer["milliseconds"]) / answer["seconds"], answer["milliseconds"])

    def _left(self) -> int:
        return self.agenda.slots - self._next_booking

    def pgbench(self, script: Script, seconds: float) -> float:
        """One turn of pgbench: transactions a second."""
        asyncio.run(self._checkpoint())
        share = self.agenda.slots // (self._size.turns + 1)
        file = self._servers.data_dir / "booking.sql"
        file.write_text(script.text, encoding="utf-8")
        given = {**script.variables, "n": "-1", "first": str(self._next_pgbench), "clients": str(self._size.connections)}
        command = [
            str(wheels.postgres_home() / "bin" / "pgbench"), "--no-vacuum", "-M", "prepared", "-j", "1",
            "-c", str(self._size.connections), "-T", str(max(1, round(seconds))), "-f", str(file),
            *(part for name, value in given.items() for part in ("-D", f"{name}={value}")),
            self._url(_SERVICE, _COPY),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        counted = re.search(r"actually processed: (\d+)", done.stdout)
        rate = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
        if done.returncode != 0 or counted is None or rate is None:
            raise StackError(f"pgbench ended with {done.returncode}: {done.stderr[-500:]}")
        if int(counted[1]) > share:
            raise StackError("pgbench took more slots than were prepared: prepare more weeks or take shorter turns")
        self._next_pgbench += share
        self._pgbenched += int(counted[1])
        return float(rate[1])

    async def written(self) -> dict[str, float]:
        """Rows per booking in the tables that a booking writes; the same on both sides, or StackError."""
        sides = []
        for name, count in ((_SERVICE, self._booked), (_COPY, self._pgbenched)):
            database = await asyncpg.connect(self._url(_SERVICE, name))
            try:
                rows = await database.fetchrow(_WRITTEN)
                assert rows is not None
                sides.append({table: rows[table] / count for table in rows.keys()})  # noqa: SIM118  # a Record iterates over its values
            finally:
                await database.close()
        if sides[0] != sides[1]:
            raise StackError(f"a booking writes other rows than its pgbench script: {sides}")
        return sides[0]

    def _load(self, seconds: float, *, at_most: int, connections: int) -> dict[str, Any]:
        order = {
            "host": HOST, "ports": self._ports, "token": self._token(), "body": _body(), "practitioners": self.agenda.practitioners,
            "weeks": self.agenda.weeks, "connections": connections, "seconds": seconds, "first": self._next_booking, "at_most": at_most,
        }  # fmt: skip
        command = [sys.executable, "-m", "recours.bench.booking_load"]
        done = subprocess.run(command, input=json.dumps(order), capture_output=True, text=True, check=False, cwd=PROJECT)
        if done.returncode != 0:
            raise StackError(f"the load ended with {done.returncode}: {done.stderr[-500:]}")
        answer: dict[str, Any] = json.loads(done.stdout)
        if answer["refused"]:
            raise StackError(f"a booking was refused: {answer['refused'][0]}")
        self._next_booking += len(answer["milliseconds"])
        self._booked += len(answer["milliseconds"])
        return answer

    async def _checkpoint(self) -> None:
        admin = await asyncpg.connect(self._servers.postgres_admin_url)
        try:
            await admin.execute("CHECKPOINT")
        finally:
            await admin.close()

    async def _drained(self) -> None:
        database = await asyncpg.connect(self._url(_SERVICE, _SERVICE))
        try:
            until = time.monotonic() + _DRAIN_SECONDS
            while await database.fetchval("SELECT EXISTS (SELECT 1 FROM outbox WHERE published_at IS NULL)"):
                if time.monotonic() > until:
                    raise StackError("the relay did not publish what was booked")
                await asyncio.sleep(0.05)
        finally:
            await database.close()

    def _token(self) -> str:
        secretary = Principal(new_id(), frozenset({"secretary"}), TERRITORY, initials="BC")
        return self._issuer.issue(secretary, _SERVICE, lifetime_seconds=3600)

    @property
    def _clock_file(self) -> Path:
        return self._servers.data_dir / "clock"

    def _url(self, role: str, database: str) -> str:
        parts = urlsplit(self._servers.postgres_admin_url)
        return urlunsplit(parts._replace(netloc=f"{role}:{_PASSWORD}@{parts.hostname}:{parts.port}", path=f"/{database}"))

    def _environment(self, port: int, ops_port: int) -> dict[str, str]:
        own = {
            "ENVIRONMENT": "embedded", "KAFKA_BOOTSTRAP": self._servers.kafka_bootstrap, "REDIS_URL": self._servers.redis_url,
            "TOKEN_PUBLIC_KEY": self._issuer.public_key_b64, "CLOCK_FILE": str(self._clock_file),
            "TERRITORY_DIRS": str(PROJECT / "deploy" / "territory" / "bievre"), "SCHEDULING_DATABASE_URL": self._url(_SERVICE, _SERVICE),
            "SCHEDULING_PORT": str(port), "SCHEDULING_OPS_PORT": str(ops_port),
        }  # fmt: skip
        return {name: value for name in ("PATH", "HOME") if (value := os.environ.get(name))} | {f"RECOURS_{n}": v for n, v in own.items()}


async def _log_statements(admin: Connection, which: str) -> None:
    """From the next statement of each connection on."""
    await admin.execute(f"ALTER SYSTEM SET log_statement = '{which}'")
    await admin.execute("SELECT pg_reload_conf()")


def _body() -> str:
    """The body of a booking with places for the ids. A dozen fields, as the console sends them."""
    qualified = RequestQualified(
        territory_id=TERRITORY, version=5, occurred_at=CLOCK_STARTS_AT, request_id=new_id(), patient_id=new_id(), urgency="planned",
        reason="Q03", modes=["surgery", "teleconsultation"], earliest=CLOCK_STARTS_AT, see_by=_ENDS_AT, contract_deadline=_ENDS_AT,
        commune="94016", age_band="18-69y", flags=["isolated"], without_mt=True, allocation="assisted", assist_until=CLOCK_STARTS_AT,
        protocol="demo 1",
    )  # fmt: skip
    content = qualified.model_dump(mode="json", exclude_none=True) | {"request_id": "<REQUEST>", "patient_id": "<PATIENT>"}
    return json.dumps({"request_id": "<REQUEST>", "slot_id": "<SLOT>", "qualified": content}, separators=(",", ":"))


def _quantile(ordered: list[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 1)


def table(measured: dict[str, Any]) -> str:
    """The figures beside their target, and the machine they are of."""
    limits, alone = measured["machine"], measured["one_process"]
    several = f"{measured['processes']} processes" if measured["processes"] > 1 else "1 process"
    row = "  {:<38} {:>10} {:>12} {:>10}"
    return "\n".join(
        [
            f"{limits['processor']}, {limits['cores']} cores, {limits['memory_bytes'] / 1e9:.0f} GB, load before {limits['load_1_minute']}",
            f"{measured['connections']} connections, {len(measured['turns'])} turns of {measured['seconds_per_turn']:g} s each, "
            f"{measured['statements_per_booking']} statements a booking, {measured['slots']} slots",
            row.format("", "1 process", several, "target"),
            row.format("bookings a second over HTTP", f"{alone['per_second']:.0f}", f"{measured['per_second']:.0f}", ""),
            row.format("the same transaction under pgbench", *[f"{measured['pgbench_per_second']:.0f}"] * 2, ""),
            row.format("ratio", f"{alone['ratio']:.2f}", f"{measured['ratio']:.2f}", f">= {measured['target_ratio']}"),
            row.format("answer p50 / p99 (ms)", *(f"{side['p50_ms']:.0f} / {side['p99_ms']:.0f}" for side in (alone, measured)), ""),
        ]
    )
