"""One whole stack for the tests that cross services; traces go to a file. These tests kill processes: the browser's stack is another."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from recours.stack.loading import load_territory
from recours.stack.stack import TemporaryStack
from services.console.web.build import build as build_web
from shared.clock import ClockFile
from tests.e2e.people import People

TUESDAY = date(2026, 11, 24)
MORNING = datetime(2026, 11, 24, 7, 50, tzinfo=UTC)
_FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _FOLDER in item.path.parents:
            item.add_marker(pytest.mark.stack)


@pytest.fixture(scope="session")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every span of every process, one JSON line each."""
    return tmp_path_factory.mktemp("traces") / "spans.jsonl"


@pytest.fixture(scope="session")
async def stack(traces: Path) -> AsyncIterator[TemporaryStack]:
    """Everything, from the console to Kafka; business time runs from Tuesday 08:50."""
    build_web()
    os.environ["RECOURS_TRACES"] = f"file:{traces}"
    try:
        async with TemporaryStack() as running:  # durable: PostgreSQL is killed here, and what it had accepted must stand
            ClockFile(running.access.clock_file).run_from(MORNING)
            await load_territory(running.access, running.services, on=TUESDAY)
            yield running
    finally:
        del os.environ["RECOURS_TRACES"]


@pytest.fixture(scope="session")
async def people(stack: TemporaryStack) -> AsyncIterator[People]:
    """Commands the services as the team's members."""
    async with People(stack) as team:
        yield team
