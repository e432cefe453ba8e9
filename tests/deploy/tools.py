"""The programs that deploy/setup/deploy-tools.sh put into .stamps/tools."""

from pathlib import Path

import pytest

_TOOLS = Path(__file__).parents[2] / ".stamps" / "tools"


def tool(name: str) -> str:
    """The program's path; leaves the test out with the script's reason where it could not be had."""
    program = _TOOLS / name
    if not program.exists():
        reason = program.with_suffix(".left-out")
        pytest.skip(f"{name} left out: {reason.read_text().strip() if reason.exists() else 'run deploy/setup/deploy-tools.sh'}")
    return str(program)
