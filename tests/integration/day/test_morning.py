"""A Saturday morning through the whole stack: unharmed, then with each process killed once. The decisions must be the same."""

from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from recours.check.command import examine
from recours.day.page import render
from recours.day.play import DayPlan, DayRefused, plan_day, play
from recours.day.report import FIRST_KEYS, Report, report_on
from recours.day.stage import SERVICES
from recours.stack.stack import TemporaryStack
from shared.clock import ClockFile
from tests.faults.proof import FOLDER, harmed_day
from tests.faults.report import DayUnderFaults
from tests.faults.schedule import Arsenal, Fault, Freeze, FullDisk, Kill

SATURDAY, MONDAY = date(2026, 3, 7), date(2026, 3, 2)
NOON = time(12, 15)
BURSTS: tuple[tuple[Kill | Freeze, ...], ...] = (
    (Kill("pilotage"), Kill("intake"), Kill("valkey")),
    (Kill("broker"), Kill("scheduling")),
    (Kill("postgres"), Kill("regulation")),
    (Kill("orientation"), Kill("teleconsult"), Kill("console"), Freeze("scheduling", seconds=1.5)),
)

pytestmark = [pytest.mark.stack, pytest.mark.timeout(420)]


async def unharmed(plan: DayPlan) -> tuple[Report, dict[str, object]]:
    """The report of `plan` on a stack of its own, and what `recours check` finds afterwards."""
    stack = TemporaryStack(services=SERVICES, durable=False)
    ClockFile(stack.data_dir / "clock", create=True).stand_at(plan.starts_at - timedelta(minutes=30))
    async with stack:
        report = await report_on(stack.access, plan, await play(stack.access, plan))
        found = await examine(stack.access.settings())
        assert not ClockFile(stack.access.clock_file).standing_still
        with pytest.raises(DayRefused, match="never goes back"):
            plan_day(FOLDER, on=MONDAY, seed=7, clock=ClockFile(stack.access.clock_file))
        assert plan_day(FOLDER, on=None, seed=7, clock=ClockFile(stack.access.clock_file)).on == date(2026, 3, 9)
    return report, found


def accidents(plan: DayPlan, arsenal: Arsenal) -> list[Fault]:
    """Each process killed once, several at a time; a relay that stops; where a disk can be mounted, a full one."""
    first, every = plan.starts_at + timedelta(minutes=30), timedelta(minutes=35)
    faults = [
        Fault(first + every * place, kind, jitter_ms=40 * order) for place, burst in enumerate(BURSTS) for order, kind in enumerate(burst)
    ]
    if arsenal.has_disk:
        faults.append(Fault(first + every * len(BURSTS), FullDisk(seconds=2.0)))
    return faults


async def test_the_same_morning_with_each_process_killed_once_takes_longer_and_decides_the_same() -> None:
    plan = replace(plan_day(FOLDER, on=SATURDAY, seed=7, clock=None), until=NOON)
    quiet, found = await unharmed(plan)
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

    harmed = DayUnderFaults(plan.on.isoformat(), [], expected_digest=figures["decisions_digest"])
    left_out = await harmed_day("embedded", plan, schedule=lambda arsenal: accidents(plan, arsenal), day=harmed)
    again = harmed.figures
    assert harmed.failures == []
    assert len(harmed.injected) == len(accidents(plan, Arsenal((), (), has_disk=left_out is None)))
    assert (again["lost"], again["duplicated"], again["double_booked"], again["dead_letters"]) == (0, 0, 0, 0), again["invariants"]
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
