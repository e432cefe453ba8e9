"""`recours up`."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from recours.commands.common import DataDir, fail, refusals
from recours.stack.environment import default_data_dir, default_ports
from recours.stack.lock import holder
from recours.stack.process import log_tail
from recours.stack.stack import Stack
from recours.stack.state import StackState

app = typer.Typer(add_completion=False)
_DETACHED_SECONDS = 120.0
_DAY_LEAVES_SECONDS = 5.0


@app.command()
def up(
    data_dir: DataDir = None,
    port_base: Annotated[int | None, typer.Option(help="First port (default: RECOURS_PORT_BASE, else 8700).")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return once ready and leave the stack running.")] = False,
    day: Annotated[bool, typer.Option("--day", help="Play one simulated day, print its report, then stay up.")] = False,
) -> None:
    """Start PostgreSQL, Valkey, the broker and the services, load the territory, and watch over them until Ctrl-C."""
    folder = data_dir or default_data_dir()
    if port_base is not None:
        os.environ["RECOURS_PORT_BASE"] = str(port_base)
    os.environ["RECOURS_DATA_DIR"] = str(folder)
    with refusals():
        if detach:
            _detached(folder)
        else:
            raise SystemExit(asyncio.run(_attended(Stack(folder, default_ports(), say=_say), day=day)))


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


async def _attended(stack: Stack, *, day: bool) -> int:
    """Run until Ctrl-C or SIGTERM. Returns the exit code: that of the day, if one was played."""
    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(sig, asked_to_stop.set)
    began = time.monotonic()
    _say(f"starting in {stack.data_dir} …")
    if not await _unless(asked_to_stop, stack.start()):
        _say("stopped before it was ready")
        return 130
    code = 0
    try:
        print(_welcome(stack, time.monotonic() - began), flush=True)
        if day:
            code = await _play_day(asked_to_stop)
        print("Ctrl-C stops everything.", flush=True)
        await asked_to_stop.wait()
    finally:
        _say("stopping …")
        await stack.stop()
    _say("stopped")
    return code


async def _unless(asked_to_stop: asyncio.Event, starting: Coroutine[Any, Any, None]) -> bool:
    """Await the start; false when the user stopped it meanwhile (then it has cleaned up)."""
    work = asyncio.create_task(starting)
    stopping = asyncio.create_task(asked_to_stop.wait())
    await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not work.done():
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        return False
    work.result()
    return True


async def _play_day(asked_to_stop: asyncio.Event) -> int:
    """`recours day` on this stack, as anyone would run it; its report goes to our output."""
    playing = await asyncio.create_subprocess_exec(sys.executable, "-m", "recours", "day")
    ended = asyncio.create_task(playing.wait())
    stopping = asyncio.create_task(asked_to_stop.wait())
    await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not ended.done():
        # A Ctrl-C in a terminal reached it as well; a SIGTERM reached only us.
        await asyncio.wait({ended}, timeout=_DAY_LEAVES_SECONDS)
    for sig in (signal.SIGINT, signal.SIGKILL):
        if not ended.done():
            with contextlib.suppress(ProcessLookupError):
                playing.send_signal(sig)
            await asyncio.wait({ended}, timeout=_DAY_LEAVES_SECONDS)
    return await ended


def _welcome(stack: Stack, seconds: float) -> str:
    lines = [f"\nrecours is ready in {seconds:.1f} s.", ""]
    lines += [f"  {name:<12} {url}" for name, url in stack.state().urls.items()]
    lines += ["", f"  data in {stack.data_dir}, logs in {stack.data_dir / 'logs'}"]
    if stack.accounts:
        lines += ["", "Demo accounts (fictitious people; these passwords open this folder's stack only):"]
        width = max(len(account.login) for account in stack.accounts)
        lines += [f"  {account.login:<{width}}  {account.password}  {account.description}" for account in stack.accounts]
    return "\n".join([*lines, ""])


def _detached(folder: Path) -> None:
    log = folder / "logs" / "stack.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "recours", "up", "--data-dir", str(folder)],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + _DETACHED_SECONDS
    while time.monotonic() < deadline:
        if child.poll() is not None:
            fail(f"the stack did not start. {log_tail(log, 15)}")
        state = StackState.read(folder)
        if state is not None and state.pid == child.pid and state.condition == "ready" and holder(folder) == child.pid:
            print(log.read_text())
            return
        time.sleep(0.1)
    os.kill(child.pid, signal.SIGTERM)
    fail(f"the stack was not ready within {_DETACHED_SECONDS:.0f} s. {log_tail(log, 15)}")
