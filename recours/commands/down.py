"""`recours down`."""

import contextlib
import os
import signal
import sys
import time

import typer

from recours.commands.common import DataDir, fail
from recours.stack.environment import default_data_dir
from recours.stack.lock import holder

app = typer.Typer(add_completion=False)
_STOPPING_SECONDS = 90.0


@app.command()
def down(data_dir: DataDir = None) -> None:
    """Stop the running stack gently and return when it is gone. Its data stays."""
    folder = data_dir or default_data_dir()
    pid = holder(folder)
    if pid is None:
        print(f"no stack runs on {folder}", file=sys.stderr)
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOPPING_SECONDS
    while holder(folder) == pid:
        if time.monotonic() > deadline:
            fail(f"the stack (pid {pid}) still runs after {_STOPPING_SECONDS:.0f} s: `kill -9 {pid}`, the next start cleans up")
        time.sleep(0.05)
    print("stopped", file=sys.stderr)
