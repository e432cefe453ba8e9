"""Slots from availability: lengths, the free quarter, last starts, and the two nights when the clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduling.domain.refusals import AvailabilityOverlaps, RotaOverlaps
from services.scheduling.domain.slots import (
    Availability,
    DutyPeriod,
    PlannedDay,
    SlotRules,
    check_rota,
    check_week,
    day_bounds,
    instant,
    plan_day,
)
from shared.events.base import Mode
from shared.events.scheduling import PractitionerStatus
from tests.unit.scheduling.builders import NINE, PARIS, a_line, an_id

RULES = SlotRules()
MONDAY = date(2026, 3, 2)
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
CLOCK_CHANGES = [
    date(2024, 3, 31),
    date(2024, 10, 27),
    date(2025, 3, 30),
    date(2025, 10, 26),
    SPRING,
    AUTUMN,
    date(2027, 3, 28),
    date(2027, 10, 31),
]


def planned(*lines: Availability, on: date = MONDAY, status: PractitionerStatus = "titulaire", closed: bool = False) -> PlannedDay:
    return plan_day(lines, on, status=status, zone=PARIS, closed=closed, rules=RULES)


def walls(day: PlannedDay) -> list[str]:
    return [slot.starts_at.astimezone(PARIS).strftime("%H:%M") for slot in day.slots]


def test_an_afternoon_of_video_has_nineteen_quarters_and_one_free_in_five() -> None:
    day = planned(a_line("teleconsultation", "14:00", "20:00"))
    assert len(day.slots) == 19
    assert walls(day)[:6] == ["14:00", "14:15", "14:30", "14:45", "15:15", "15:30"]
    assert walls(day)[-1] == "19:30"


def test_surgery_has_twenty_minutes_and_nothing_over_the_end() -> None:
    assert walls(planned(a_line("surgery", "09:00", "10:10"))) == ["09:00", "09:20", "09:40"]


def test_a_round_has_four_places_an_adjoint_three_and_none_starts_after_12_20() -> None:
    gp, adjoint = planned(a_line("visit", "10:00", "13:00")), planned(a_line("visit", "10:00", "13:00"), status="adjoint")
    assert walls(gp) == ["10:10", "10:50", "11:30", "12:10"]
    assert walls(adjoint) == ["10:10", "11:00", "11:50"]
    assert [made.last_start_at.astimezone(PARIS).strftime("%H:%M") for made in gp.rounds] == ["12:20"]
    assert {slot.round_starts_at for slot in gp.slots} == {gp.rounds[0].starts_at}


def test_protected_places_are_the_last_of_the_half_day() -> None:
    day = planned(a_line("surgery", "09:00", "10:20", protected=2))
    assert [slot.protected for slot in day.slots] == [False, False, True, True]


def test_a_closed_day_has_no_slot() -> None:
    day = planned(a_line("surgery"), a_line("visit", "13:00", "16:00"), closed=True)
    assert (day.slots, day.rounds) == ((), ())


def test_a_line_counts_only_on_its_days() -> None:
    line = a_line("surgery", valid_from=date(2026, 3, 9), valid_to=date(2026, 3, 16))
    assert [bool(planned(line, on=MONDAY + timedelta(days=offset)).slots) for offset in (0, 7, 8, 14, 21)] == [
        False,
        True,
        False,
        True,
        False,
    ]


def test_a_wall_time_in_the_gap_is_the_later_one_and_in_the_fold_the_first() -> None:
    assert instant(SPRING, time(2, 30), PARIS) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # 03:30 summer time
    assert instant(AUTUMN, time(2, 30), PARIS) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # still summer time
    lengths = [(end - start) // timedelta(hours=1) for start, end in (day_bounds(on, PARIS) for on in (SPRING, MONDAY, AUTUMN))]
    assert lengths == [23, 24, 25]


def test_the_night_of_spring_loses_the_slots_of_the_hour_that_is_not_there() -> None:
    night = a_line("surgery", "01:00", "04:00", weekday=7)
    assert [len(planned(night, on=on).slots) for on in (SPRING, date(2026, 3, 22), AUTUMN)] == [6, 9, 12]


def test_a_line_that_ends_in_the_gap_pushes_the_next_one() -> None:
    day = planned(a_line("surgery", "00:00", "02:20", weekday=7), a_line("visit", "03:00", "06:00", weekday=7), on=SPRING)
    assert max(slot.ends_at for slot in day.slots if slot.mode == "surgery") == day.rounds[0].starts_at


modes: st.SearchStrategy[Mode] = st.sampled_from(get_args(Mode))
statuses: st.SearchStrategy[PractitionerStatus] = st.sampled_from(get_args(PractitionerStatus))
days = st.sampled_from(CLOCK_CHANGES) | st.dates(date(2024, 1, 1), date(2030, 12, 31))


@st.composite
def disjoint_lines(draw: st.DrawFn, weekday: int) -> list[Availability]:
    """Lines of one day that do not overlap on the wall, at any minute of it."""
    cuts = sorted(draw(st.lists(st.integers(0, 24 * 60 - 1), min_size=2, max_size=8, unique=True)))
    lines = []
    for start, end in zip(cuts[::2], cuts[1::2], strict=False):
        walls_ = [time(minute // 60, minute % 60) for minute in (start, end)]
        lines.append(Availability(weekday, walls_[0], walls_[1], draw(modes), date(2020, 1, 1), protected=draw(st.integers(0, 3))))
    return lines


@given(st.data())
def test_slots_never_overlap_nor_leave_their_line_whatever_the_clock_does(data: st.DataObject) -> None:
    on = data.draw(days)
    lines = data.draw(disjoint_lines(on.isoweekday()))
    check_week(lines)
    day = plan_day(lines, on, status=data.draw(statuses), zone=PARIS, closed=False, rules=RULES)
    open_times = [(instant(on, line.from_time, PARIS), instant(on, line.to_time, PARIS)) for line in lines]
    busy = sorted(
        [(s.starts_at, s.ends_at) for s in day.slots if s.round_starts_at is None] + [(r.starts_at, r.ends_at) for r in day.rounds]
    )
    assert all(one[1] <= other[0] for one, other in pairwise(busy))
    minutes = {"surgery": 20, "teleconsultation": 15, "visit": 30}
    for slot in day.slots:
        assert slot.ends_at - slot.starts_at == timedelta(minutes=minutes[slot.mode])
        assert any(start <= slot.starts_at and slot.ends_at <= end for start, end in open_times)
    for made in day.rounds:
        places = [slot.starts_at for slot in day.slots if slot.round_starts_at == made.starts_at]
        assert len(places) <= made.capacity and all(at <= made.last_start_at for at in places)
        assert all(other - one >= timedelta(minutes=40) for one, other in pairwise(places))


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 20), st.integers(1, 4)), max_size=6))
def test_a_week_with_two_lines_at_one_time_is_refused(lines: list[tuple[int, int, int]]) -> None:
    week = [Availability(day, time(hour), time(min(hour + length, 23)), "surgery", date(2026, 1, 1)) for day, hour, length in lines]
    hours = [(day, each) for day, hour, length in lines for each in range(hour, min(hour + length, 23))]
    if len(hours) == len(set(hours)):
        check_week(week)
    else:
        with pytest.raises(AvailabilityOverlaps):
            check_week(week)


def test_lines_of_different_months_may_share_an_hour() -> None:
    check_week([a_line(valid_to=date(2026, 3, 31)), a_line(valid_from=date(2026, 4, 1))])


def test_two_duty_doctors_at_one_instant_are_refused() -> None:
    def duty(start: int, end: int) -> DutyPeriod:
        return DutyPeriod(an_id(start), None, NINE + timedelta(hours=start), NINE + timedelta(hours=end))

    check_rota([duty(4, 8), duty(0, 4)])
    with pytest.raises(RotaOverlaps):
        check_rota([duty(4, 8), duty(0, 5)])
