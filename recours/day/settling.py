"""Waiting until the stack has nothing left to do, by asking every service (`GET /internal/settled`), never by sleeping a while."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from recours.day.ops_line import OpsLine
from shared.settling import SettledReport, earliest_due, is_settled

_PAUSE_SECONDS = 0.01
_AWAY_PAUSE_SECONDS = 0.2
_ASK_ALL_AFTER_SECONDS = 0.5


class NotSettled(RuntimeError):
    """The stack did not come to rest; the message names who was busy, or away."""


class Watch:
    """Looks at all services. A service that is away is waited for: the day becomes longer, never different."""

    def __init__(self, ops_urls: Mapping[str, str], *, patience_seconds: float = 180.0) -> None:
        self._services = tuple(ops_urls)
        self._lines = {name: OpsLine(url) for name, url in ops_urls.items()}
        self._patience_seconds = patience_seconds
        self._without_log: Callable[[], datetime] | None = None
        self.waited_seconds = 0.0
        self.looks = 0
        self.judged_at = 0.0
        """When the last look began that found the stack settled, on the machine's monotonic clock."""

    def do_without_log(self, now: Callable[[], datetime]) -> None:
        """From now on « settled » asks nothing of the log, which is known to be unreachable: no timer due by `now`, nothing counted.

        Else business time would stand still for as long as the broker is away.
        """
        self._without_log = now

    def wait_for_log(self) -> None:
        """The log is back: « settled » means all of it again."""
        self._without_log = None

    async def settle(self) -> datetime | None:
        """Returns once the stack is settled: the instant of its next promise. Raises NotSettled when it never is.

        For half a second only the busy ones are asked again, then everybody; the judgement itself is always two looks at everybody.
        """
        started = time.monotonic()
        deadline = started + self._patience_seconds
        known: dict[str, SettledReport | None] = {}
        asked = self._services
        while True:
            if time.monotonic() > deadline:
                raise NotSettled(f"the stack is not settled after {self._patience_seconds:.0f} s: {self._explain(known)}")
            known |= await self._look(asked)
            asked = self._unfinished(known)
            if not asked:
                before = [report for report in known.values() if report is not None]
                judged_at = time.monotonic()
                again = await self._look(self._services)
                after = [report for report in again.values() if report is not None]
                asked = self._unfinished(again)
                if not asked and self._is_settled(before, after):
                    self.judged_at = judged_at
                    self.waited_seconds += time.monotonic() - started
                    return earliest_due(after)
                known = again
                continue
            if time.monotonic() - started > _ASK_ALL_AFTER_SECONDS:
                asked = self._services  # a broker that came back empty makes what the others said before void
            away = any(report is None for report in known.values())
            await asyncio.sleep(_AWAY_PAUSE_SECONDS if away else _PAUSE_SECONDS)

    async def reports(self) -> list[SettledReport]:
        """One look at everybody; waits for a service that is away."""
        deadline = time.monotonic() + self._patience_seconds
        while True:
            found = await self._look(self._services)
            answered = [report for report in found.values() if report is not None]
            if len(answered) == len(found):
                return answered
            if time.monotonic() > deadline:
                raise NotSettled("a service does not answer on its operations address")
            await asyncio.sleep(_AWAY_PAUSE_SECONDS)

    async def tick(self) -> None:
        """Poke every service to run now what is due; whoever is away will do it by itself."""
        await asyncio.gather(*(line.ask("POST", "/internal/tick") for line in self._lines.values()))

    async def close(self) -> None:
        for line in self._lines.values():
            await line.close()

    async def _look(self, services: Sequence[str]) -> dict[str, SettledReport | None]:
        self.looks += len(services)
        found = await asyncio.gather(*(self._ask(self._lines[name]) for name in services))
        return dict(zip(services, found, strict=True))

    def _is_settled(self, before: Sequence[SettledReport], after: Sequence[SettledReport]) -> bool:
        if self._without_log is not None:
            return [report.counters for report in before] == [report.counters for report in after]
        return is_settled(before, after)

    def _unfinished(self, known: Mapping[str, SettledReport | None]) -> tuple[str, ...]:
        """Who is away, busy, or behind what somebody has published."""
        if self._without_log is not None:
            now = self._without_log()
            return tuple(
                name
                for name in self._services
                if (report := known[name]) is None or (report.next_due_at is not None and report.next_due_at <= now)
            )
        ends: dict[str, int] = {}
        for report in known.values():
            for place, offset in report.confirmed.items() if report is not None else ():
                ends[place] = max(ends.get(place, 0), offset)
        return tuple(
            name
            for name in self._services
            if (report := known[name]) is None
            or not report.quiet
            or any(offset < ends.get(place, 0) for place, offset in report.positions.items())
        )

    def _explain(self, known: Mapping[str, SettledReport | None]) -> str:
        """For whoever must look: who is away, at work, without its partitions, or behind."""
        words = []
        for name in self._unfinished(known):
            report = known[name]
            if report is None:
                words.append(f"{name} is away")
            elif not report.positions:
                words.append(f"{name} reads no partition")
            else:
                words.append(
                    f"{name} is {'behind' if report.quiet else 'at work'} (handled {report.counters}, stands at {report.positions})"
                )
        return "; ".join(words)

    async def _ask(self, line: OpsLine) -> SettledReport | None:
        answer = await line.ask("GET", "/internal/settled")
        return None if answer is None else SettledReport.model_validate_json(answer)
