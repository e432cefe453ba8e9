"""From weekly availability, in local wall time, to slots in UTC. Lengths are operations.md §9, as settings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

from services.scheduling.domain.model import SUPERVISED
from services.scheduling.domain.refusals import AvailabilityOverlaps, RotaOverlaps
from shared.events.base import Mode
from shared.events.scheduling import PractitionerStatus


@dataclass(frozen=True, slots=True)
class SlotRules:
    """Lengths and limits of the slots. A video block of 75 min holds four quarters of an hour and one free one."""

    video_minutes: int = 15
    video_block_minutes: int = 75
    video_last_start: time = time(19, 30)
    surgery_minutes: int = 20
    visit_minutes: int = 30
    road_minimum_minutes: int = 10
    visit_last_start: time = time(12, 20)
    visits_per_round: int = 4
    visits_per_round_supervised: int = 3
    visit_step_minutes: int = 40
    visit_step_supervised_minutes: int = 50
    window_minutes: int = 45

    def window_around(self, announced_at: datetime) -> tuple[datetime, datetime]:
        """« Le docteur passe entre … et … »."""
        margin = timedelta(minutes=self.window_minutes)
        return announced_at - margin, announced_at + margin


@dataclass(frozen=True, slots=True)
class Availability:
    """One line of a doctor's week: `weekday` 1 is Monday; `protected` slots a half-day are kept for `same_day`."""

    weekday: int
    from_time: time
    to_time: time
    mode: Mode
    valid_from: date
    valid_to: date | None = None
    protected: int = 0

    def covers(self, on: date) -> bool:
        return self.weekday == on.isoweekday() and self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


@dataclass(frozen=True, slots=True)
class PlannedSlot:
    """A slot to be made; `round_starts_at` names the round whose place it is."""

    mode: Mode
    starts_at: datetime
    ends_at: datetime
    on: date
    protected: bool = False
    round_starts_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PlannedRound:
    """The period that a doctor gives to visits: it occupies him whole, its visits are places inside."""

    starts_at: datetime
    ends_at: datetime
    last_start_at: datetime
    capacity: int
    on: date


@dataclass(frozen=True, slots=True)
class PlannedDay:
    on: date
    rounds: tuple[PlannedRound, ...]
    slots: tuple[PlannedSlot, ...]

    def count(self, mode: Mode) -> int:
        return sum(slot.mode == mode for slot in self.slots)


def instant(on: date, wall: time, zone: ZoneInfo) -> datetime:
    """The UTC instant of a wall time: in the gap of spring the later one, in the fold of autumn the first (PEP 495, fold=0)."""
    return datetime.combine(on, wall, tzinfo=zone).replace(fold=0).astimezone(UTC)


def day_bounds(on: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Midnight to midnight in UTC: 23, 24 or 25 hours."""
    return instant(on, time(), zone), instant(on + timedelta(days=1), time(), zone)


def check_week(availabilities: Sequence[Availability]) -> None:
    """Raises AvailabilityOverlaps when two lines cover one wall time on days on which both are valid."""
    for position, one in enumerate(availabilities):
        for other in availabilities[position + 1 :]:
            same_days = one.weekday == other.weekday and _valid_together(one, other)
            if same_days and one.from_time < other.to_time and other.from_time < one.to_time:
                raise AvailabilityOverlaps(f"weekday {one.weekday}: {one.from_time:%H:%M} and {other.from_time:%H:%M}")


def plan_day(
    availabilities: Iterable[Availability], on: date, *, status: PractitionerStatus, zone: ZoneInfo, closed: bool, rules: SlotRules
) -> PlannedDay:
    """All slots and rounds of one local day; none when the territory is closed."""
    rounds: list[PlannedRound] = []
    slots: list[PlannedSlot] = []
    free_at = day_bounds(on, zone)[0]
    if closed:
        return PlannedDay(on, (), ())
    for line in sorted((line for line in availabilities if line.covers(on)), key=lambda line: line.from_time):
        # an end in the gap of spring is an hour later than it reads: the next line starts after it
        start, end = max(free_at, instant(on, line.from_time, zone)), instant(on, line.to_time, zone)
        if start >= end:
            continue
        free_at = end
        if line.mode == "visit":
            made = _round(start, end, on, status=status, zone=zone, rules=rules)
            rounds.append(made)
            slots.extend(_places(made, status=status, rules=rules))
        else:
            starts = _video_starts(start, end, on, zone, rules) if line.mode == "teleconsultation" else _surgery_starts(start, end, rules)
            length = timedelta(minutes=rules.video_minutes if line.mode == "teleconsultation" else rules.surgery_minutes)
            open_slots = len(starts) - line.protected
            slots.extend(PlannedSlot(line.mode, at, at + length, on, protected=rank >= open_slots) for rank, at in enumerate(starts))
    return PlannedDay(on, tuple(rounds), tuple(slots))


def _valid_together(one: Availability, other: Availability) -> bool:
    return (other.valid_to is None or one.valid_from <= other.valid_to) and (one.valid_to is None or other.valid_from <= one.valid_to)


def _video_starts(start: datetime, end: datetime, on: date, zone: ZoneInfo, rules: SlotRules) -> list[datetime]:
    """Quarters of an hour, the last of each block left free; none after the last start."""
    length = timedelta(minutes=rules.video_minutes)
    per_block = rules.video_block_minutes // rules.video_minutes
    last = min(instant(on, rules.video_last_start, zone), end - length)
    quarters = (start + length * rank for rank in range(int((end - start) / length)) if rank % per_block != per_block - 1)
    return [quarter for quarter in quarters if quarter <= last]


def _surgery_starts(start: datetime, end: datetime, rules: SlotRules) -> list[datetime]:
    length = timedelta(minutes=rules.surgery_minutes)
    return [start + length * rank for rank in range(int((end - start) / length))]


def _round(start: datetime, end: datetime, on: date, *, status: PractitionerStatus, zone: ZoneInfo, rules: SlotRules) -> PlannedRound:
    last = min(instant(on, rules.visit_last_start, zone), end - timedelta(minutes=rules.visit_minutes))
    capacity = rules.visits_per_round_supervised if status in SUPERVISED else rules.visits_per_round
    return PlannedRound(start, end, last, capacity, on)


def _places(made: PlannedRound, *, status: PractitionerStatus, rules: SlotRules) -> list[PlannedSlot]:
    """The places of a round at their nominal times: the road's minimum, then one visit and its road after the other."""
    step = timedelta(minutes=rules.visit_step_supervised_minutes if status in SUPERVISED else rules.visit_step_minutes)
    first = made.starts_at + timedelta(minutes=rules.road_minimum_minutes)
    starts = [first + step * rank for rank in range(made.capacity)]
    length = timedelta(minutes=rules.visit_minutes)
    return [PlannedSlot("visit", at, at + length, made.on, round_starts_at=made.starts_at) for at in starts if at <= made.last_start_at]


@dataclass(frozen=True, slots=True)
class DutyPeriod:
    """Who answers advice between two instants (operations.md H7), and who stands in."""

    practitioner_id: UUID
    deputy_id: UUID | None
    starts_at: datetime
    ends_at: datetime


def check_rota(periods: Sequence[DutyPeriod]) -> None:
    """Raises RotaOverlaps when two of these periods share an instant."""
    in_order = sorted(periods, key=lambda period: period.starts_at)
    for one, following in pairwise(in_order):
        if following.starts_at < one.ends_at:
            raise RotaOverlaps(f"two duty doctors at {following.starts_at}")
