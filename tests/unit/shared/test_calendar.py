"""The territory's hours, over weekends, holidays and the two nights when the clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calendar import is_open, next_open_day, open_hours_between
from shared.territory import BadTerritory, Territory, load_territories
from shared.testing.fixtures import TERRITORY_DIR

BIEVRE = Territory.load(TERRITORY_DIR)
FRIDAY = date(2026, 3, 6)


def test_the_bievre_has_five_communes_and_its_hours() -> None:
    assert (BIEVRE.id, len(BIEVRE.communes)) == ("bievre", 5)
    assert BIEVRE.opening_on(FRIDAY) == (datetime(2026, 3, 6, 7, tzinfo=UTC), datetime(2026, 3, 6, 19, tzinfo=UTC))
    assert BIEVRE.opening_on(date(2026, 3, 7)) == (datetime(2026, 3, 7, 7, tzinfo=UTC), datetime(2026, 3, 7, 11, tzinfo=UTC))
    assert BIEVRE.opening_on(date(2026, 3, 8)) is None


def test_a_holiday_is_closed_and_the_next_open_day_skips_it() -> None:
    assert BIEVRE.opening_on(date(2026, 5, 1)) is None
    assert next_open_day(BIEVRE, date(2026, 4, 30)) == date(2026, 5, 2)
    assert next_open_day(BIEVRE, date(2026, 3, 7)) == date(2026, 3, 9)


def test_forty_eight_hours_over_a_weekend_are_sixteen_open_ones() -> None:
    rang = BIEVRE.at(FRIDAY, time(16))
    assert open_hours_between(BIEVRE, rang, rang + timedelta(hours=48)) == timedelta(hours=4 + 4)
    assert open_hours_between(BIEVRE, rang, BIEVRE.at(date(2026, 3, 9), time(16))) == timedelta(hours=4 + 4 + 8)


@pytest.mark.parametrize(("on", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 3, 2), 24)])
def test_days_when_the_clock_changes_are_shorter_or_longer(on: date, hours: int) -> None:
    start, end = BIEVRE.day_bounds(on)
    assert end - start == timedelta(hours=hours)


def test_a_wall_time_in_the_gap_is_later_and_in_the_fold_the_first() -> None:
    assert BIEVRE.at(date(2026, 3, 29), time(2, 30)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert BIEVRE.at(date(2026, 10, 25), time(2, 30)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


MOMENTS = st.integers(1_704_067_200, 1_893_456_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))  # 2024 to 2030


@given(MOMENTS, st.timedeltas(timedelta(), timedelta(days=9)))
def test_open_hours_never_exceed_the_time_and_add_up(start: datetime, length: timedelta) -> None:
    middle, end = start + length / 2, start + length
    whole = open_hours_between(BIEVRE, start, end)
    assert timedelta() <= whole <= length
    assert whole == open_hours_between(BIEVRE, start, middle) + open_hours_between(BIEVRE, middle, end)


def test_open_is_until_the_last_minute() -> None:
    opens, closes = BIEVRE.opening_on(FRIDAY) or (None, None)
    assert opens is not None and closes is not None
    assert (is_open(BIEVRE, opens), is_open(BIEVRE, closes)) == (True, False)


def test_a_bad_territory_names_its_file_and_field(tmp_path: Path) -> None:
    folder = tmp_path
    with pytest.raises(BadTerritory, match=r"territory\.yaml"):
        Territory.load(folder)
    (folder / "territory.yaml").write_text(
        "id: X\nname: x\nzone: Europe/Paris\nphone: '0'\ndepartment: '94'\ncommunes: []\nopening: {mon_fri: 8-20}\n"
    )
    with pytest.raises(BadTerritory, match=r"id: .*communes: .*opening\.mon_fri: "):
        Territory.load(folder)
    with pytest.raises(BadTerritory, match="used twice"):
        load_territories([TERRITORY_DIR, TERRITORY_DIR])
