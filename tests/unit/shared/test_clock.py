"""Business time: a file that all processes read, standing still or running."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared import clock

NOON = datetime(2026, 3, 2, 11, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _own_time_again() -> Iterator[None]:
    yield
    clock.use(None)


def test_without_a_file_it_is_the_machines_time() -> None:
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_it_stands_where_it_was_put_for_every_reader(tmp_path: Path) -> None:
    writer, reader = clock.ClockFile(tmp_path / "clock", create=True), clock.ClockFile(tmp_path / "clock")
    before = reader.sequence
    writer.stand_at(NOON)
    assert (reader.now(), reader.standing_still) == (NOON, True)
    assert reader.sequence != before
    clock.use(tmp_path / "clock")
    assert clock.now() == NOON


def test_it_runs_on_from_an_instant(tmp_path: Path) -> None:
    file = clock.ClockFile(tmp_path / "clock", create=True)
    file.run_from(NOON)
    first, second = file.now(), file.now()
    assert NOON <= first <= second < NOON + timedelta(minutes=5)
    assert not file.standing_still


def test_a_naive_instant_is_refused(tmp_path: Path) -> None:
    file = clock.ClockFile(tmp_path / "clock", create=True)
    with pytest.raises(ValueError, match="aware"):
        file.stand_at(NOON.replace(tzinfo=None))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        clock.ClockFile(tmp_path / "nowhere")
