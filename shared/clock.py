"""Business time. `now()` is the only clock of the rules; technical time (ids, tokens, back-off, metrics) is the machine's.

`RECOURS_CLOCK_FILE` names a memory-mapped file of three int64: a sequence (odd while being written), an instant in
microseconds since 1970 UTC, and a monotonic anchor in nanoseconds. Anchor 0 means the clock stands still; otherwise time
runs at ×1 from the anchor. Without the file the clock is the machine's.
"""

import mmap
import os
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

_LAYOUT = struct.Struct("<qqq")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ClockFile:
    """A clock shared by all processes of a stack through one small file."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Opens the file; with `create`, makes it first at the machine's time, running. Raises FileNotFoundError otherwise."""
        if create and not path.exists():
            path.write_bytes(_LAYOUT.pack(0, time.time_ns() // 1000, time.monotonic_ns()))
        with path.open("r+b" if os.access(path, os.W_OK) else "rb") as file:
            access = mmap.ACCESS_WRITE if "+" in file.mode else mmap.ACCESS_READ
            self._map = mmap.mmap(file.fileno(), _LAYOUT.size, access=access)

    @property
    def sequence(self) -> int:
        """Changes with every step: cheap to watch."""
        return self._read()[0]

    @property
    def standing_still(self) -> bool:
        return self._read()[2] == 0

    def now(self) -> datetime:
        _, instant, anchor = self._read()
        elapsed = (time.monotonic_ns() - anchor) // 1000 if anchor else 0
        return _EPOCH + timedelta(microseconds=instant + elapsed)

    def stand_at(self, instant: datetime) -> None:
        """Stop at `instant`; refuses a naive one with ValueError."""
        self._write(instant, anchor=0)

    def run_from(self, instant: datetime) -> None:
        """Go on at ×1 from `instant`."""
        self._write(instant, anchor=time.monotonic_ns())

    def _read(self) -> tuple[int, int, int]:
        while True:
            before, instant, anchor = _LAYOUT.unpack_from(self._map)
            if before % 2 == 0 and _LAYOUT.unpack_from(self._map)[0] == before:
                return before, instant, anchor
            time.sleep(0)

    def _write(self, instant: datetime, *, anchor: int) -> None:
        if instant.tzinfo is None:
            raise ValueError("the clock takes aware instants")
        sequence = self._read()[0]
        _LAYOUT.pack_into(self._map, 0, sequence + 1, *self._read_pair())
        _LAYOUT.pack_into(self._map, 0, sequence + 2, (instant - _EPOCH) // timedelta(microseconds=1), anchor)

    def _read_pair(self) -> tuple[int, int]:
        _, instant, anchor = _LAYOUT.unpack_from(self._map)
        return instant, anchor


_file: ClockFile | None = None


def use(path: Path | None) -> None:
    """Choose the clock of this process; called once at start (shared.service) and by tests."""
    global _file
    _file = ClockFile(path) if path is not None else None


def current() -> ClockFile | None:
    """The clock file of this process, if business time is not the machine's."""
    return _file


def now() -> datetime:
    """Business time, aware UTC."""
    return _file.now() if _file is not None else datetime.now(UTC)
