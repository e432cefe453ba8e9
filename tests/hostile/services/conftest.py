"""One platform at work for the tests that call every route of every service."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.hostile.services.platform import Platform, platform_at_work

_FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _FOLDER in item.path.parents and "platform" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.stack)


@pytest.fixture(scope="session")
async def platform() -> AsyncIterator[Platform]:
    """Two territories, the first with its team, calls, patients and requests."""
    async with platform_at_work() as running:
        yield running
