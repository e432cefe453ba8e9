"""Shares, medians and the 48 h, calendar and open. Numbers that nobody can compute are None, never zero."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from services.pilotage.domain.stories import RequestStory
from shared.calendar import open_hours_between
from shared.territory import Territory

CONTRACT = timedelta(hours=48)  # operations.md §13.3: from the first ring


@dataclass(frozen=True)
class Spread:
    """A list of durations in minutes, reduced. `p90` is the smallest value that nine tenths do not exceed."""

    count: int
    median: float | None
    p90: float | None
    longest: float | None


def share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def spread(durations: Iterable[timedelta]) -> Spread:
    minutes = sorted(duration.total_seconds() / 60 for duration in durations)
    if not minutes:
        return Spread(0, None, None, None)
    middle = len(minutes) // 2
    median = minutes[middle] if len(minutes) % 2 else (minutes[middle - 1] + minutes[middle]) / 2
    return Spread(len(minutes), round(median, 2), round(_rank(minutes, 0.9), 2), round(minutes[-1], 2))


def percentile(values: Sequence[float], part: float) -> float | None:
    return _rank(sorted(values), part) if values else None


def _rank(ordered: Sequence[float], part: float) -> float:
    return ordered[max(0, ceil(part * len(ordered)) - 1)]


def answered_within(story: RequestStory, limit: timedelta) -> bool:
    """Seen or advised within `limit` of elapsed time from the ring, whatever the clock on the wall did meanwhile."""
    return story.rang_at is not None and story.answered_at is not None and story.answered_at - story.rang_at <= limit


def answered_within_open(story: RequestStory, limit: timedelta, territory: Territory) -> bool:
    """The same, counting only time with the line open."""
    if story.rang_at is None or story.answered_at is None:
        return False
    return open_hours_between(territory, story.rang_at, story.answered_at) <= limit


def late(story: RequestStory, at: datetime) -> bool:
    """48 h have gone at `at` without an answer in time."""
    return story.rang_at is not None and story.rang_at + CONTRACT < at and not answered_within(story, CONTRACT)
