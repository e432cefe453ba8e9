"""The embedded stack: how long until it is ready, what it holds in memory, how long its simulated day takes."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from recours.bench import machine
from recours.commands.status import describe
from recours.stack.errors import StackError
from recours.stack.ports import free_base
from recours.stack.stack import Stack
from shared.clock import ClockFile

TARGETS = {"ready_seconds": 15.0, "memory_bytes": 1_200_000_000, "day_wall_seconds": 90.0}
"""design.md, Targets."""


async def measure(day: str, seed: int) -> dict[str, Any]:
    """Start on a new folder, stop, start again (what users wait for each morning), play the day, look at the memory before and after.

    Memory counts a page that several processes share once (proportional set size); `resident_sum_bytes` counts it in each of them.
    """
    limits = machine.describe()
    folder = Path(tempfile.mkdtemp(prefix="recours-bench-"))
    try:
        eve = datetime.combine(date.fromisoformat(day) - timedelta(days=1), time(20), UTC)
        ClockFile(folder / "clock", create=True).stand_at(eve)
        first = Stack(folder, free_base(), say=_say)
        await first.start()
        await first.stop()
        again = Stack(folder, free_base(), say=_say)
        await again.start()
        try:
            idle = await asyncio.to_thread(describe, folder)
            played = await _play(folder, day, seed)
            after = await asyncio.to_thread(describe, folder)
        finally:
            await again.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "ready_seconds": again.state().ready_seconds,
        "ready_seconds_first_time": first.state().ready_seconds,
        "memory_bytes": idle["proportional_bytes"],
        "memory_after_day_bytes": after["proportional_bytes"],
        "resident_sum_bytes": after["resident_bytes"],
        "day_wall_seconds": played["wall_seconds"],
        "day": played,
        "targets": TARGETS,
        "machine": limits,
    }


async def _play(folder: Path, day: str, seed: int) -> dict[str, Any]:
    environment = {**os.environ, "RECOURS_DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "recours", "day", "--date", day, "--seed", str(seed), "--json"]
    playing = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=environment)
    output, _ = await playing.communicate()
    if playing.returncode != 0:
        raise StackError(f"recours day ended with {playing.returncode}: its reasons are above")
    return dict(json.loads(output))


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def table(measured: dict[str, Any]) -> str:
    """The figures beside their targets, and the machine they are of."""
    limits = measured["machine"]
    row = "  {:<36} {:>10} {:>14}"
    return "\n".join(
        [
            f"{limits['processor']}, {limits['cores']} cores, {limits['memory_bytes'] / 1e9:.0f} GB, load before {limits['load_1_minute']}",
            row.format("", "measured", "target"),
            row.format("ready, second start (s)", f"{measured['ready_seconds']:.1f}", "< 15"),
            row.format("ready, first start with initdb (s)", f"{measured['ready_seconds_first_time']:.1f}", "< 15"),
            row.format("memory, idle (MB)", f"{measured['memory_bytes'] / 1e6:.0f}", "< 1200"),
            row.format("memory, after the day (MB)", f"{measured['memory_after_day_bytes'] / 1e6:.0f}", "< 1200"),
            row.format("sum of resident sets (MB)", f"{measured['resident_sum_bytes'] / 1e6:.0f}", ""),
            row.format("a simulated day (s)", f"{measured['day_wall_seconds']:.1f}", "< 90"),
        ]
    )
