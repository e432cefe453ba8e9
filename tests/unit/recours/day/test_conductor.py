"""The stepped clock: order, promises of the stack kept at their instant, one script at a time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recours.day.conductor import Conductor, Pace
from recours.day.draws import Draws
from shared.clock import ClockFile

EIGHT = datetime(2026, 3, 2, 7, tzinfo=UTC)


class StackOfOneTimer:
    """A stack that settles at once and has one promise after the other."""

    def __init__(self, clock: ClockFile, *promises: datetime) -> None:
        self._clock = clock
        self.promises = list(promises)
        self.kept: list[tuple[datetime, datetime]] = []
        self.settlings = 0

    async def settle(self) -> datetime | None:
        self.settlings += 1
        return self.promises[0] if self.promises else None

    async def tick(self) -> None:
        while self.promises and self.promises[0] <= self._clock.now():
            self.kept.append((self.promises.pop(0), self._clock.now()))


@pytest.fixture
def clock(tmp_path: Path) -> ClockFile:
    return ClockFile(tmp_path / "clock", create=True)


def a_conductor(clock: ClockFile, stack: StackOfOneTimer) -> Conductor:
    return Conductor(clock, stack, starts_at=EIGHT)  # type: ignore[arg-type]  # the two methods that it uses


def noted(into: list[tuple[str, datetime]], name: str, clock: ClockFile) -> Callable[[], object]:
    async def note() -> None:
        into.append((name, clock.now()))

    return note


async def test_actions_go_in_the_order_of_their_instants_and_the_clock_stands_at_each(clock: ClockFile) -> None:
    stack, seen = StackOfOneTimer(clock), list[tuple[str, datetime]]()
    conductor = a_conductor(clock, stack)
    for name, minutes, rank in (("late", 61, 5), ("second", 3, 5), ("first", 3, 1), ("opening", 0, 5)):
        conductor.at(EIGHT + timedelta(minutes=minutes), noted(seen, name, clock), rank=rank)  # type: ignore[arg-type]
    await conductor.play(EIGHT + timedelta(hours=1))
    assert seen == [
        ("opening", EIGHT), ("first", EIGHT + timedelta(minutes=3)), ("second", EIGHT + timedelta(minutes=3)),
    ]  # fmt: skip
    assert clock.standing_still and clock.now() == EIGHT + timedelta(hours=1)


async def test_a_promise_is_kept_at_its_instant_before_anybody_acts_after_it(clock: ClockFile) -> None:
    due = EIGHT + timedelta(seconds=61)
    stack, seen = StackOfOneTimer(clock, due, due + timedelta(minutes=1)), list[tuple[str, datetime]]()
    conductor = a_conductor(clock, stack)
    conductor.at(EIGHT, noted(seen, "before", clock))  # type: ignore[arg-type]
    conductor.at(due + timedelta(seconds=1), noted(seen, "after", clock))  # type: ignore[arg-type]
    await conductor.play(EIGHT + timedelta(minutes=10))
    assert stack.kept == [(due, due), (due + timedelta(minutes=1), due + timedelta(minutes=1))]
    assert [name for name, _ in seen] == ["before", "after"]


async def test_a_timer_started_inside_a_step_stops_the_step(clock: ClockFile) -> None:
    """A hand-over is settled at once: its 60 seconds are seen although the step lasts two minutes."""
    stack = StackOfOneTimer(clock)
    conductor = a_conductor(clock, stack)
    order: list[str] = []

    async def hand_over() -> None:
        stack.promises.append(EIGHT + timedelta(seconds=60))
        conductor.touched()
        await conductor.settled()

    async def answer() -> None:
        order.append(f"answered after {len(stack.kept)} rung")

    conductor.at(EIGHT, hand_over)
    conductor.at(EIGHT + timedelta(seconds=90), answer)
    await conductor.play(EIGHT + timedelta(minutes=5))
    assert order == ["answered after 1 rung"]
    assert stack.kept == [(EIGHT + timedelta(seconds=60), EIGHT + timedelta(seconds=60))]


async def test_quiet_hours_cost_nothing(clock: ClockFile) -> None:
    stack = StackOfOneTimer(clock)
    conductor = a_conductor(clock, stack)
    await conductor.play(EIGHT + timedelta(hours=12))
    assert conductor.steps == 0
    assert stack.settlings <= 2


async def test_scripts_take_turns_and_never_overlap(clock: ClockFile) -> None:
    conductor = a_conductor(clock, StackOfOneTimer(clock))
    told: list[str] = []

    def a_person(name: str, *waits: float) -> Callable[[Pace], object]:
        async def script(pace: Pace) -> None:
            for seconds in waits:
                told.append(f"{name} at {(conductor.now - EIGHT).total_seconds():.0f}")
                await pace.wait(seconds)
            told.append(f"{name} leaves at {(conductor.now - EIGHT).total_seconds():.0f}")

        return script

    conductor.plan(EIGHT, a_person("A", 30, 200))  # type: ignore[arg-type]
    conductor.plan(EIGHT, a_person("B", 10))  # type: ignore[arg-type]
    await conductor.play(EIGHT + timedelta(minutes=10))
    assert told == ["A at 0", "B at 0", "B leaves at 10", "A at 30", "A leaves at 230"]


async def test_what_a_script_raises_ends_the_day(clock: ClockFile) -> None:
    conductor = a_conductor(clock, StackOfOneTimer(clock))

    async def script(pace: Pace) -> None:
        await pace.wait(5)
        raise LookupError("no such patient")

    conductor.plan(EIGHT, script)
    with pytest.raises(LookupError, match="no such patient"):
        await conductor.play(EIGHT + timedelta(minutes=1))
    await conductor.dismiss()


async def test_who_still_waits_at_the_end_goes_home(clock: ClockFile) -> None:
    conductor = a_conductor(clock, StackOfOneTimer(clock))
    left: list[str] = []

    async def script(pace: Pace) -> None:
        try:
            await pace.wait(3600)
        finally:
            left.append("home")

    conductor.plan(EIGHT, script)
    await conductor.play(EIGHT + timedelta(minutes=1))
    await conductor.dismiss()
    assert left == ["home"]


async def test_lookers_look_once_per_settling_that_had_something(clock: ClockFile) -> None:
    conductor = a_conductor(clock, StackOfOneTimer(clock))
    looks: list[datetime] = []

    async def look() -> None:
        looks.append(conductor.now)

    async def command() -> None:
        conductor.touched()

    conductor.look_after_settling(look)
    conductor.at(EIGHT + timedelta(minutes=1), command)
    await conductor.settled()
    await conductor.settled()
    assert len(looks) == 1
    await conductor.play(EIGHT + timedelta(minutes=30))
    assert len(looks) == 3  # after the command, and at the end


def test_draws_depend_on_seed_question_and_subject_only() -> None:
    on = datetime(2026, 3, 2).date()  # noqa: DTZ001 - a day
    one, same, other = Draws("bievre", on, 7), Draws("bievre", on, 7), Draws("bievre", on, 8)
    first = [one.between("voice", subject, (0, 10_000)) for subject in range(20)]
    backwards = [same.between("voice", subject, (0, 10_000)) for subject in reversed(range(20))]
    assert first == backwards[::-1]
    assert first != [other.between("voice", subject, (0, 10_000)) for subject in range(20)]
    assert first != [one.between("look", subject, (0, 10_000)) for subject in range(20)]


def test_a_tail_has_its_median_and_its_end() -> None:
    draws = Draws("bievre", datetime(2026, 3, 2).date(), 7)  # noqa: DTZ001 - a day
    seconds = sorted(draws.tail("voice", subject, median=24, longest=180) for subject in range(4000))
    assert 22 <= seconds[2000] <= 27
    assert seconds[0] >= 1 and seconds[-1] == 180
