"""The stepped clock of a day: actions in the order of business time, the stack settled between steps.

A step is two minutes of business time at most, and never passes a promise of the stack (a timer): then the clock stands exactly at
that promise, whoever it belongs to, the timers run, and the stack settles before anybody acts again. Inside a step the clock
stands at each action's own instant. An action that reads what another service learns by event asks for `settled` first.
"""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from recours.day.settling import Watch
from shared.clock import ClockFile

Action = Callable[[], Awaitable[None]]
Script = Callable[["Pace"], Awaitable[None]]

STEP = timedelta(minutes=2)


class Conductor:
    """Owns the clock file while the day is played."""

    def __init__(
        self, clock: ClockFile, watch: Watch, *, starts_at: datetime, progress: Callable[[datetime], None] = lambda _: None
    ) -> None:
        self._clock = clock
        self._watch = watch
        self._progress = progress
        self._now = starts_at
        self._actions: list[tuple[datetime, int, int, Action]] = []
        self._order = itertools.count()
        self._dirty = True
        self._next_due: datetime | None = None
        self._paces: set[Pace] = set()
        self._lookers: list[Action] = []
        self.steps = 0
        self.promises = 0
        self.settlings = 0

    @property
    def now(self) -> datetime:
        return self._now

    def at(self, instant: datetime, action: Action, *, rank: int = 5) -> None:
        """Plan `action`; not before now. At the same instant a lower `rank` goes first, then who was planned first."""
        heapq.heappush(self._actions, (max(instant, self._now), rank, next(self._order), action))

    def after(self, seconds: float, action: Action, *, rank: int = 5) -> None:
        self.at(self._now + timedelta(seconds=seconds), action, rank=rank)

    def plan(self, instant: datetime, script: Script, *, rank: int = 5) -> None:
        """A person's part, from `instant` on: it runs alone until it waits, then others go on."""
        pace = Pace(self)
        self._paces.add(pace)
        self.at(instant, lambda: pace.begin(script), rank=rank)

    def look_after_settling(self, looker: Action) -> None:
        """`looker` sees the screens each time the stack has settled on something new; it reads and plans, it never commands."""
        self._lookers.append(looker)

    async def settled(self) -> None:
        """Return once nothing is in flight: what was decided by HTTP is known by event everywhere."""
        if not self._dirty:
            return
        self._next_due = await self._watch.settle()
        self._dirty = False
        self.settlings += 1
        for looker in self._lookers:
            await looker()

    def touched(self) -> None:
        """Somebody commanded something: the stack has work."""
        self._dirty = True

    async def play(self, until: datetime) -> None:
        """All actions before `until`, and all promises of the stack up to it."""
        self._stand(self._now)
        while True:
            await self.settled()
            first = self._actions[0][0] if self._actions else until
            if self._next_due is not None and self._next_due <= min(first, until):
                await self._keep_promises(self._next_due)
                continue
            if first >= until:
                break
            await self._step(first)
        self._stand(until)
        self.touched()
        await self._watch.tick()
        await self.settled()
        self._progress(until)

    async def _step(self, first: datetime) -> None:
        """Actions of one step; ends early when a red flag's timer was started, seen after the settling that its action asks for."""
        self.steps += 1
        end = first + STEP
        while self._actions and self._actions[0][0] < end:
            if self._next_due is not None and self._next_due <= self._actions[0][0]:
                return
            instant, _, _, action = heapq.heappop(self._actions)
            self._stand(instant)
            await action()

    async def _keep_promises(self, due: datetime) -> None:
        self.promises += 1
        self._stand(max(due, self._now))
        await self._watch.tick()
        self.touched()

    def _stand(self, instant: datetime) -> None:
        if instant > self._now or not self._clock.standing_still:
            self._now = max(instant, self._now)
            self._clock.stand_at(self._now)
            self._progress(self._now)

    async def dismiss(self) -> None:
        """Whoever is still waiting goes home."""
        for pace in self._paces:
            await pace.cancel()
        self._paces.clear()


class Pace:
    """What a script waits with. Only one script runs at a time: the conductor resumes it and listens until it waits again."""

    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor
        self._waiting = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def begin(self, script: Script) -> None:
        async def body() -> None:
            await script(self)

        self._task = asyncio.create_task(body())
        await self._listen()

    async def wait(self, seconds: float) -> None:
        """Let `seconds` of business time pass."""
        await self.until(self._conductor.now + timedelta(seconds=seconds))

    async def until(self, instant: datetime) -> None:
        resumed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def resume() -> None:
            self._waiting.clear()
            resumed.set_result(None)
            await self._listen()

        self._conductor.at(instant, resume)
        self._waiting.set()
        await resumed

    async def cancel(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _listen(self) -> None:
        """Until the script waits or ends; what it raised is raised here."""
        assert self._task is not None
        waiting = asyncio.create_task(self._waiting.wait())
        await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._task.done():
            self._task.result()
