"""Logs of processes: one file each, of bounded size."""

import os
import shutil
from pathlib import Path

LIMIT_BYTES = 20_000_000


def limit_size(log: Path, limit_bytes: int = LIMIT_BYTES) -> bool:
    """Past the limit, move what was written to `<log>.1` (replacing the former one) and go on with an empty file; whether it did.

    The process keeps its open file, in append mode; lines written between the copy and the cut may be lost.
    """
    try:
        if log.stat().st_size <= limit_bytes:
            return False
        shutil.copyfile(log, log.with_name(log.name + ".1"))
        os.truncate(log, 0)
    except FileNotFoundError:
        return False
    return True
