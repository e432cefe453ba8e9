"""A lone console with the other services away; for pages that show something, a whole stack with its team and Chromium."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from recours.stack.loading import load_territory
from recours.stack.stack import TemporaryStack
from services.console.web.build import build as build_web
from shared.clock import ClockFile
from shared.testing.fixtures import TERRITORY_DIR
from tests.e2e.conftest import MORNING, TUESDAY, browser, people
from tests.hostile.console.scene import NEXT_DOOR
from tests.unit.console.conftest import console

__all__ = ["browser", "console", "people", "stack"]  # pytest finds fixtures by name in this module


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks by what a test asks for; its own decoration says whether it is long."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            asked = getattr(item, "fixturenames", ())
            for fixture, mark in (("stack", pytest.mark.stack), ("browser", pytest.mark.browser)):
                if fixture in asked:
                    item.add_marker(mark)


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TemporaryStack]:
    """Everything, on a Tuesday at 08:50; it serves two territories, the second without doctor or patient."""
    build_web()
    next_door = tmp_path_factory.mktemp("territory")
    for folder in (next_door, *next_door.parents[:2]):
        folder.chmod(0o755)  # the services' own account reads it
    for name in ("territory.yaml", "protocol.yaml", "tariff.yaml"):
        shutil.copy(TERRITORY_DIR / name, next_door)
    said = yaml.safe_load((next_door / "territory.yaml").read_text(encoding="utf-8"))
    (next_door / "territory.yaml").write_text(yaml.safe_dump(said | {"id": NEXT_DOOR}, allow_unicode=True), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "RECOURS_TERRITORY_DIRS", f"{TERRITORY_DIR},{next_door}")
        async with TemporaryStack(durable=False) as running:
            ClockFile(running.access.clock_file).run_from(MORNING)
            await load_territory(running.access, running.services, on=TUESDAY)
            yield running
