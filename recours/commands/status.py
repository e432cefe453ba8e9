"""`recours status`."""

from pathlib import Path
from typing import Any

import typer

from recours.commands.common import DataDir, Json, print_json
from recours.stack.environment import default_data_dir
from recours.stack.launcher import is_healthy
from recours.stack.lock import holder
from recours.stack.ports import SERVICES, Ports
from recours.stack.state import ProcessState, StackState, memory

app = typer.Typer(add_completion=False)
_NOT_RUNNING = 3


@app.command()
def status(data_dir: DataDir = None, json: Json = False) -> None:
    """Show what runs: state, pid, restarts, memory, and whether each service says it is healthy. Exit code 3 when no stack runs."""
    folder = data_dir or default_data_dir()
    body = describe(folder)
    if json:
        print_json(body)
    else:
        print(_table(folder, body))
    if not body["running"]:
        raise SystemExit(_NOT_RUNNING)


def describe(folder: Path) -> dict[str, Any]:
    """The state of the stack on that folder, measured now. Memory is in bytes; `proportional` shares common pages out."""
    pid = holder(folder)
    state = StackState.read(folder)
    if pid is None or state is None:
        return {"running": False, "data_dir": str(folder)}
    processes = [_process(process, Ports(state.port_base)) for process in state.processes]
    own = memory(pid, with_descendants=False)
    return {
        "running": True, "data_dir": str(folder), "pid": pid, "condition": state.condition, "ready_seconds": state.ready_seconds,
        "port_base": state.port_base, "urls": dict(state.urls), "processes": processes,
        "resident_bytes": own.resident + sum(process["resident_bytes"] for process in processes),
        "proportional_bytes": own.proportional + sum(process["proportional_bytes"] for process in processes),
    }  # fmt: skip


def _process(process: ProcessState, ports: Ports) -> dict[str, Any]:
    # The preloader's descendants are the services, counted by themselves; PostgreSQL's are its own.
    held = memory(process.pid, with_descendants=process.name == "postgres")
    alive = process.is_alive()
    healthy = alive and (process.name not in SERVICES or is_healthy(ports.ops(process.name)))
    return {
        "name": process.name, "pid": process.pid, "condition": process.condition, "detail": process.detail, "restarts": process.restarts,
        "healthy": healthy, "resident_bytes": held.resident, "proportional_bytes": held.proportional,
    }  # fmt: skip


def _table(folder: Path, body: dict[str, Any]) -> str:
    if not body["running"]:
        return f"no stack runs on {folder}"
    lines = [f"stack {body['condition']}, pid {body['pid']}, data in {folder}", ""]
    row = "  {:<12} {:<11} {:>8} {:>8} {:>8} {:>6}"
    lines.append(row.format("process", "state", "pid", "restarts", "healthy", "MB"))
    for process in body["processes"]:
        healthy = "yes" if process["healthy"] else "no"
        megabytes = round(process["proportional_bytes"] / 1e6)
        lines.append(row.format(process["name"], process["condition"], process["pid"], process["restarts"], healthy, megabytes))
    lines += ["", f"  memory {body['proportional_bytes'] / 1e6:.0f} MB; console {body['urls'].get('console', '-')}"]
    return "\n".join(lines)
