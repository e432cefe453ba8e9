"""The whole stack: servers, then databases and topics, then services, then the territory; and back down in reverse."""

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from recours.stack import forking
from recours.stack.business_clock import BusinessClock
from recours.stack.demo import DemoAccount, demo_accounts
from recours.stack.disk import refuse_full, why_wait
from recours.stack.environment import Access, OutsideKafka, default_ports
from recours.stack.errors import StackError
from recours.stack.forking import Preloader
from recours.stack.launcher import errand_spec, service_spec
from recours.stack.lock import Lock
from recours.stack.ports import SERVICES, Ports, free_base, refuse_taken
from recours.stack.postgres import Postgres
from recours.stack.process import Child, ProcessSpec, launch
from recours.stack.secrets import Secrets
from recours.stack.state import Condition, StackState, boot_id
from recours.stack.supervisor import Member, RestartPolicy, Supervisor, first_failure
from recours.stack.tansu import Tansu
from recours.stack.valkey import Valkey

_CLOCK_KEPT_EVERY = timedelta(seconds=10)


class Stack:
    """An embedded stack on a data folder. One event loop; start() and stop() once each."""

    def __init__(
        self,
        data_dir: Path,
        ports: Ports | None = None,
        *,
        services: Sequence[str] = SERVICES,
        say: Callable[[str], None] = print,
        policy: RestartPolicy | None = None,
        durable: bool = True,
        load: bool = True,
        kafka: OutsideKafka | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.ports = ports or default_ports()
        self.services = tuple(services)
        self._say, self._durable, self._load, self._kafka = say, durable, load, kafka
        self._supervisor = Supervisor(say, self._write_state, policy, self._launch)
        self._lock = Lock(self.data_dir)
        self._condition: Condition = "stopped"
        self._ready_seconds: float | None = None
        self._access: Access | None = None
        self._preloader: Preloader | None = None
        self._upkeep: asyncio.Task[None] | None = None
        self.accounts: list[DemoAccount] = []
        """Who may sign in, once started."""

    @property
    def access(self) -> Access:
        """Addresses and keys; known once started."""
        if self._access is None:
            raise StackError("the stack is not started")
        return self._access

    async def start(self) -> None:
        """Return once everything answers and the territory is loaded; raises StackError, having stopped whatever it started."""
        began = time.monotonic()
        self._open_folder()
        refuse_full(self.data_dir)
        former = self._lock.acquire()
        if former is not None:
            self._say(former)
        try:
            refuse_taken(self.ports)
            self._condition = "starting"
            self._access = Access(self.data_dir, self.ports, Secrets.open(self.data_dir), self._kafka)
            self._clock = BusinessClock(self.data_dir)
            self._clock_file = self._clock.open()
            self._preloader = Preloader(self.data_dir / "logs" / f"{forking.NAME}.log", self._access.inherited())
            await self._start_servers(self._access, self._preloader)
            await self._start_services(self._access, self._preloader)
        except BaseException:
            await self.stop()
            raise
        self._ready_seconds = round(time.monotonic() - began, 2)
        self._condition = "ready"
        self._write_state()
        self._upkeep = asyncio.create_task(self._keep_clock(), name="keep the clock's distance")

    async def stop(self) -> None:
        """Services first, so that they finish what they hold; then the servers; then the folder is let go."""
        if self._upkeep is not None:
            self._upkeep.cancel()
            self._upkeep = None
        await self._supervisor.stop(self.services)
        await self._supervisor.stop()
        if self._preloader is not None:
            self._preloader.close()
        if self._access is not None:
            self._keep_distance()
            self._condition = "stopped"
            self._write_state()
        self._lock.release()

    def kill(self, name: str) -> int:
        """kill -9 a process, as an accident would; the supervisor brings it back. Returns the pid that died."""
        return self._supervisor.kill(name)

    async def until_ready(self, name: str) -> None:
        """Wait until a killed process answers again."""
        await self._supervisor.until_ready(name)

    async def stop_process(self, name: str) -> None:
        """Stop a process gently and keep it stopped."""
        await self._supervisor.stop([name])

    async def start_process(self, name: str) -> None:
        """Start a stopped process again."""
        await self._supervisor.start_again(name)

    async def restart_process(self, name: str) -> None:
        """Stop a process gently and start it again."""
        await self._supervisor.stop([name])
        await self._supervisor.start_again(name)

    def state(self) -> StackState:
        """What runs now."""
        urls = {} if self._access is None else {service: self._access.url(service) for service in self.services}
        kafka = "" if self._kafka is None else self._kafka.bootstrap
        return StackState(
            os.getpid(), boot_id(), self._condition, self.ports.base, urls, self._supervisor.states(), self._ready_seconds, kafka
        )

    def _open_folder(self) -> None:
        try:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.geteuid() == 0 and not self.data_dir.stat().st_mode & 0o001:
                # Our own folder, not those above: PostgreSQL's account must be able to pass; secrets have their own modes.
                self.data_dir.chmod(self.data_dir.stat().st_mode | 0o011)
        except OSError as refusal:
            raise StackError(f"cannot use {self.data_dir}: {refusal.strerror}. Set RECOURS_DATA_DIR to a folder of yours.") from refusal

    async def _start_servers(self, access: Access, preloader: Preloader) -> None:
        postgres = Postgres(
            self.data_dir, self.ports.server("postgres"), access.secrets["RECOURS_POSTGRES_PASSWORD"], durable=self._durable
        )
        valkey = Valkey(self.data_dir, self.ports.server("valkey"), access.secrets["RECOURS_VALKEY_PASSWORD"])
        tansu = Tansu(self.data_dir, self.ports.server("kafka"))

        async def create_topics() -> None:
            # At each start of the embedded broker: its log, topics included, is new each time.
            await asyncio.to_thread(preloader.wait_ready)
            await self._supervisor.run(errand_spec(access, "topics", "recours", "topics"))

        async def databases() -> None:
            await self._supervisor.start([Member("postgres", postgres.prepare, why_wait=lambda: why_wait(self.data_dir))])
            await asyncio.to_thread(preloader.wait_ready)
            await self._supervisor.run(errand_spec(access, "migrate", "recours", "migrate", *self.services))

        members = [Member(forking.NAME, preloader.prepare), Member("valkey", valkey.prepare)]
        if self._kafka is None:
            members.append(Member("kafka", tansu.prepare, create_topics))
        async with first_failure(), asyncio.TaskGroup() as together:
            for one in members:
                together.create_task(self._supervisor.start([one]))
            if self._kafka is not None:
                together.create_task(create_topics())
            together.create_task(databases())

    async def _start_services(self, access: Access, preloader: Preloader) -> None:
        def member(service: str) -> Member:
            def prepare() -> ProcessSpec:
                preloader.wait_ready()
                return service_spec(access, service)

            return Member(service, prepare)

        await self._supervisor.start([member(service) for service in self.services])
        if self._load:
            await self._supervisor.run(errand_spec(access, "loading", "recours.stack.loading", *self.services))
            self.accounts = demo_accounts(access)

    def _launch(self, spec: ProcessSpec) -> Child:
        return self._preloader.launch(spec) if spec.module and self._preloader is not None else launch(spec)

    def _write_state(self) -> None:
        if self._condition != "stopped" or self._access is not None:
            with contextlib.suppress(OSError):  # a full disk: the file tells the past for a while, the processes must be kept
                self.state().write(self.data_dir)

    async def _keep_clock(self) -> None:
        while True:
            await asyncio.sleep(_CLOCK_KEPT_EVERY.total_seconds())
            self._keep_distance()

    def _keep_distance(self) -> None:
        with contextlib.suppress(OSError):  # a full disk: the next time
            self._clock.keep(self._clock_file)


_TEMPORARY = "recours-stack-"


def sweep_abandoned(top: Path) -> list[Path]:
    """Remove temporary stacks whose owner was killed before it could, and return their folders.

    One whose lock names nobody is just starting or leaving; one whose lock is held lives.
    """
    swept = []
    for folder in top.glob(f"{_TEMPORARY}*"):
        with contextlib.suppress(OSError, StackError):
            if folder.stat().st_uid != os.geteuid() or not (folder / "stack.lock").read_text().strip():
                continue
            lock = Lock(folder)
            lock.acquire()
            shutil.rmtree(folder, ignore_errors=True)
            lock.release()
            swept.append(folder)
    return swept


class TemporaryStack(Stack):
    """A stack on free ports and a new folder, both given back at the end: for tests, and for `recours day` when nothing runs."""

    def __init__(
        self,
        *,
        services: Sequence[str] = SERVICES,
        say: Callable[[str], None] = lambda _: None,
        policy: RestartPolicy | None = None,
        durable: bool = True,
        load: bool = True,
        kafka: OutsideKafka | None = None,
        within: Path | None = None,
    ) -> None:
        """`within` is where the folder is made: the usual place for temporary files unless a test brings a disk of its own."""
        sweep_abandoned(Path(tempfile.gettempdir()))
        folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=within))
        super().__init__(folder, free_base(), services=services, say=say, policy=policy, durable=durable, load=load, kafka=kafka)

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            self._remove()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            await self.stop()
        finally:
            self._remove()

    def _remove(self) -> None:
        shutil.rmtree(self.data_dir, ignore_errors=True)
