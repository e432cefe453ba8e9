"""What a proof found: faults by kind, the three noughts, the history, decisions, and how long catching up took. JSON or a table."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.player import Injected

PROMISE_SECONDS = 30.0
_TOLD = ("lost", "duplicated", "double_booked", "dead_letters", "history_violations", "decisions_as_unharmed")


@dataclass
class DayUnderFaults:
    """One day. `figures`: its own report, empty when it stopped; `expected_digest`: of the unharmed day, if they must agree."""

    on: str
    injected: Sequence[Injected]
    figures: Mapping[str, Any] = field(default_factory=dict)
    expected_digest: str | None = None
    violations: int | None = None
    looked_at: Mapping[str, int] = field(default_factory=dict)
    """What the history was judged on: commands, facts, operations on agendas."""

    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def body(self) -> dict[str, Any]:
        told = (
            "lost",
            "duplicated",
            "double_booked",
            "dead_letters",
            "pilotage_differs",
            "requests",
            "booked",
            "events",
            "decisions_digest",
        )
        same = None if self.expected_digest is None else self.figures.get("decisions_digest") == self.expected_digest
        return {
            "on": self.on,
            "faults": len(self.injected),
            **{name: self.figures.get(name) for name in told},
            "decisions_as_unharmed": same,
            "history_violations": self.violations,
            "history": dict(self.looked_at),
            "failures": list(self.failures),
            "invariants": self.figures.get("invariants"),
            "repeated_commands": self.figures.get("machine", {}).get("repeated"),
            "wall_seconds": round(self.seconds, 1),
            "injected": [f"{one.fault}: caught up after {_seconds(one.catch_up_seconds)}" for one in self.injected],
        }


@dataclass
class Proof:
    """All days of one kind of broker."""

    broker: str
    seed: int
    versions: Mapping[str, str]
    wanted: int
    days: list[DayUnderFaults] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    wall_seconds: float = 0.0
    stopped: str | None = None

    @property
    def injected(self) -> list[Injected]:
        return [one for day in self.days for one in day.injected]

    def total(self, name: str) -> int:
        """Of a nought, over all days that have a report; one without is among the failures."""
        return sum(int(day.figures.get(name, 0)) for day in self.days)

    @property
    def failures(self) -> list[str]:
        """Everything that makes the proof fail, in words."""
        said = [f"{day.on}: {failure}" for day in self.days for failure in day.failures]
        said += [f"{day.on}: no report" for day in self.days if not day.figures]
        said += [f"{name} = {self.total(name)}" for name in ("lost", "duplicated", "double_booked", "dead_letters") if self.total(name)]
        said += [f"{day.on}: other decisions than unharmed" for day in self.days if day.body()["decisions_as_unharmed"] is False]
        said += [
            f"{day.on}: pilotage counts otherwise {day.figures['pilotage_differs']}"
            for day in self.days
            if day.figures.get("pilotage_differs")
        ]
        said += [f"{day.on}: {day.violations} violations of the history" for day in self.days if day.violations]
        slow = [one for one in self.injected if one.catch_up_seconds is None or one.catch_up_seconds >= PROMISE_SECONDS]
        said += [f"{one.fault}: caught up after {_seconds(one.catch_up_seconds)}" for one in slow]
        if self.stopped is not None:
            said.append(self.stopped)
        if len(self.injected) < self.wanted:
            said.append(f"only {len(self.injected)} of {self.wanted} faults were injected")
        return said

    def body(self) -> dict[str, Any]:
        """The one JSON object."""
        compared = [same for day in self.days if (same := day.body()["decisions_as_unharmed"]) is not None]
        return {
            "broker": self.broker,
            "seed": self.seed,
            "faults": len(self.injected),
            "days": len(self.days),
            "lost": self.total("lost"),
            "duplicated": self.total("duplicated"),
            "double_booked": self.total("double_booked"),
            "dead_letters": self.total("dead_letters"),
            "history_violations": _sum(day.violations for day in self.days),
            "decisions_as_unharmed": all(compared) if compared else None,
            "days_compared": len(compared),
            "catch_up": _spread(self.injected),
            "catch_up_by_kind": {kind: {"faults": len(found), **_spread(found)} for kind, found in _by_kind(self.injected).items()},
            "faults_by_kind": dict(sorted(Counter(one.kind for one in self.injected).items())),
            "failures": self.failures,
            "left_out": self.left_out,
            "by_day": [day.body() for day in self.days],
            "versions": dict(self.versions),
            "wall_seconds": round(self.wall_seconds, 1),
        }

    def table(self) -> str:
        """For people."""
        body = self.body()
        lines = [
            f"{body['faults']} faults over {body['days']} days on {self.broker} (seed {self.seed}, {body['wall_seconds']:.0f} s)",
            "  ".join(f"{name.replace('_', ' ')} {_or_dash(body[name])}" for name in _TOLD),
            f"{'fault':<24}{'times':>6}{'p50 s':>8}{'max s':>8}",
        ]
        for kind, found in sorted(body["catch_up_by_kind"].items()):
            lines.append(f"{kind:<24}{found['faults']:>6}{_or_dash(found['p50_seconds']):>8}{_or_dash(found['max_seconds']):>8}")
        every = body["catch_up"]
        lines.append(f"{'all':<24}{body['faults']:>6}{_or_dash(every['p50_seconds']):>8}{_or_dash(every['max_seconds']):>8}")
        lines += [f"left out: {reason}" for reason in self.left_out]
        lines += [f"FAILED  {failure}" for failure in self.failures]
        return "\n".join(lines)


def _by_kind(injected: Iterable[Injected]) -> dict[str, list[Injected]]:
    found: dict[str, list[Injected]] = defaultdict(list)
    for one in injected:
        found[one.kind].append(one)
    return dict(sorted(found.items()))


def _spread(injected: Iterable[Injected]) -> dict[str, float | None]:
    seconds = [one.catch_up_seconds for one in injected if one.catch_up_seconds is not None]
    if not seconds:
        return {"p50_seconds": None, "max_seconds": None}
    return {"p50_seconds": round(statistics.median(seconds), 2), "max_seconds": round(max(seconds), 2)}


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _or_dash(value: float | None) -> str:
    return "-" if value is None else str(value)


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"
