"""`stack.json`: what runs, for `recours status`, `recours down` and whoever looks. No secret goes there."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Self

FILE = "stack.json"
Condition = Literal["starting", "ready", "restarting", "failed", "stopped"]


@dataclass(frozen=True)
class ProcessState:
    """One supervised process as last seen. `started_ticks` tells it from a later process with the same pid."""

    name: str
    pid: int
    condition: Condition
    restarts: int = 0
    started_ticks: int = 0
    detail: str = ""

    def is_alive(self) -> bool:
        """Whether that very process still exists."""
        return self.pid > 0 and self.started_ticks > 0 and started_ticks(self.pid) == self.started_ticks


@dataclass(frozen=True)
class StackState:
    """The supervisor's own account of its stack."""

    pid: int
    boot_id: str
    condition: Condition
    port_base: int
    urls: Mapping[str, str]
    processes: Sequence[ProcessState]
    ready_seconds: float | None = None
    kafka: str = ""
    """Addresses of an outside Kafka; empty with the embedded broker."""

    def write(self, data_dir: Path) -> None:
        """Replace the file in one step."""
        new = data_dir / f"{FILE}.new"
        new.write_text(json.dumps(asdict(self), indent=1) + "\n")
        new.replace(data_dir / FILE)

    @classmethod
    def read(cls, data_dir: Path) -> Self | None:
        """The last state written since this machine started, if any."""
        try:
            body = json.loads((data_dir / FILE).read_text())
            state = cls(**{**body, "processes": [ProcessState(**process) for process in body["processes"]]})
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return state if state.boot_id == boot_id() else None


def boot_id() -> str:
    """Changes with each start of the machine: pids of before mean nothing."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def started_ticks(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None when it is gone or only waits to be buried."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


@dataclass(frozen=True)
class Memory:
    """Bytes. `resident` counts shared pages in full for each process, `proportional` shares them out: their sum is what the stack costs."""

    resident: int
    proportional: int


def memory(pid: int, *, with_descendants: bool = True) -> Memory:
    """What a process (and its descendants) hold; zero when it is gone."""
    resident = proportional = 0
    for member in (pid, *(descendants(pid) if with_descendants else ())):
        try:
            resident += int(Path(f"/proc/{member}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            rollup = Path(f"/proc/{member}/smaps_rollup").read_text()
        except OSError:
            continue
        proportional += sum(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))
    return Memory(resident, proportional)


def descendants(pid: int) -> list[int]:
    """Children, their children, and so on."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        parent = waiting.pop()
        try:
            tasks = [int(child) for task in Path(f"/proc/{parent}/task").iterdir() for child in (task / "children").read_text().split()]
        except OSError:
            continue
        found += tasks
        waiting += tasks
    return found
