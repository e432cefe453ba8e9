"""The commands on a whole running stack, as an operator types them."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from recours.commands.status import describe
from recours.stack.ports import SERVICES, free_base
from recours.stack.state import StackState


@dataclass(frozen=True)
class Operator:
    """Types `recours …` for one data folder."""

    folder: Path
    environment: dict[str, str]

    def recours(self, *arguments: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "recours", *arguments]
        return subprocess.run(command, env=self.environment, input=typed, capture_output=True, text=True, timeout=150, check=False)

    def process(self, name: str) -> dict[str, Any]:
        """One process as `recours status` would show it."""
        (found,) = [process for process in describe(self.folder)["processes"] if process["name"] == name]
        return dict(found)


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    """One stack for the module, started and stopped by the commands themselves."""
    with tempfile.TemporaryDirectory(prefix="recours-test-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        operator = Operator(folder, {**os.environ, "RECOURS_DATA_DIR": str(folder), "RECOURS_PORT_BASE": str(free_base().base)})
        started = operator.recours("up", "--detach")
        assert started.returncode == 0, started.stderr
        assert "secretaire1" in started.stdout and "http://127.0.0.1:" in started.stdout
        state = StackState.read(folder)
        assert state is not None
        yield operator
        stopped = operator.recours("down")
        assert stopped.returncode == 0, stopped.stderr
        assert not any(process.is_alive() for process in state.processes)


pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


def test_every_process_is_healthy_and_the_console_answers(operator: Operator) -> None:
    status = json.loads(operator.recours("status", "--json").stdout)

    assert {process["name"] for process in status["processes"] if process["healthy"]} == {
        "preloader", "postgres", "valkey", "kafka", *SERVICES,
    }  # fmt: skip
    with urllib.request.urlopen(status["urls"]["console"] + "/connexion", timeout=10) as page:
        assert page.status == 200
    assert status["ready_seconds"] > 0
    assert 0 < status["proportional_bytes"] < status["resident_bytes"]


def test_a_killed_service_is_back_by_itself(operator: Operator) -> None:
    before = operator.process("orientation")
    os.kill(before["pid"], signal.SIGKILL)

    deadline = time.monotonic() + 30
    while True:
        after = operator.process("orientation")
        if after["pid"] != before["pid"] and after["healthy"]:
            break
        assert time.monotonic() < deadline, "it did not come back"
        time.sleep(0.1)
    assert after["restarts"] == before["restarts"] + 1


def test_accounts_are_added_listed_and_disabled(operator: Operator) -> None:
    arguments = ["user", "add", "k.test", "--name", "Kim Test", "--role", "secretary", "--initials", "KT", "--territory", "bievre"]
    assert operator.recours(*arguments, typed="une longue phrase\n").returncode == 0
    assert operator.recours("user", "password", "k.test", typed="une autre phrase\n").returncode == 0
    assert operator.recours("user", "disable", "k.test").returncode == 0

    listed = json.loads(operator.recours("user", "list", "--json").stdout)["accounts"]

    (added,) = [account for account in listed if account["login"] == "k.test"]
    assert (added["roles"], added["disabled"]) == (["secretary"], True)


def test_operators_speak_to_a_service(operator: Operator) -> None:
    assert "kernel" not in operator.recours("migrate").stdout
    assert operator.recours("topics").stdout == "all topics exist\n"
    assert operator.recours("refill", "scheduling").returncode == 0
    assert json.loads(operator.recours("replay", "intake", "--list", "--json").stdout) == {"items": []}
    assert json.loads(operator.recours("replay", "intake", "--json").stdout)["failed"] == 0


def test_a_second_start_is_refused_and_names_the_first(operator: Operator) -> None:
    again = operator.recours("up")

    assert again.returncode == 1
    assert "a stack already runs" in again.stderr and "recours down" in again.stderr


def test_what_an_inbox_forgot_is_skipped_when_it_comes_again(operator: Operator) -> None:
    def trim() -> int:
        return int(json.loads(operator.recours("inbox", "trim", "intake", "--before", "2100-01-01", "--json").stdout)["trimmed"])

    assert trim() > 0, "intake follows the rota that the loading published"
    assert operator.recours("refill", "scheduling").returncode == 0
    assert trim() == 0
