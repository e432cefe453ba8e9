"""Sixteen secretaries on the same few slots while the servers die: whatever they were told is true, and the agenda has one order."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime

import asyncpg
import pytest

from recours.stack.loading import load_territory
from recours.stack.stack import TemporaryStack
from shared.clock import ClockFile
from tests.history.evidence import rest
from tests.history.judge import Violations, judge
from tests.history.record import Recorder
from tests.history.rush import SERVICES, Rush, schedule, strike

TUESDAY = date(2026, 11, 24)
MORNING = datetime(2026, 11, 24, 7, 50, tzinfo=UTC)
VICTIMS = ("scheduling", "postgres", "kafka", "intake", "valkey")


async def under_fire(
    *, seed: int, seconds: float, every: float, victims: Sequence[str] = VICTIMS, without: str | None = None
) -> Violations:
    """A rush of `seconds` with a kill every so many, settled and judged; `without` a guard of scheduling's database, in SQL."""
    recorder = Recorder()
    kills = schedule(seed, seconds=seconds, every=every, victims=victims)
    async with TemporaryStack(services=SERVICES) as stack:  # durable: PostgreSQL is killed, and what it had accepted must stand
        ClockFile(stack.access.clock_file).run_from(MORNING)
        await load_territory(stack.access, stack.services, on=TUESDAY)
        if without is not None:
            owner = await asyncpg.connect(stack.access.settings()["RECOURS_SCHEDULING_OWNER_DATABASE_URL"])
            await owner.execute(without)
            await owner.close()
        rush = Rush(stack, recorder, seed=seed)
        async with asyncio.TaskGroup() as together:
            together.create_task(rush.run())
            together.create_task(strike(stack, kills, seconds=seconds, stop=rush.stop))
        await rest(stack.access, SERVICES)
        verdict = await judge(stack.access, recorder)
    print(f"seed {seed}, kills: {', '.join(map(str, kills))}\n{verdict}")
    return verdict


@pytest.mark.stack
async def test_what_the_secretaries_were_told_is_true_though_servers_die() -> None:
    verdict = await under_fire(seed=4, seconds=11, every=2)  # each of the five dies once
    assert verdict.total == 0, str(verdict)
    assert verdict.looked_at["accepted"] > 50 and verdict.looked_at["agenda_operations"] > 20, str(verdict)  # it was a rush


@pytest.mark.proof
@pytest.mark.stack
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_long_rush_with_many_kills_has_one_order(seed: int) -> None:
    verdict = await under_fire(seed=seed, seconds=90, every=3)
    assert verdict.total == 0, str(verdict)
    assert verdict.looked_at["agenda_operations"] > 1000, str(verdict)


@pytest.mark.proof
@pytest.mark.stack
async def test_the_same_rush_without_the_exclusion_constraint_is_found_out() -> None:
    """The checker sees what it is there to see."""
    dropped = "ALTER TABLE period DROP CONSTRAINT appointment_no_overlap"
    verdict = await under_fire(seed=20261124, seconds=10, every=100, without=dropped)
    assert verdict.kinds["agenda"] > 0, str(verdict)
