"""What the figures were measured on."""

import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def describe() -> dict[str, Any]:
    """Processor, cores we may use, memory, load before the measure (others' work makes every figure worse)."""
    return {
        "processor": _field("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "load_1_minute": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def table(limits: dict[str, Any], rows: Sequence[tuple[str, str, str]]) -> str:
    """Rows of (what, measured, target) under the machine they were measured on."""
    width = max(len(what) for what, _, _ in rows)
    line = f"  {{:<{width}}}  {{:>14}}  {{:>12}}"
    head = f"{limits['processor']}, {limits['cores']} cores, {limits['memory_bytes'] / 1e9:.0f} GB, load before {limits['load_1_minute']}"
    return "\n".join([head, line.format("", "measured", "target"), *(line.format(*row) for row in rows)])


def say(sentence: str) -> None:
    """Progress, beside the figures: on the error output."""
    print(sentence, file=sys.stderr, flush=True)


def _field(file: str, name: str) -> str:
    for line in Path(file).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""
