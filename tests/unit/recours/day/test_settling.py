"""When the conductor may step: everybody quiet, twice, and nobody behind a log that still exists."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from recours.day.settling import NotSettled, Watch
from shared.settling import SettledReport

DUE = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Line:
    """Says what it is told to say, the last thing for ever; None = away."""

    def __init__(self, reports: Iterable[SettledReport | None]) -> None:
        self._reports = list(reports)
        self.asked = 0

    async def ask(self, method: str, path: str) -> bytes | None:
        self.asked += 1
        report = self._reports.pop(0) if len(self._reports) > 1 else self._reports[0]
        return None if report is None else report.model_dump_json().encode()

    async def close(self) -> None:
        """Nothing to close."""


def a_watch(patience_seconds: float = 5, **lines: Line) -> Watch:
    watch = Watch(dict.fromkeys(lines, "http://127.0.0.1:1"), patience_seconds=patience_seconds)
    watch._lines = lines  # type: ignore[assignment]  # the two methods that it uses
    return watch


def says(
    quiet: bool = True, *, handled: int = 0, confirmed: int = 0, position: int | None = None, due: datetime | None = None
) -> SettledReport:
    return SettledReport(
        service="any", quiet=quiet, counters={"handled": handled}, confirmed={"intake.calls:0": confirmed} if confirmed else {},
        positions={} if position is None else {"intake.calls:0": position}, next_due_at=due,
    )  # fmt: skip


async def test_a_quiet_stack_is_believed_at_the_second_look() -> None:
    one, two = Line([says()]), Line([says(due=DUE)])
    assert await a_watch(one=one, two=two).settle() == DUE
    assert (one.asked, two.asked) == (2, 2)


async def test_who_handled_something_in_between_is_looked_at_again() -> None:
    line = Line([says(), says(handled=1), says(handled=1)])
    await a_watch(one=line).settle()
    assert line.asked == 3


async def test_only_the_busy_one_is_asked_again_at_first() -> None:
    busy, calm = Line([says(False), says(False), says(False), says()]), Line([says()])
    await a_watch(busy=busy, calm=calm).settle()
    assert (busy.asked, calm.asked) == (5, 2)


async def test_a_reader_behind_what_was_published_is_waited_for() -> None:
    reader = Line([says(position=7), says(position=9), says(position=10)])
    await a_watch(publisher=Line([says(confirmed=10)]), reader=reader).settle()
    assert reader.asked >= 4


async def test_what_was_confirmed_to_a_log_that_is_gone_is_forgotten() -> None:
    """The publisher spoke before the broker was killed; the new log is shorter than the old one."""
    publisher, reader = Line([says(confirmed=40), says(confirmed=10)]), Line([says(False, position=40), says(position=10)])
    await a_watch(publisher=publisher, reader=reader).settle()


async def test_who_is_away_is_waited_for_and_named_at_the_end() -> None:
    await a_watch(one=Line([None, None, says()])).settle()
    with pytest.raises(NotSettled, match="one is away"):
        await a_watch(0.3, one=Line([None]), two=Line([says()])).settle()
    with pytest.raises(NotSettled, match="two is behind"):
        await a_watch(0.3, one=Line([says(confirmed=3)]), two=Line([says(position=2)])).settle()


async def test_while_the_log_is_known_to_be_away_only_people_and_timers_are_waited_for() -> None:
    behind, unpublished = Line([says(position=0)]), Line([says(quiet=False, confirmed=4)])
    watch = a_watch(0.2, behind=behind, unpublished=unpublished)
    watch.do_without_log(lambda: DUE)
    assert await watch.settle() is None
    late = a_watch(0.2, late=Line([says(due=DUE)]))
    late.do_without_log(lambda: DUE)
    with pytest.raises(NotSettled):
        await late.settle()
    watch.wait_for_log()
    with pytest.raises(NotSettled):
        await watch.settle()
