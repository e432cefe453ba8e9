"""Refuse to start on a nearly full disk: a database that cannot write its journal stops in the middle of a call."""

import os
from collections.abc import Callable
from pathlib import Path

from recours.stack.errors import DiskFull

NEEDED_BYTES = 500_000_000
RECOVERY_BYTES = 50_000_000
"""PostgreSQL ends its recovery with a new piece of journal (16 MB); without it each try to start ends in another crash."""


def free_bytes(folder: Path) -> int:
    """What an ordinary user may still write there."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def refuse_full(folder: Path, measure: Callable[[Path], int] = free_bytes) -> None:
    """Raises DiskFull when less than NEEDED_BYTES are free."""
    free = measure(folder)
    if free < NEEDED_BYTES:
        raise DiskFull(
            f"disk nearly full: {free // 1_000_000} MB free in {folder}, {NEEDED_BYTES // 1_000_000} MB needed. "
            "Free some space, or set RECOURS_DATA_DIR to a folder on another disk."
        )


def why_wait(folder: Path, measure: Callable[[Path], int] = free_bytes) -> str | None:
    """The reason why a database that stopped cannot recover there yet, or None."""
    free = measure(folder)
    if free >= RECOVERY_BYTES:
        return None
    return (
        f"the disk is full: {free // 1_000_000} MB free in {folder}, {RECOVERY_BYTES // 1_000_000} MB needed to recover. Free some space."
    )
