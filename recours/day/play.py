"""One day on a stack: set the clock, load the agenda, let everybody play, let time run on. What happened is read elsewhere, afterwards."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as wall_time
from pathlib import Path

from recours.day.callers import Callers
from recours.day.casting import Cast
from recours.day.conductor import Conductor
from recours.day.desk import Desk
from recours.day.doctors import DutyDoctor, Pool
from recours.day.draws import Draws
from recours.day.fifteen import Fifteen
from recours.day.scene import Scene
from recours.day.settling import Watch
from recours.day.stage import SERVICES, Observer, Stage
from recours.demand import Assumptions, Demand, generate_day
from recours.stack.environment import Access
from recours.stack.loading import load_territory
from shared.calendar import next_open_day
from shared.clock import ClockFile
from shared.territory import Territory

DEFAULT_ON_A_NEW_STACK = date(2026, 3, 2)
_ENDS_AT = wall_time(20, 15)  # the duty doctor's last quarter of an hour (operations.md H7)
_BEFORE_OPENING = timedelta(minutes=10)


class DayRefused(ValueError):
    """The day cannot be played on this stack; the message says why and what can be."""


@dataclass(frozen=True)
class DayPlan:
    """Which day of which territory, with what demand."""

    territory: Territory
    assumptions: Assumptions
    demand: Demand
    cast: Cast
    until: wall_time = _ENDS_AT
    """A day may be cut short, for a test: what comes after is not played."""

    @property
    def on(self) -> date:
        return self.demand.on

    @property
    def starts_at(self) -> datetime:
        assert self.demand.opens_at is not None
        return self.demand.opens_at - _BEFORE_OPENING

    @property
    def closes_at(self) -> datetime:
        assert self.demand.closes_at is not None
        return self.demand.closes_at

    @property
    def ends_at(self) -> datetime:
        return self.territory.at(self.on, self.until)


@dataclass(frozen=True)
class Played:
    """How the playing went, beside what happened: this never enters a figure of care."""

    wall_seconds: float
    steps: int
    promises: int
    settlings: int
    commands: int
    repeated: int
    settling_seconds: float
    looks: int


def plan_day(folder: Path, *, on: date | None, seed: int, clock: ClockFile | None) -> DayPlan:
    """The plan of `on`; by default the next open day after the stack's business clock, or a Monday in March on a new stack.

    Raises DayRefused for a closed day, and for one that the stack's clock has passed: business time never goes back.
    """
    territory = Territory.load(folder)
    assumptions = Assumptions.load(folder)
    today = None if clock is None else territory.local(clock.now()).date()
    chosen = on or (DEFAULT_ON_A_NEW_STACK if today is None else next_open_day(territory, today))
    demand = generate_day(territory, assumptions, on=chosen, seed=seed)
    if demand.opens_at is None:
        following = next_open_day(territory, chosen)
        raise DayRefused(f"the line is closed on {chosen:%A %d %B %Y}; the next open day is {following.isoformat()}")
    if clock is not None and demand.opens_at - _BEFORE_OPENING < clock.now():
        assert today is not None
        raise DayRefused(
            f"the stack's business clock stands at {territory.local(clock.now()):%Y-%m-%d %H:%M} and never goes back: "
            f"{chosen.isoformat()} has begun or is over. Ask for {next_open_day(territory, today).isoformat()} or later, "
            "or stop the stack: without one, recours day starts its own"
        )
    return DayPlan(territory, assumptions, demand, Cast.load(folder, territory.id))


async def play(
    access: Access,
    plan: DayPlan,
    *,
    progress: Callable[[datetime], None] = lambda _: None,
    observer: Observer | None = None,
    meet: Callable[[Conductor, Watch], None] = lambda *_: None,
) -> Played:
    """Play `plan`; the clock runs on from the end of the day whatever happens. Raises NotSettled, Unavailable after minutes of absence.

    `meet` is shown the conductor and its watch before the day begins: whoever makes accidents waits for instants and settlings.
    """
    clock = ClockFile(access.clock_file)
    watch = Watch({service: access.ops_url(service) for service in SERVICES})
    conductor = Conductor(clock, watch, starts_at=plan.starts_at, progress=progress)
    stage = Stage(access, conductor, observer)
    meet(conductor, watch)
    try:
        clock.stand_at(plan.starts_at)
        await load_territory(access, SERVICES, on=plan.on)
        await watch.tick()
        scene = Scene(
            plan.territory,
            plan.assumptions,
            plan.demand,
            plan.cast,
            conductor,
            stage,
            Draws(plan.territory.id, plan.on, plan.demand.seed),
            plan.closes_at,
        )
        await conductor.settled()
        await _hire(scene, plan)
        began = time.monotonic()
        await conductor.play(plan.ends_at)
        return Played(
            wall_seconds=round(time.monotonic() - began, 2),
            steps=conductor.steps,
            promises=conductor.promises,
            settlings=conductor.settlings,
            commands=stage.commands,
            repeated=stage.repeated,
            settling_seconds=round(watch.waited_seconds, 2),
            looks=watch.looks,
        )
    finally:
        await conductor.dismiss()
        clock.run_from(clock.now())
        await stage.close()
        await watch.close()


async def _hire(scene: Scene, plan: DayPlan) -> None:
    """Everybody to their place."""
    fifteen = Fifteen(scene)
    desk = Desk(scene, fifteen)
    desk.plan(scene.demand.opens_at or plan.starts_at)
    Callers(scene, desk).plan()
    DutyDoctor(scene, fifteen).plan()
    await Pool(scene).plan(plan.ends_at)
