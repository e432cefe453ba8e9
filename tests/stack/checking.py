"""`recours check` on a stack under test."""

from pathlib import Path
from typing import Any

from recours.check.command import examine
from recours.stack.environment import Access


async def checked(access: Access, traces: Path) -> dict[str, Any]:
    """What the command prints with --json, the traces' file included."""
    return await examine({**access.settings(), "RECOURS_TRACES": f"file:{traces}"})
