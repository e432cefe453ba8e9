"""The embedded stack's servers, supervised for real; services have their own tests."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio as redis
from aiokafka.admin import AIOKafkaAdminClient

from recours.commands.status import describe
from recours.stack.environment import Access
from recours.stack.errors import AlreadyRunning, StackError
from recours.stack.lock import Lock, end_remains, holder
from recours.stack.ports import Ports, free_base
from recours.stack.stack import Stack, TemporaryStack, sweep_abandoned
from recours.stack.state import ProcessState, StackState, started_ticks
from shared.events.registry import TOPICS
from shared.kafka import read_cluster_id

SUPERVISE = """
import asyncio, pathlib, sys
from recours.stack.ports import Ports
from recours.stack.stack import Stack
async def main():
    await Stack(pathlib.Path(sys.argv[1]), Ports(int(sys.argv[2])), services=[], load=False, durable=False).start()
    print("ready", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's own folder, which PostgreSQL's account may not enter when the tests run as root."""
    with tempfile.TemporaryDirectory(prefix="recours-test-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def a_stack(folder: Path, ports: Ports, said: list[str] | None = None) -> Stack:
    """The servers only, on that folder."""
    return Stack(folder, ports, services=[], load=False, durable=False, say=(said if said is not None else []).append)


async def test_what_was_written_is_there_after_a_stop_and_a_start(folder: Path) -> None:
    ports = free_base()
    first = a_stack(folder, ports)
    await first.start()
    database = await asyncpg.connect(first.access.postgres_admin_url)
    await database.execute("CREATE TABLE kept AS SELECT 48 AS hours")
    await database.close()
    await first.stop()

    second = a_stack(folder, ports)
    await second.start()
    try:
        database = await asyncpg.connect(second.access.postgres_admin_url)
        assert await database.fetchval("SELECT hours FROM kept") == 48
        await database.close()
    finally:
        await second.stop()


async def test_each_killed_server_comes_back_and_the_broker_with_its_topics_under_another_identity() -> None:
    async with TemporaryStack(services=[], load=False, durable=False) as stack:
        before = await read_cluster_id(stack.access.kafka_bootstrap)

        for server in ("kafka", "valkey", "postgres"):
            stack.kill(server)
            await asyncio.wait_for(stack.until_ready(server), 30)

        assert await read_cluster_id(stack.access.kafka_bootstrap) != before
        admin = AIOKafkaAdminClient(bootstrap_servers=stack.access.kafka_bootstrap)
        await admin.start()
        assert set(TOPICS) <= set(await admin.list_topics())
        await admin.close()
        valkey = redis.from_url(stack.access.redis_url)
        assert await valkey.ping()
        await valkey.aclose()
        database = await asyncpg.connect(stack.access.postgres_admin_url)
        assert await database.fetchval("SHOW server_encoding") == "UTF8"
        await database.close()


async def test_a_wrong_password_opens_neither_the_database_nor_valkey() -> None:
    async with TemporaryStack(services=[], load=False, durable=False) as stack:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(stack.access.postgres_admin_url.replace("postgres:", "postgres:x", 1))
        valkey = redis.from_url(stack.access.redis_url.replace("://:", "://:x"))
        with pytest.raises(redis.AuthenticationError):
            await valkey.ping()
        await valkey.aclose()


async def test_a_second_stack_on_the_same_folder_is_refused_and_the_first_goes_on(folder: Path) -> None:
    first = a_stack(folder, free_base())
    await first.start()
    try:
        with pytest.raises(AlreadyRunning, match="recours down"):
            await a_stack(folder, free_base()).start()

        assert describe(folder)["running"]
        access = Access.of_running(folder)
        assert access is not None and access.ports == first.ports
        assert all(process["healthy"] for process in describe(folder)["processes"])
    finally:
        await first.stop()
    assert describe(folder) == {"running": False, "data_dir": str(folder)}


async def test_a_taken_port_is_refused_before_anything_is_written_to_the_database(folder: Path) -> None:
    ports = free_base()
    first = a_stack(folder / "one", ports)
    await first.start()
    try:
        with pytest.raises(StackError, match=rf"port taken: .*{ports.server('postgres')} \(for postgres\)"):
            await a_stack(folder / "two", ports).start()
    finally:
        await first.stop()
    assert not (folder / "two" / "postgres").exists()
    assert holder(folder / "two") is None


async def test_after_a_kill_of_the_supervisor_nothing_is_left_and_the_next_start_says_so(folder: Path) -> None:
    ports = free_base()
    pid, state = await asyncio.to_thread(_start_and_kill, folder, ports)

    said: list[str] = []
    again = a_stack(folder, ports, said)
    await again.start()
    try:
        assert said[0].startswith(f"stale lock: the former stack (pid {pid}) ended without stopping its processes")
        assert not any(process.is_alive() for process in state.processes)
    finally:
        await again.stop()


def _start_and_kill(folder: Path, ports: Ports) -> tuple[int, StackState]:
    """A stack in a process of its own, killed as soon as it is ready. Its pid and last words."""
    with subprocess.Popen([sys.executable, "-c", SUPERVISE, str(folder), str(ports.base)], stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        said = killed.stdout.readline()
        state = StackState.read(folder)
        killed.send_signal(signal.SIGKILL)
    assert said == "ready\n" and state is not None
    assert {process.name for process in state.processes if process.pid} == {"preloader", "postgres", "valkey", "kafka"}
    return killed.pid, state


def test_a_temporary_stack_whose_owner_was_killed_is_swept_by_the_next_one(folder: Path) -> None:
    killed, leaving, living = (folder / f"recours-stack-{name}" for name in ("killed", "leaving", "living"))
    for one in (killed, leaving, living):
        one.mkdir()
    (killed / "stack.lock").write_text("4242\n")
    (leaving / "stack.lock").write_text("")
    lock = Lock(living)
    lock.acquire()

    assert sweep_abandoned(folder) == [killed]

    assert not killed.exists() and leaving.exists() and living.exists()
    lock.release()


def test_processes_that_outlive_their_supervisor_are_ended_by_the_next_one() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"]) as left:
        process = ProcessState("intake", left.pid, "ready", started_ticks=started_ticks(left.pid) or 0)

        assert end_remains([process]) == ["intake"]

        assert not process.is_alive()


def test_a_later_process_with_the_same_pid_is_not_taken_for_ours() -> None:
    assert not ProcessState("intake", os.getpid(), "ready", started_ticks=1).is_alive()


def test_ctrl_c_during_the_start_leaves_nothing(folder: Path) -> None:
    environment = {**os.environ, "RECOURS_DATA_DIR": str(folder), "RECOURS_PORT_BASE": str(free_base().base)}
    with subprocess.Popen([sys.executable, "-m", "recours", "up"], env=environment, stderr=subprocess.PIPE, text=True) as starting:
        assert starting.stderr is not None
        deadline = time.monotonic() + 30
        while (state := StackState.read(folder)) is None or not any(process.is_alive() for process in state.processes):
            assert time.monotonic() < deadline and starting.poll() is None
            time.sleep(0.01)

        starting.send_signal(signal.SIGINT)
        said = starting.stderr.read()

    assert starting.returncode == 130
    assert said.endswith("stopped before it was ready\n")
    assert not any(process.is_alive() for process in state.processes)
    assert holder(folder) is None


def test_commands_without_a_stack_say_so(folder: Path) -> None:
    environment = {**os.environ, "RECOURS_DATA_DIR": str(folder), "RECOURS_PORT_BASE": str(free_base().base)}

    def recours(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([sys.executable, "-m", "recours", *arguments], env=environment, capture_output=True, text=True, check=False)

    assert recours("status", "--json").returncode == 3
    assert recours("down").returncode == 0
    assert "no command 'upp'" in recours("upp").stderr
