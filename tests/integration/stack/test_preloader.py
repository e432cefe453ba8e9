"""Processes forked by the preloader behave like processes started afresh."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recours.stack import forking
from recours.stack.errors import DidNotStart
from recours.stack.forking import Preloader
from recours.stack.process import Child, ProcessSpec, launch, wait_gone
from recours.stack.state import started_ticks
from recours.stack.supervisor import Member, Supervisor

PROJECT = str(Path(__file__).parents[3])


@pytest.fixture
async def preloader(tmp_path: Path) -> AsyncIterator[Preloader]:
    """A running preloader under a supervisor."""
    preloader = Preloader(tmp_path / "preloader.log", {"PYTHONPATH": f"{PROJECT}:{tmp_path}", "PATH": os.defpath})
    supervisor = Supervisor(lambda _: None)
    await supervisor.start([Member(forking.NAME, preloader.prepare)])
    yield preloader
    await supervisor.stop()
    preloader.close()


def a_program(folder: Path, name: str, text: str, *arguments: str, **environment: str) -> ProcessSpec:
    """A module that only this test knows."""
    (folder / f"{name}.py").write_text(text)
    return ProcessSpec(name, [sys.executable, "-m", name], folder / f"{name}.log", lambda: True, [name, *arguments], environment)


async def ended(child: Child) -> int | None:
    await asyncio.to_thread(wait_gone, child, 10.0)
    return child.poll()


async def test_a_forked_program_has_its_own_arguments_environment_and_log(preloader: Preloader, tmp_path: Path) -> None:
    spec = a_program(tmp_path, "shows", "import os, sys; print(sys.argv[1:], sorted(os.environ), __name__)", "one", TERRITORY="bievre")

    child = preloader.launch(spec)

    assert await ended(child) == 0
    assert spec.log.read_text() == "['one'] ['TERRITORY'] __main__\n"


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit('no key')", 1, "no key"),
        ("raise ValueError('bad')", 1, "ValueError: bad"),
    ],
)
async def test_its_end_is_told_as_its_own(preloader: Preloader, tmp_path: Path, text: str, code: int, words: str) -> None:
    spec = a_program(tmp_path, "ends", text)

    assert await ended(preloader.launch(spec)) == code
    assert words in spec.log.read_text()


async def test_a_kill_is_told_as_a_signal(preloader: Preloader, tmp_path: Path) -> None:
    child = preloader.launch(a_program(tmp_path, "sleeps", "import time; time.sleep(600)"))

    child.send_signal(signal.SIGKILL)

    assert await ended(child) == -signal.SIGKILL


async def test_when_the_preloader_dies_its_children_die_and_the_next_one_serves(tmp_path: Path) -> None:
    preloader = Preloader(tmp_path / "preloader.log", {"PYTHONPATH": f"{PROJECT}:{tmp_path}", "PATH": os.defpath})
    supervisor = Supervisor(lambda _: None)
    await supervisor.start([Member(forking.NAME, preloader.prepare)])
    sleeps = a_program(tmp_path, "sleeps", "import time; time.sleep(600)")
    try:
        child = preloader.launch(sleeps)
        ticks = started_ticks(child.pid)

        supervisor.kill(forking.NAME)

        assert await ended(child) == -signal.SIGKILL
        await asyncio.wait_for(supervisor.until_ready(forking.NAME), 30)
        assert started_ticks(child.pid) != ticks
        again = preloader.launch(sleeps)
        assert again.poll() is None
        again.send_signal(signal.SIGTERM)
        assert await ended(again) == -signal.SIGTERM
    finally:
        await supervisor.stop()
        preloader.close()


async def test_without_a_preloader_a_start_is_refused_not_hung(tmp_path: Path) -> None:
    preloader = Preloader(tmp_path / "preloader.log", {})

    with pytest.raises(DidNotStart, match="preloader is not there"):
        preloader.launch(a_program(tmp_path, "sleeps", "import time; time.sleep(600)"))


def test_a_preloader_without_its_supervisor_leaves(tmp_path: Path) -> None:
    preloader = Preloader(tmp_path / "preloader.log", {"PYTHONPATH": PROJECT, "PATH": os.defpath})
    process = launch(preloader.prepare())
    preloader.wait_ready()

    preloader.close()

    assert wait_gone(process, 10.0)
