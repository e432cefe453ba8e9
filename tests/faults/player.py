"""Injects a schedule while a day is played, and times how long the stack takes to catch up after each fault.

Caught up is stricter than « the process answers »: it is ready, and the whole stack has been found settled by a look that began
afterwards (every service answers, nothing unpublished, nothing in flight, no timer due, every reader past every confirmed record),
and after the death of the embedded broker every journal has been sent again. The clock of a catch-up starts when the dead process was
started again, the stopped one goes on, the disk has space or the brokers answer; it stops at the end of that look.
"""

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from recours.day.conductor import Conductor
from recours.day.settling import NotSettled, Watch
from tests.faults.plant import Plant
from tests.faults.schedule import Fault, Freeze, FullDisk, Kill, Outage

_RETURN_SECONDS = 90.0
_POLL_SECONDS = 0.02
_HOLD_BEFORE = timedelta(minutes=12)
"""So near to the next blow the day waits until the last one is caught up; farther away it goes on."""


class DidNotComeBack(AssertionError):
    """A process was not ready a minute and a half after it was killed."""


@dataclass
class Injected:
    """A fault that happened. Instants on the machine's monotonic clock; None: not yet."""

    fault: Fault
    struck_at: float
    back_at: float | None = None
    ready_at: float | None = None
    caught_up_at: float | None = None

    @property
    def kind(self) -> str:
        match self.fault.kind:
            case Kill(victim):
                return f"kill {victim}"
            case Freeze():
                return "stop of a relay"
            case FullDisk():
                return "full disk"
            case Outage():
                return "broker unreachable"

    @property
    def catch_up_seconds(self) -> float | None:
        return None if self.back_at is None or self.caught_up_at is None else self.caught_up_at - self.back_at

    @property
    def new_log(self) -> bool:
        return self.fault.kind == Kill("broker")


class Player:
    """Give `meet` and `progress` to `recours.day.play.play`, then call `finish`; in any case `stop`."""

    def __init__(self, plant: Plant, schedule: list[Fault], say: Callable[[str], None] = lambda _: None) -> None:
        self._plant = plant
        self._waiting = list(schedule)
        self._say = say
        self._open: list[Injected] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._until: list[tuple[datetime, asyncio.Event]] = []
        self._now: datetime | None = None
        self._conductor: Conductor | None = None
        self._watch: Watch | None = None
        self.injected: list[Injected] = []
        self.failures: list[str] = []

    @property
    def left_over(self) -> int:
        """Faults whose turn did not come: the day was over."""
        return len(self._waiting)

    def meet(self, conductor: Conductor, watch: Watch) -> None:
        self._conductor, self._watch = conductor, watch
        conductor.look_after_settling(self._settled)

    def progress(self, now: datetime) -> None:
        """Business time has come to `now`."""
        self._now = now
        for instant, event in self._until:
            if now >= instant:
                event.set()
        if self._is_busy() or not self._waiting or self._waiting[0].at > now:
            return
        at = self._waiting[0].at
        while self._waiting and self._waiting[0].at == at:
            task = asyncio.create_task(self._inject(self._waiting.pop(0)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Let what was begun come to its end, and the stack catch up. The day is over, or stopped."""
        self._now = datetime.max.replace(tzinfo=self._now.tzinfo) if self._now is not None else None
        for _, event in self._until:
            event.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_RETURN_SECONDS * 1.5)
        if self._watch is not None:
            await self._catch_up(self._watch)

    async def stop(self) -> None:
        """Leave no fault half done: what is stopped goes on, the disk has space again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._watch is not None:
            await self._watch.close()

    def _is_busy(self) -> bool:
        return bool(self._tasks) or bool(self._open)

    async def _settled(self) -> None:
        """The conductor found the stack settled. Near to the next blow, or at the end of an outage, the day is held."""
        watch, conductor = self._watch, self._conductor
        assert watch is not None and conductor is not None
        await self._judge(watch)
        if self._now is None or not self._is_busy():
            return
        waits_for = self._until[0][0] if self._until else self._waiting[0].at - _HOLD_BEFORE if self._waiting else None
        if waits_for is None or self._now < waits_for:
            return
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_RETURN_SECONDS * 1.5)
        await self._catch_up(watch)
        conductor.touched()  # what its last look said of the next promise may be old by now

    async def _catch_up(self, watch: Watch) -> None:
        deadline = time.monotonic() + _RETURN_SECONDS
        while self._open:
            if time.monotonic() > deadline:
                self.failures += [f"{one.fault}: not caught up" for one in self._open]
                self._open.clear()
                return
            try:
                await watch.settle()
            except NotSettled as reason:
                self.failures += [f"{one.fault}: {reason}" for one in self._open]
                self._open.clear()
                return
            await self._judge(watch)
            await asyncio.sleep(_POLL_SECONDS)

    async def _judge(self, watch: Watch) -> None:
        """Close the faults that the last settling covers."""
        ended = time.monotonic()
        for one in list(self._open):
            if one.ready_at is not None and watch.judged_at >= one.ready_at and await self._plant.is_whole(log_is_new=one.new_log):
                one.caught_up_at = max(ended, time.monotonic()) if one.new_log else ended
                self._open.remove(one)
                self._say(f"  {one.fault}: caught up after {one.catch_up_seconds:.1f} s")

    async def _inject(self, fault: Fault) -> None:
        await asyncio.sleep(fault.jitter_ms / 1000)
        one = Injected(fault, time.monotonic())
        self._open.append(one)
        try:
            match fault.kind:
                case Kill(victim):
                    await self._kill(one, victim)
                case Freeze(victim, seconds):
                    await self._freeze(one, victim, seconds)
                case FullDisk(seconds):
                    await self._fill_disk(one, seconds)
                case Outage():
                    await self._cut_off(one, fault.kind)
        except Exception as reason:  # told, and the day goes on
            self.failures.append(f"{fault}: {reason!r}")
            with suppress(ValueError):
                self._open.remove(one)
        self.injected.append(one)

    async def _kill(self, one: Injected, victim: str) -> None:
        died = await self._signal(victim, signal.SIGKILL)
        one.struck_at = time.monotonic()
        await self._until_true(lambda: self._plant.state(victim).pid not in (died, 0), victim)
        one.back_at = time.monotonic()
        await self._until_true(lambda: self._plant.state(victim).condition == "ready" and self._plant.state(victim).pid != died, victim)
        one.ready_at = time.monotonic()

    async def _freeze(self, one: Injected, victim: str, seconds: float) -> None:
        pid = await self._signal(victim, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            with suppress(ProcessLookupError):
                if self._plant.state(victim).pid == pid:
                    self._plant.signal(victim, signal.SIGCONT)
            one.back_at = one.ready_at = time.monotonic()

    async def _fill_disk(self, one: Injected, seconds: float) -> None:
        try:
            await self._plant.fill_disk()
            await asyncio.sleep(seconds)
        finally:
            self._plant.free_disk()
            one.back_at = time.monotonic()
        await self._until_true(lambda: self._plant.state("postgres").condition == "ready", "postgres")
        one.ready_at = time.monotonic()

    async def _cut_off(self, one: Injected, outage: Outage) -> None:
        """All brokers stop answering while the day goes on: it asks nothing of the log until they are back."""
        assert self._watch is not None and self._conductor is not None and self._now is not None
        over = asyncio.Event()
        self._until.append((self._now + timedelta(minutes=outage.minutes), over))
        for name in self._plant.broker_names:
            await self._signal(name, signal.SIGSTOP)
        conductor = self._conductor
        self._watch.do_without_log(lambda: conductor.now)
        try:
            await asyncio.gather(over.wait(), asyncio.sleep(outage.seconds))
        finally:
            self._until.clear()
            self._watch.wait_for_log()
            for name in self._plant.broker_names:
                with suppress(ProcessLookupError):
                    self._plant.signal(name, signal.SIGCONT)
            one.back_at = one.ready_at = time.monotonic()
            conductor.touched()

    async def _signal(self, victim: str, number: signal.Signals) -> int:
        """To a living process: one that is just starting has none for an instant."""
        deadline = time.monotonic() + _RETURN_SECONDS
        while True:
            with suppress(ProcessLookupError):
                return self._plant.signal(victim, number)
            if time.monotonic() > deadline:
                raise DidNotComeBack(victim)
            await asyncio.sleep(_POLL_SECONDS)

    async def _until_true(self, condition: Callable[[], bool], victim: str) -> None:
        deadline = time.monotonic() + _RETURN_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise DidNotComeBack(victim)
            await asyncio.sleep(_POLL_SECONDS)
