"""Starts docker-compose.yml without containers, in namespaces that end with their first process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.testing.apache_kafka import is_required, why_not
from tests.deploy.compose import ROOT, filled

_NAMESPACES = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
_SECONDS = 300

ComposeUp = Callable[..., dict[str, Any]]


def _why_not() -> str | None:
    """Why a machine of its own cannot be made here, or None."""
    if os.geteuid() != 0:
        return "network and mount namespaces need root"
    tried = subprocess.run([*_NAMESPACES, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True, check=False)
    return f"no namespaces here: {tried.stderr.strip()}" if tried.returncode else None


@pytest.fixture
def compose_up(tmp_path: Path) -> ComposeUp:
    """`compose_up(image_root=None)`: everything started, visited and stopped; gives what `tests.deploy.visit` saw."""
    reason = _why_not()
    if reason is not None:
        pytest.skip(f"the compose file without containers left out: {reason}")
    kafka = why_not()
    if kafka is not None:
        if is_required():
            pytest.fail(f"Apache Kafka is required: {kafka}")
        pytest.skip(f"Apache Kafka left out: {kafka}")

    def up(image_root: Path | None = None) -> dict[str, Any]:
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o711)  # the image's account and PostgreSQL's pass through
        (tmp_path / "variables.json").write_text(json.dumps(filled()))
        command = [*_NAMESPACES, sys.executable, "-m", "tests.deploy.machine", str(tmp_path), *([str(image_root)] if image_root else [])]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_SECONDS, check=False)
        assert ended.returncode == 0, ended.stderr[-4000:]
        seen: dict[str, Any] = json.loads((tmp_path / "result.json").read_text())
        return seen

    return up
