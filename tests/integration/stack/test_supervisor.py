"""The supervisor with small real processes: watched, restarted, given up, ended, never orphaned."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from recours.stack.errors import DidNotStart
from recours.stack.process import ProcessSpec
from recours.stack.state import started_ticks
from recours.stack.supervisor import Member, RestartPolicy, Supervisor

WORKS = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text('up'); time.sleep(600)"
CRASHES = "import sys; print('no such table'); sys.exit(7)"
FIRM = "import pathlib, signal, sys, time; signal.signal(15, signal.SIG_IGN); pathlib.Path(sys.argv[1]).write_text('up'); time.sleep(600)"
QUICK = RestartPolicy(first_seconds=0.01, longest_seconds=0.02, limit=3, window_seconds=60.0)


def a_member(folder: Path, name: str, program: str = WORKS, **how: float) -> Member:
    """A process that is ready once it has written its sign."""
    sign = folder / f"{name}.up"

    def prepare() -> ProcessSpec:
        sign.unlink(missing_ok=True)
        return ProcessSpec(name, [sys.executable, "-S", "-c", program, str(sign)], folder / f"{name}.log", sign.exists, **how)  # type: ignore[arg-type]

    return Member(name, prepare)


@pytest.fixture
async def said() -> list[str]:
    return []


@pytest.fixture
async def supervisor(said: list[str]) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(said.append, policy=QUICK)
    yield supervisor
    await supervisor.stop()


async def until(condition: Callable[[], bool], within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)


async def test_a_killed_process_comes_back_as_another_one(supervisor: Supervisor, said: list[str], tmp_path: Path) -> None:
    await supervisor.start([a_member(tmp_path, "intake")])

    died = supervisor.kill("intake")
    await supervisor.until_ready("intake")

    (state,) = supervisor.states()
    assert (state.condition, state.restarts) == ("ready", 1)
    assert state.pid != died and state.is_alive()
    assert said[0].startswith("intake ended (signal SIGKILL): restart 1")


async def test_a_process_that_always_crashes_is_given_up_with_its_last_words(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    await supervisor.start([a_member(tmp_path, "intake", WORKS)])
    broken = a_member(tmp_path, "intake", CRASHES)
    supervisor._kept["intake"].member = broken  # the release that replaced it is bad

    supervisor.kill("intake")
    with pytest.raises(DidNotStart, match="intake failed"):
        await supervisor.until_ready("intake")

    assert supervisor.states()[0].condition == "failed"
    assert "is not restarted any more" in said[-1] and "no such table" in said[-1]


async def test_a_process_that_never_starts_is_refused_with_its_last_words_and_its_companions_end(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    with pytest.raises(DidNotStart, match=r"intake ended at start \(exit code 7\)[\s\S]*no such table"):
        await supervisor.start([a_member(tmp_path, "console"), a_member(tmp_path, "intake", CRASHES)])

    await supervisor.stop()
    assert not any(state.is_alive() for state in supervisor.states())


async def test_a_process_stopped_on_purpose_stays_stopped_until_started_again(supervisor: Supervisor, tmp_path: Path) -> None:
    await supervisor.start([a_member(tmp_path, "kafka"), a_member(tmp_path, "intake")])

    await supervisor.stop(["kafka"])
    stopped = {state.name: state.condition for state in supervisor.states()}
    await supervisor.start_again("kafka")

    assert stopped == {"kafka": "stopped", "intake": "ready"}
    assert {state.name: (state.condition, state.restarts) for state in supervisor.states()}["kafka"] == ("ready", 0)


async def test_a_process_that_ignores_sigterm_is_ended_by_force(supervisor: Supervisor, tmp_path: Path) -> None:
    await supervisor.start([a_member(tmp_path, "firm", FIRM, stop_timeout_seconds=0.2)])
    (state,) = supervisor.states()

    await supervisor.stop()

    assert not state.is_alive()


async def test_a_stop_in_the_middle_of_a_restart_leaves_nothing(supervisor: Supervisor, tmp_path: Path) -> None:
    await supervisor.start([a_member(tmp_path, "intake")])
    supervisor.kill("intake")
    await until(lambda: supervisor.states()[0].condition != "ready")

    await supervisor.stop()

    assert supervisor.states()[0].condition == "stopped"
    assert not supervisor.states()[0].is_alive()


PARENT = """
import pathlib, sys, time
from recours.stack.process import ProcessSpec, launch
folder = pathlib.Path(sys.argv[1])
spec = ProcessSpec("child", [sys.executable, "-S", "-c", "import time; time.sleep(600)"], folder / "child.log", lambda: True)
print(launch(spec).pid, flush=True)
time.sleep(600)
"""


def test_a_supervisor_killed_with_minus_nine_leaves_no_orphan(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert started_ticks(child) is not None

        os.kill(parent.pid, signal.SIGKILL)

    deadline = time.monotonic() + 5
    while started_ticks(child) is not None:
        assert time.monotonic() < deadline, "an orphan goes on"
        time.sleep(0.01)


async def test_a_process_that_could_not_work_is_waited_for_and_not_given_up(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    full = [True]
    member = a_member(tmp_path, "postgres")
    await supervisor.start([Member(member.name, member.prepare, why_wait=lambda: "the disk is full" if full[0] else None)])

    supervisor.kill("postgres")
    await until(lambda: "postgres waits: the disk is full" in said)
    assert [(state.condition, state.detail) for state in supervisor.states()] == [("restarting", "the disk is full")]
    full.clear()
    full.append(False)
    await supervisor.until_ready("postgres")
    assert supervisor.states()[0].restarts == 1
