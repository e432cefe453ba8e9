"""All tests share the kernel's fixtures."""

import os
from typing import Any

import hypothesis  # noqa: F401  # its plugin would import it at the end of a run, where Python 3.11 fails on it (AST recursion depth)
import pytest
from xdist.scheduler import LoadScopeScheduling

from shared.testing.fixtures import *  # noqa: F403  # pytest finds fixtures by name in this module
from shared.testing.fixtures import _no_proxy, _templates  # noqa: F401  # underscored ones are not in the star

_SHARING_A_STACK = ("tests/e2e", "tests/stack", "tests/hostile/console", "tests/hostile/services")


class ByStack(LoadScopeScheduling):
    """Files stay together on a worker, and so do all tests that share a whole stack (the browser's, the one that is killed).

    xdist's own `--dist loadgroup` writes to an attribute that pytest 9.2 no longer reads.
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in _SHARING_A_STACK if nodeid.startswith(f"{folder}/")), nodeid.split("::", 1)[0])


def pytest_configure(config: pytest.Config) -> None:
    """Two workers never draw the same free port."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is not None:
        os.environ["RECOURS_PORT_HALF"] = str(int(worker.removeprefix("gw")) % 2)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByStack:
    """Whatever `--dist` says."""
    return ByStack(config, log)
