"""The supervisor's side of the preloader: asks it for processes and learns of their end."""

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from recours.stack.errors import DidNotStart
from recours.stack.process import ProcessSpec

NAME = "preloader"
_START_SECONDS = 10.0
_RESTART_SECONDS = 60.0
_KILLED = -9


class Forked:
    """A process whose parent is the preloader."""

    def __init__(self, preloader: "Preloader", pid: int) -> None:
        self._preloader, self._pid = preloader, pid

    @property
    def pid(self) -> int:
        return self._pid

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""
        return self._preloader.exit_code(self._pid)

    def send_signal(self, sig: int) -> None:
        """Nothing when it has ended."""
        if self.poll() is None:
            os.kill(self._pid, sig)


class Preloader:
    """One preloading process at a time; when it dies its children die with it, and the next start makes another."""

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        self._log, self._environment = log, environment
        self._lock = threading.Lock()
        self._channel: socket.socket | None = None
        self._theirs: socket.socket | None = None
        self._unread = b""
        self._ready = False
        self._living: set[int] = set()
        self._ended: dict[int, int] = {}
        self._started: list[int] = []

    def prepare(self) -> ProcessSpec:
        """A new channel, and how to run the process at its other end."""
        with self._lock:
            self._forget()
            self._channel, self._theirs = socket.socketpair()
            self._channel.setblocking(False)
            self._unread, self._ready = b"", False
        return ProcessSpec(
            name=NAME,
            command=[sys.executable, "-m", "recours.stack.preloader", str(self._theirs.fileno())],
            log=self._log,
            ready=self._answers,
            environment=self._environment,
            stop_timeout_seconds=5.0,
            pass_fds=(self._theirs.fileno(),),
        )

    def wait_ready(self) -> None:
        """Until there is a preloader to ask; raises DidNotStart when none comes."""
        deadline = time.monotonic() + _RESTART_SECONDS
        while not self._answers():
            if time.monotonic() > deadline:
                raise DidNotStart("the preloader does not come back")
            time.sleep(0.05)

    def close(self) -> None:
        """Give the channel up: a preloader that still runs leaves."""
        with self._lock:
            self._forget()

    def launch(self, spec: ProcessSpec) -> Forked:
        """Fork the module of `spec`; raises DidNotStart when there is nobody to ask."""
        request = {"launch": list(spec.module), "environment": dict(spec.environment), "log": str(spec.log)}
        spec.log.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            self._hear()
            if self._channel is None or not self._ready:
                raise DidNotStart(f"{spec.name} cannot start: the preloader is not there (it is being restarted)")
            deadline = time.monotonic() + _START_SECONDS
            try:
                self._channel.setblocking(True)
                self._channel.sendall(json.dumps(request).encode() + b"\n")
                self._channel.setblocking(False)
            except OSError as gone:
                raise DidNotStart(f"{spec.name} cannot start: the preloader is gone") from gone
            while not self._started:
                self._hear()
                if not self._ready or time.monotonic() > deadline:
                    raise DidNotStart(f"{spec.name} cannot start: the preloader does not answer")
                time.sleep(0.002)
            return Forked(self, self._started.pop())

    def exit_code(self, pid: int) -> int | None:
        """How a child ended, or None while it runs."""
        with self._lock:
            self._hear()
            return self._ended.get(pid)

    def _answers(self) -> bool:
        with self._lock:
            self._hear()
            if self._ready and self._theirs is not None:
                self._theirs.close()
                self._theirs = None
            return self._ready

    def _hear(self) -> None:
        """Take in all news without waiting; the end of the channel is the end of everyone behind it."""
        if self._channel is None:
            return
        while True:
            try:
                part = self._channel.recv(65_536)
            except BlockingIOError:
                break
            except OSError:
                part = b""
            if not part:
                self._forget()
                return
            self._unread += part
        *lines, self._unread = self._unread.split(b"\n")
        for line in lines:
            self._learn(json.loads(line))

    def _learn(self, news: Mapping[str, int]) -> None:
        if "ready" in news:
            self._ready = True
        elif "started" in news:
            self._living.add(news["started"])
            self._ended.pop(news["started"], None)
            self._started.append(news["started"])
        else:
            self._living.discard(news["ended"])
            self._ended[news["ended"]] = news["code"]

    def _forget(self) -> None:
        for end in (self._channel, self._theirs):
            if end is not None:
                end.close()
        self._channel = self._theirs = None
        self._ready = False
        self._ended |= dict.fromkeys(self._living, _KILLED)
        self._living.clear()
