"""One stack a data folder, and nothing of a dead one left running."""

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from recours.stack.errors import AlreadyRunning, StackError
from recours.stack.state import ProcessState, StackState

_LEAVING_SECONDS = 10.0


class Lock:
    """Held while the supervisor lives: the kernel lets go of it however the supervisor ends, so a stale file is never an obstacle."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._path = data_dir / "stack.lock"
        self._file: int | None = None

    def acquire(self) -> str | None:
        """Take the folder. Returns a sentence to show when a former stack ended without cleaning up; raises AlreadyRunning."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 32).decode().strip()
            os.close(descriptor)
            raise AlreadyRunning(
                f"a stack already runs on {self._data_dir} (pid {holder}): `recours status` shows it, `recours down` stops it"
            ) from None
        former = os.read(descriptor, 32).decode().strip()
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._file = descriptor
        if not former:
            return None
        ended = end_remains(_remains(self._data_dir))
        took = f"; ended what it left: {', '.join(ended)}" if ended else ""
        return f"stale lock: the former stack (pid {former}) ended without stopping its processes{took}"

    def release(self) -> None:
        """Let the folder go, cleanly."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None


def holder(data_dir: Path) -> int | None:
    """The pid of the living supervisor of the folder."""
    try:
        descriptor = os.open(data_dir / "stack.lock", os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return int(os.read(descriptor, 32).decode().strip() or 0) or None
    else:
        return None
    finally:
        os.close(descriptor)


def _remains(data_dir: Path) -> list[ProcessState]:
    state = StackState.read(data_dir)
    return [] if state is None else [process for process in state.processes if process.is_alive()]


def end_remains(remains: Iterable[ProcessState]) -> list[str]:
    """End processes of a dead stack: wait for those the kernel has already told, then by force. Returns their names."""
    ended = []
    deadline = time.monotonic() + _LEAVING_SECONDS
    for process in remains:
        ended.append(process.name)
        for sig in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, sig)
            while process.is_alive() and time.monotonic() < deadline:
                time.sleep(0.05)
            deadline = max(deadline, time.monotonic() + 1.0)
        if process.is_alive():
            raise StackError(f"process {process.pid} ({process.name}) of the former stack does not end: `kill -9 {process.pid}`")
    return ended
