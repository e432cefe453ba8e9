"""Keeps a set of processes running: started together, watched, restarted after a crash with back-off and a limit, ended in order."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from recours.stack.errors import DidNotStart, StackError
from recours.stack.logs import limit_size
from recours.stack.process import Child, ProcessSpec, describe_exit, end, launch, log_tail, wait_ready
from recours.stack.state import Condition, ProcessState, started_ticks

_WATCH_SECONDS = 0.1
_LOG_CHECK_SECONDS = 10.0
_WAIT_SECONDS = 0.5


@contextlib.asynccontextmanager
async def first_failure() -> AsyncIterator[None]:
    """Around a TaskGroup: one cause is enough for the reader."""
    try:
        yield
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


@dataclass(frozen=True)
class RestartPolicy:
    """When a crashed process comes back: at once, then ever later; after `limit` crashes within the window, not any more."""

    first_seconds: float = 0.2
    factor: float = 2.0
    longest_seconds: float = 15.0
    limit: int = 8
    window_seconds: float = 300.0

    def delay(self, crashes: Sequence[float], now: float) -> float | None:
        """Seconds before the next start, given the instants of its crashes (this one included); None: give up."""
        recent = [crash for crash in crashes if now - crash < self.window_seconds]
        if len(recent) > self.limit:
            return None
        return min(self.longest_seconds, self.first_seconds * self.factor ** max(0, len(recent) - 1))


async def _nothing() -> None:
    return None


def _no_reason() -> str | None:
    return None


@dataclass(frozen=True)
class Member:
    """A process to keep running. `prepare` is asked before each start; `once_answering` runs after each.

    While `why_wait` gives a reason a crashed one is not started again: it could not work, and its tries would be counted against it.
    """

    name: str
    prepare: Callable[[], ProcessSpec]
    once_answering: Callable[[], Awaitable[None]] = _nothing
    why_wait: Callable[[], str | None] = _no_reason


class _Kept:
    """What the supervisor knows of one member."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.spec: ProcessSpec | None = None
        self.child: Child | None = None
        self.condition: Condition = "stopped"
        self.detail = ""
        self.crashes: list[float] = []
        self.restarts = 0
        self.watch: asyncio.Task[None] | None = None
        self.ready = asyncio.Event()

    def state(self) -> ProcessState:
        pid = 0 if self.child is None else self.child.pid
        return ProcessState(self.member.name, pid, self.condition, self.restarts, started_ticks(pid) or 0, self.detail)


class Supervisor:
    """Runs in one event loop; `say` gets a sentence for people, `changed` is called whenever a state did."""

    def __init__(
        self,
        say: Callable[[str], None],
        changed: Callable[[], None] = lambda: None,
        policy: RestartPolicy | None = None,
        start: Callable[[ProcessSpec], Child] = launch,
    ) -> None:
        self._say, self._changed = say, changed
        self._policy = policy or RestartPolicy()
        self._launch = start
        self._kept: dict[str, _Kept] = {}

    def states(self) -> list[ProcessState]:
        """Every process, in the order of their first start."""
        return [kept.state() for kept in self._kept.values()]

    async def start(self, members: Iterable[Member]) -> None:
        """Start them together; return when all are ready; raises DidNotStart when one is not."""
        starting = [self._kept.setdefault(member.name, _Kept(member)) for member in members]
        async with first_failure(), asyncio.TaskGroup() as together:
            for kept in starting:
                together.create_task(self._bring_up(kept))
        for kept in starting:
            kept.watch = asyncio.create_task(self._keep(kept), name=f"watch {kept.member.name}")

    async def stop(self, names: Iterable[str] | None = None) -> None:
        """End these (or all) together, gently then by force; none is restarted."""
        chosen = list(self._kept.values()) if names is None else [self._kept[name] for name in names if name in self._kept]
        await asyncio.gather(*(self._bring_down(kept) for kept in chosen))

    async def start_again(self, name: str) -> None:
        """Start one that was stopped on purpose or given up; its former crashes are forgotten."""
        self._kept[name].crashes.clear()
        await self.start([self._kept[name].member])

    async def run(self, spec: ProcessSpec) -> None:
        """Run a process that ends by itself, to its end; raises DidNotStart, with what it said, unless it ended well."""
        child = self._launch(spec)
        try:
            while (code := child.poll()) is None:
                await asyncio.sleep(_WATCH_SECONDS / 4)
        finally:
            if child.poll() is None:
                await asyncio.shield(asyncio.to_thread(end, spec, child))
        if code != 0:
            raise DidNotStart(f"{spec.name} failed ({describe_exit(code)}). {log_tail(spec.log)}")

    def kill(self, name: str) -> int:
        """kill -9 one process as an accident would; it is restarted. Returns the pid that died."""
        child = self._kept[name].child
        if child is None:
            raise StackError(f"{name} does not run")
        self._kept[name].ready.clear()
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)
        return child.pid

    async def until_ready(self, name: str) -> None:
        """Wait until a killed or restarting process is ready again; raises DidNotStart once it is given up."""
        kept = self._kept[name]
        while not kept.ready.is_set():
            if kept.condition == "failed":
                raise DidNotStart(f"{name} failed: {kept.detail}")
            await asyncio.sleep(_WATCH_SECONDS / 4)

    async def _bring_up(self, kept: _Kept) -> None:
        self._mark(kept, "starting")
        kept.spec = await asyncio.to_thread(kept.member.prepare)
        kept.child = self._launch(kept.spec)
        self._changed()
        try:
            await asyncio.to_thread(wait_ready, kept.spec, kept.child)
            await kept.member.once_answering()
        except BaseException as failure:
            await asyncio.shield(asyncio.to_thread(end, kept.spec, kept.child))
            if isinstance(failure, Exception) and not isinstance(failure, StackError):
                raise DidNotStart(f"{kept.member.name} answered, but what follows its start failed: {failure!r}") from failure
            raise
        kept.ready.set()
        self._mark(kept, "ready")

    async def _bring_down(self, kept: _Kept) -> None:
        if kept.watch is not None:
            kept.watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await kept.watch
            kept.watch = None
        kept.ready.clear()
        if kept.spec is not None and kept.child is not None:
            await asyncio.to_thread(end, kept.spec, kept.child)
        kept.child = None
        self._mark(kept, "stopped")

    async def _keep(self, kept: _Kept) -> None:
        """Watch one process until it is stopped on purpose or given up."""
        next_log_check = time.monotonic() + _LOG_CHECK_SECONDS
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            if kept.spec is None or kept.child is None:
                return
            code = kept.child.poll()
            if code is None:
                if time.monotonic() > next_log_check:
                    next_log_check = time.monotonic() + _LOG_CHECK_SECONDS
                    await asyncio.to_thread(limit_size, kept.spec.log)
                continue
            if not await self._come_back(kept, describe_exit(code)):
                return

    async def _come_back(self, kept: _Kept, reason: str) -> bool:
        """Restart a crashed process as often as the policy allows; False when it is given up."""
        name = kept.member.name
        while True:
            kept.ready.clear()
            kept.crashes.append(time.monotonic())
            delay = self._policy.delay(kept.crashes, time.monotonic())
            if delay is None:
                tail = "" if kept.spec is None else log_tail(kept.spec.log)
                self._mark(kept, "failed", reason)
                self._say(f"{name} failed: it ended {self._policy.limit + 1} times within {self._policy.window_seconds:.0f} s ({reason}) "
                          f"and is not restarted any more. Correct the cause, then `recours down` and `recours up`. {tail}")  # fmt: skip
                return False
            kept.restarts += 1
            self._mark(kept, "restarting", reason)
            self._say(f"{name} ended ({reason}): restart {kept.restarts} in {delay:.1f} s")
            await asyncio.sleep(delay)
            await self._until_it_can_work(kept)
            try:
                await self._bring_up(kept)
            except (StackError, OSError) as failure:  # OSError: a full disk, where not even a log can be opened
                reason = "did not start"
                self._say(str(failure))
            else:
                self._say(f"{name} is ready again")
                return True

    async def _until_it_can_work(self, kept: _Kept) -> None:
        reason = kept.member.why_wait()
        if reason is None:
            return
        self._mark(kept, "restarting", reason)
        self._say(f"{kept.member.name} waits: {reason}")
        while kept.member.why_wait() is not None:
            await asyncio.sleep(_WAIT_SECONDS)

    def _mark(self, kept: _Kept, condition: Condition, detail: str = "") -> None:
        kept.condition, kept.detail = condition, detail
        self._changed()
