"""The stack's business time from one run to the next: it goes on, never back."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from recours.stack.state import boot_id
from shared.clock import ClockFile

_SAME = timedelta(seconds=5)


class BusinessClock:
    """The clock file of a data folder and, beside it, how far business time is from the machine's.

    The file counts from the machine's monotonic clock, which begins again when the machine does: then the distance is what remains.
    """

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "clock"
        self._kept = data_dir / "clock.json"

    def open(self) -> ClockFile:
        """The clock, running; a new folder starts at the machine's time."""
        is_new = not self.path.exists()
        clock = ClockFile(self.path, create=True)
        kept = self._read()
        now = datetime.now(UTC)
        if clock.standing_still:
            clock.run_from(clock.now())
        elif not is_new and (kept is None or kept[0] != boot_id()):
            distance = timedelta() if kept is None or abs(kept[1]) < _SAME else kept[1]
            clock.run_from(now + distance)
        self.keep(clock)
        return clock

    def keep(self, clock: ClockFile) -> None:
        """Write the distance down when it has changed: called now and then while the stack runs, and at its end."""
        distance = clock.now() - datetime.now(UTC)
        kept = self._read()
        if kept is None or kept[0] != boot_id() or abs(kept[1] - distance) > timedelta(seconds=1):
            new = self._kept.with_suffix(".new")
            new.write_text(json.dumps({"boot_id": boot_id(), "ahead_seconds": distance.total_seconds()}) + "\n")
            new.replace(self._kept)

    def _read(self) -> tuple[str, timedelta] | None:
        try:
            body = json.loads(self._kept.read_text())
            return str(body["boot_id"]), timedelta(seconds=float(body["ahead_seconds"]))
        except (OSError, ValueError, KeyError):
            return None
