"""A lone console with the other services away; for pages that show something, a whole stack with its team and Chromium."""

import pytest

from tests.e2e.conftest import browser, people, stack, traces
from tests.unit.console.conftest import console

__all__ = ["browser", "console", "people", "stack", "traces"]  # pytest finds fixtures by name in this module


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks by what a test asks for; its file says whether it is long."""
    for item in items:
        asked = getattr(item, "fixturenames", ())
        if item.path.parent.name == "console" and item.path.parents[1].name == "hostile":
            for fixture, mark in (("stack", pytest.mark.stack), ("browser", pytest.mark.browser)):
                if fixture in asked:
                    item.add_marker(mark)
