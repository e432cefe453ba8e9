"""The two deadlines, also on the days when the clock changes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain import deadlines
from services.intake.domain.refusals import TooLateToday
from tests.unit.intake.given import PARIS, TUESDAY_10


@pytest.mark.parametrize(
    ("asked", "limit"),
    [
        (datetime(2026, 3, 3, 9, 0, tzinfo=UTC), datetime(2026, 3, 3, 19, 0, tzinfo=UTC)),  # winter
        (datetime(2026, 7, 7, 9, 0, tzinfo=UTC), datetime(2026, 7, 7, 18, 0, tzinfo=UTC)),  # summer
        (datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2026, 3, 29, 18, 0, tzinfo=UTC)),  # asked before the clock goes forward
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 19, 0, tzinfo=UTC)),  # asked in the hour that comes twice
        (datetime(2026, 7, 6, 22, 30, tzinfo=UTC), datetime(2026, 7, 7, 18, 0, tzinfo=UTC)),  # half past midnight in Paris is the new day
    ],
)
def test_same_day_is_20_00_on_the_wall(asked: datetime, limit: datetime) -> None:
    assert deadlines.see_by("same_day", asked, PARIS, now=asked) == limit


def test_same_day_asked_at_20_00_has_no_answer_and_is_never_tomorrow() -> None:
    eight_pm = datetime(2026, 3, 3, 19, 0, tzinfo=UTC)
    with pytest.raises(TooLateToday):
        deadlines.see_by("same_day", eight_pm, PARIS, now=eight_pm)
    with pytest.raises(TooLateToday):
        deadlines.see_by("same_day", eight_pm - timedelta(hours=3), PARIS, now=eight_pm + timedelta(hours=12))


def test_within_48h_is_48_elapsed_hours_also_over_a_change_of_the_clock() -> None:
    saturday = datetime(2026, 3, 28, 9, 0, tzinfo=UTC)
    assert deadlines.see_by("within_48h", saturday, PARIS, now=saturday) - saturday == timedelta(hours=48)


def test_planned_is_the_same_wall_time_ten_days_later() -> None:
    asked = datetime(2026, 3, 25, 9, 0, tzinfo=UTC)  # 10:00 in winter, ten days later 10:00 in summer
    limit = deadlines.see_by("planned", asked, PARIS, now=asked)
    assert limit.astimezone(PARIS).isoformat() == "2026-04-04T10:00:00+02:00"
    assert limit - asked == timedelta(days=10) - timedelta(hours=1)


@given(minutes=st.integers(0, 2 * 366 * 24 * 60))
def test_same_day_stays_in_the_day_it_was_asked(minutes: int) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    try:
        limit = deadlines.see_by("same_day", at, PARIS, now=at)
    except TooLateToday:
        assert at.astimezone(PARIS).hour >= 20
    else:
        assert limit > at
        assert limit.astimezone(PARIS).date() == at.astimezone(PARIS).date()
        assert (limit.astimezone(PARIS).hour, limit.astimezone(PARIS).minute) == (20, 0)


def test_the_contract_runs_from_the_first_ring() -> None:
    assert deadlines.contract_deadline(TUESDAY_10) == TUESDAY_10 + timedelta(hours=48)
