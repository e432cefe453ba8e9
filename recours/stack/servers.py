"""PostgreSQL, Valkey and the broker alone, on free ports in a temporary folder: what the tests of a service need."""

import secrets
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from recours.stack.errors import DidNotStart
from recours.stack.ports import free_port
from recours.stack.postgres import Postgres
from recours.stack.process import ProcessSpec, end, launch, wait_ready
from recours.stack.tansu import Tansu
from recours.stack.valkey import Valkey

_RESTART_SECONDS = 15.0


class Servers:
    """The three servers, started without an event loop. They end with the process that started them, however it ends."""

    def __init__(self, data_dir: Path | None = None, *, durable: bool = False) -> None:
        self._temporary = data_dir is None
        self.data_dir = Path(tempfile.mkdtemp(prefix="recours-servers-")) if data_dir is None else data_dir
        # PostgreSQL's account must be able to pass when we are root; what is secret has its own mode.
        self.data_dir.chmod(0o711)
        self._postgres = Postgres(self.data_dir, free_port(), secrets.token_urlsafe(18), durable=durable)
        self._valkey = Valkey(self.data_dir, free_port(), secrets.token_urlsafe(18))
        self._tansu = Tansu(self.data_dir, free_port())
        self._running: dict[str, tuple[ProcessSpec, subprocess.Popen[bytes]]] = {}

    @property
    def postgres_admin_url(self) -> str:
        """The superuser's address."""
        return self._postgres.admin_url

    @property
    def redis_url(self) -> str:
        """Valkey's address."""
        return self._valkey.url

    @property
    def kafka_bootstrap(self) -> str:
        """host:port of the broker."""
        return self._tansu.bootstrap

    def start(self) -> None:
        """Start all three together and return once each answers."""
        try:
            for prepare in (self._tansu.prepare, self._valkey.prepare, self._postgres.prepare):
                self._launch(prepare())
            for spec, child in self._running.values():
                wait_ready(spec, child)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop what runs and remove the temporary folder."""
        for name in ("kafka", "valkey", "postgres"):
            self._end(name)
        if self._temporary:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def kill_broker(self) -> None:
        """kill -9: its log is gone with it."""
        self._kill("kafka")

    def start_broker(self) -> None:
        """Start the broker again on the same port: empty, under a new cluster id."""
        self._restart(self._tansu.prepare())

    def kill_valkey(self) -> None:
        """kill -9."""
        self._kill("valkey")

    def start_valkey(self) -> None:
        """Start Valkey again on the same port, empty."""
        self._restart(self._valkey.prepare())

    def kill_postgres(self) -> None:
        """kill -9 of the postmaster; its children notice and leave."""
        self._kill("postgres")

    def start_postgres(self) -> None:
        """Start PostgreSQL again on the same port and folder: it recovers from its log."""
        self._restart(self._postgres.prepare())

    def _launch(self, spec: ProcessSpec) -> None:
        self._running[spec.name] = (spec, launch(spec))

    def _restart(self, spec: ProcessSpec) -> None:
        deadline = time.monotonic() + _RESTART_SECONDS
        while True:
            self._end(spec.name)
            self._launch(spec)
            try:
                return wait_ready(*self._running[spec.name])
            except DidNotStart:
                # PostgreSQL refuses to start while a backend of the killed server has not yet noticed.
                if time.monotonic() > deadline:
                    raise

    def _kill(self, name: str) -> None:
        _, child = self._running.pop(name)
        child.kill()
        child.wait()

    def _end(self, name: str) -> None:
        if name in self._running:
            end(*self._running.pop(name))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
