"""A small disk of our own under the data folder, so that it can be filled without harm to the machine."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from recours.stack.state import started_ticks

_BYTES = 2_000_000_000
_TEMPORARY = "recours-disk-"
_NEEDED = ("mkfs.ext4", "mount", "umount")


class NoDisk(Exception):
    """It cannot be made here; the message says why."""


class LoopDisk:
    """An ext4 image (sparse) on a loop device. Raises NoDisk when it cannot be mounted: then the fault is left out, with the reason."""

    def __init__(self) -> None:
        sweep_abandoned(Path(tempfile.gettempdir()))
        self._top = Path(tempfile.mkdtemp(prefix=_TEMPORARY))
        (self._top / "owner").write_text(f"{os.getpid()} {started_ticks(os.getpid())}")
        self._image = self._top / "image"
        self.folder = self._top / "disk"
        self._filling = self.folder / "filling"

    def __enter__(self) -> Self:
        try:
            missing = [program for program in _NEEDED if shutil.which(program) is None]
            if os.geteuid() != 0 or missing:
                raise NoDisk("mounting a disk needs root" if not missing else f"no {missing[0]}")
            self._top.chmod(0o711)  # PostgreSQL's account must be able to pass
            self.folder.mkdir()
            with self._image.open("wb") as image:
                image.truncate(_BYTES)
            _run("mkfs.ext4", "-q", "-F", "-m", "0", str(self._image))
            _run("mount", "-o", "loop", str(self._image), str(self.folder))
            self.folder.chmod(0o711)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._remove()

    def fill(self) -> None:
        """To the last block, however much others free or take meanwhile."""
        status = os.statvfs(self.folder)
        with self._filling.open("wb") as filling, contextlib.suppress(OSError):
            with contextlib.suppress(OSError):
                os.posix_fallocate(filling.fileno(), 0, max(1, status.f_bavail * status.f_frsize - 1_000_000))
            filling.seek(0, os.SEEK_END)
            while True:
                filling.write(bytes(65_536))
                filling.flush()

    def free(self) -> None:
        """Give the space back."""
        self._filling.unlink(missing_ok=True)

    def _remove(self) -> None:
        _unmount(self._top)


def sweep_abandoned(top: Path) -> None:
    """Give back the disks of runs that were killed before they could."""
    for folder in top.glob(f"{_TEMPORARY}*"):
        with contextlib.suppress(OSError, ValueError):
            pid, ticks = (folder / "owner").read_text().split()
            if str(started_ticks(int(pid))) != ticks:
                _unmount(folder)


def _unmount(top: Path) -> None:
    if (top / "disk").is_mount():
        for options in ((), ("-l",)):
            if subprocess.run(["umount", *options, str(top / "disk")], capture_output=True, check=False).returncode == 0:
                break
    shutil.rmtree(top, ignore_errors=True)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoDisk(f"{command[0]}: {done.stderr.strip()[:200]}")
