"""One Python process that imports what every service needs, once, and forks each service from there.

Run as `python -m recours.stack.preloader CHANNEL`, the number of a socket on which requests come and news go, one JSON object a line:
`{"launch": [module, *arguments], "environment": {…}, "log": path}` is answered by `{"started": pid}`; `{"ended": pid, "code": n}` follows.

Why: importing the kernel once for each service is most of the stack's start, and as many copies of it are most of its memory. What a
service imports for itself stays its own business: only libraries and `shared` are imported here, and no thread runs when we fork.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, NoReturn

from recours.stack.process import die_with_parent

IMPORTED = (
    "shared.service",
    "shared.migrate",
    "httpx",
    "jinja2",
    "argon2",
    "yaml",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
)
_PR_SET_NAME = 15


def main(channel: socket.socket) -> None:
    """Import, say so, then serve until the supervisor closes the channel."""
    gc.disable()  # nothing that is imported becomes garbage
    for name in IMPORTED:
        try:
            importlib.import_module(name)
        except ImportError:
            traceback.print_exc()
    gc.freeze()
    gc.enable()
    # A service's children must never inherit this end: the supervisor would wait for news of the dead for ever.
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    _tell(channel, {"ready": os.getpid()})
    requests = channel.makefile("rb")
    with selectors.DefaultSelector() as waiting:
        waiting.register(channel, selectors.EVENT_READ)
        waiting.register(woken, selectors.EVENT_READ)
        while True:
            for key, _ in waiting.select():
                if key.fileobj == woken:
                    os.read(woken, 4096)
                    _bury(channel)
                    continue
                line = requests.readline()
                if not line:
                    return
                _tell(channel, {"started": _fork(json.loads(line), (channel.fileno(), woken, wake))})


def _tell(channel: socket.socket, news: dict[str, int]) -> None:
    channel.sendall(json.dumps(news).encode() + b"\n")


def _bury(channel: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _tell(channel, {"ended": pid, "code": os.waitstatus_to_exitcode(status)})


def _fork(request: dict[str, Any], ours: tuple[int, ...]) -> int:
    if threading.active_count() != 1:
        print("preloader: a thread runs, a fork may hang", file=sys.stderr, flush=True)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become(request, ours, parent)
    return pid


def _become(request: dict[str, Any], ours: tuple[int, ...], parent: int) -> NoReturn:
    """The child: a process like one that `python -m module` would have started."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        die_with_parent(signal.SIGKILL, parent)
        for descriptor in ours:
            os.close(descriptor)
        with Path(os.devnull).open("rb") as nothing, Path(request["log"]).open("ab") as log:
            os.dup2(nothing.fileno(), 0)
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        os.environ.clear()
        os.environ.update(request["environment"])
        module, *arguments = request["launch"]
        ctypes.CDLL(None).prctl(_PR_SET_NAME, f"recours {module.rpartition('.')[2]}"[:15].encode(), 0, 0, 0)
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as leaving:
        if leaving.code is None or isinstance(leaving.code, int):
            code = leaving.code or 0
        else:
            print(leaving.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as given:
        main(given)
