"""A Saturday morning through the whole stack: undisturbed, then with each process killed once. The decisions must be the same."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from recours.check.command import examine
from recours.day.page import render
from recours.day.play import DayPlan, DayRefused, plan_day, play
from recours.day.report import FIRST_KEYS, Report, report_on
from recours.day.stage import SERVICES
from recours.stack.stack import TemporaryStack
from shared.clock import ClockFile

FOLDER = Path(__file__).parents[3] / "deploy" / "territory" / "bievre"
SATURDAY, MONDAY = date(2026, 3, 7), date(2026, 3, 2)
NOON = time(12, 15)
VICTIMS = ("pilotage", "intake", "kafka", "scheduling", "regulation", "valkey", "postgres", "orientation", "teleconsult")

pytestmark = [pytest.mark.stack, pytest.mark.timeout(420)]


class Accidents:
    """kill -9 one process after the other, as the morning goes by."""

    def __init__(self, stack: TemporaryStack, first: datetime, every: timedelta) -> None:
        self._stack = stack
        self._due: Iterator[tuple[str, datetime]] = iter([(name, first + every * place) for place, name in enumerate(VICTIMS)])
        self._next = next(self._due, None)
        self.killed: list[str] = []

    def __call__(self, now: datetime) -> None:
        if self._next is not None and now >= self._next[1]:
            self._stack.kill(self._next[0])
            self.killed.append(self._next[0])
            self._next = next(self._due, None)


async def played(
    plan: DayPlan, disturb: Callable[[TemporaryStack], Accidents] | None = None
) -> tuple[Report, list[str], dict[str, object]]:
    """The report of `plan` on a stack of its own, who was killed, and what `recours check` finds afterwards."""
    # Whoever kills PostgreSQL asks it to keep what it has committed.
    stack = TemporaryStack(services=SERVICES, durable=disturb is not None)
    ClockFile(stack.data_dir / "clock", create=True).stand_at(plan.starts_at - timedelta(minutes=30))
    async with stack:
        accidents = disturb(stack) if disturb is not None else None
        how = await play(stack.access, plan, progress=accidents or (lambda _: None))
        report = await report_on(stack.access, plan, how)
        found = await examine(stack.access.settings())
        assert not ClockFile(stack.access.clock_file).standing_still
        with pytest.raises(DayRefused, match="never goes back"):
            plan_day(FOLDER, on=MONDAY, seed=7, clock=ClockFile(stack.access.clock_file))
        assert plan_day(FOLDER, on=None, seed=7, clock=ClockFile(stack.access.clock_file)).on == date(2026, 3, 9)
    return report, accidents.killed if accidents is not None else [], found


def a_morning() -> DayPlan:
    whole = plan_day(FOLDER, on=SATURDAY, seed=7, clock=None)
    return DayPlan(whole.territory, whole.assumptions, whole.demand, whole.cast, until=NOON)


async def test_the_same_morning_with_each_process_killed_once_takes_longer_and_decides_the_same() -> None:
    plan = a_morning()
    quiet, _, found = await played(plan)
    figures = quiet.body()
    assert list(figures)[: len(FIRST_KEYS)] == list(FIRST_KEYS)
    assert (figures["lost"], figures["duplicated"], figures["double_booked"]) == (0, 0, 0), figures["invariants"]
    assert figures["pilotage_differs"] == {}
    assert figures["requests"] == len(plan.demand.needs)
    assert figures["calls"] >= len(plan.demand.calls)
    assert figures["booked"] == sum(figures["by_mode"].values()) > figures["requests"] / 2
    assert figures["handed_over"] == figures["acknowledged"] >= figures["red_flags"]
    assert {name: found[name] for name in ("orphan_requests", "double_booked", "dead_letters", "consumer_lag", "personal_data_found")} == {
        "orphan_requests": 0, "double_booked": 0, "dead_letters": 0, "consumer_lag": 0, "personal_data_found": 0,
    }, found  # fmt: skip
    page = render(quiet)
    assert page.count("<svg") == 6 and "promesse tenue" in page and "rompue" not in page

    first = plan.starts_at + timedelta(minutes=30)
    disturbed, killed, found = await played(plan, lambda stack: Accidents(stack, first, timedelta(minutes=22)))
    again = disturbed.body()
    assert killed == list(VICTIMS)
    assert (again["lost"], again["duplicated"], again["double_booked"]) == (0, 0, 0), again["invariants"]
    assert found["dead_letters"] == 0
    assert again["demand_digest"] == figures["demand_digest"]
    assert again["decisions_digest"] == figures["decisions_digest"]


@pytest.mark.proof
async def test_a_whole_monday_twice_decides_the_same() -> None:
    plan = plan_day(FOLDER, on=MONDAY, seed=7, clock=None)
    first, second = [(await played_whole(plan)).body() for _ in range(2)]
    assert first["decisions_digest"] == second["decisions_digest"]
    for figures in (first, second):
        assert (figures["lost"], figures["duplicated"], figures["double_booked"]) == (0, 0, 0), figures["invariants"]
        assert figures["pilotage_differs"] == {}
        assert figures["wall_seconds"] > 0


async def played_whole(plan: DayPlan) -> Report:
    stack = TemporaryStack(services=SERVICES, durable=False)
    ClockFile(stack.data_dir / "clock", create=True).stand_at(plan.starts_at - timedelta(minutes=30))
    async with stack:
        return await report_on(stack.access, plan, await play(stack.access, plan))
