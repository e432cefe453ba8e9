"""One child process: how it is started, asked whether it is ready, and ended, with nothing left behind.

A child asks the kernel for a signal at the death of the thread that started it: not even a kill -9 of the supervisor leaves an orphan.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from recours.stack.errors import DidNotStart

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Account:
    """The system account a process runs under."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class ProcessSpec:
    """How to run one process. `ready` is a real exchange with it, quick, and false rather than raising while it is not ready.

    With `module` (its name and arguments) the preloader forks it; `command` does the same without a preloader.
    """

    name: str
    command: Sequence[str]
    log: Path
    ready: Callable[[], bool]
    module: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    """Sent by the kernel when the supervisor is gone. PostgreSQL gets a softer one: its own children must follow it."""
    stop_timeout_seconds: float = 20.0
    ready_timeout_seconds: float = 60.0
    pass_fds: Sequence[int] = ()


class Child(Protocol):
    """A started process, whoever its parent is."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None:
        """Its exit code (negative: the signal that ended it), or None while it runs."""

    def send_signal(self, sig: int) -> None: ...


def _die_with_parent(sig: int, parent: int) -> Callable[[], None]:
    def prepare() -> None:
        os.setpgid(0, 0)
        _libc.prctl(_PR_SET_PDEATHSIG, sig, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def die_with_parent(sig: signal.Signals, parent: int) -> None:
    """Ask for `sig` when `parent` is gone (already gone: leave now), in a process group out of reach of the terminal's Ctrl-C."""
    _die_with_parent(sig, parent)()


def launch(spec: ProcessSpec) -> subprocess.Popen[bytes]:
    """Start the process with its output appended to its log. Call it from a thread that lives as long as the process should."""
    spec.log.parent.mkdir(parents=True, exist_ok=True)
    with spec.log.open("ab") as log:
        return subprocess.Popen(
            list(spec.command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=dict(spec.environment),
            pass_fds=tuple(spec.pass_fds),
            # After the change of account: the kernel forgets the death signal when the uid changes.
            preexec_fn=_die_with_parent(spec.death_signal, os.getpid()),
            user=None if spec.account is None else spec.account.uid,
            group=None if spec.account is None else spec.account.gid,
            extra_groups=None if spec.account is None else [],
        )


def wait_ready(spec: ProcessSpec, child: Child) -> None:
    """Return once the process answers; raises DidNotStart with the end of its log."""
    deadline = time.monotonic() + spec.ready_timeout_seconds
    while True:
        code = child.poll()
        if code is not None:
            raise DidNotStart(f"{spec.name} ended at start ({describe_exit(code)}). {log_tail(spec.log)}")
        if spec.ready():
            return
        if time.monotonic() > deadline:
            raise DidNotStart(f"{spec.name} did not answer within {spec.ready_timeout_seconds:.0f} s. {log_tail(spec.log)}")
        time.sleep(0.02)


def end(spec: ProcessSpec, child: Child) -> None:
    """Stop the process gently, then by force when it takes longer than it may."""
    if child.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(spec.stop_signal)
    if not wait_gone(child, spec.stop_timeout_seconds):
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal.SIGKILL)
        wait_gone(child, 5.0)


def wait_gone(child: Child, timeout_seconds: float) -> bool:
    """Whether the process ended within that time."""
    deadline = time.monotonic() + timeout_seconds
    while child.poll() is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def describe_exit(code: int) -> str:
    """« exit code 3 » or « signal SIGKILL »."""
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


def log_tail(log: Path, lines: int = 8) -> str:
    """Where to look, and the last lines found there."""
    try:
        tail = log.read_text(errors="replace").splitlines()[-lines:]
    except OSError:
        tail = []
    return f"See {log}" + (":\n  " + "\n  ".join(tail) if tail else " (empty).")
