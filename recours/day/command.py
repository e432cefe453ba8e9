"""`recours day`."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recours.commands.common import DataDir, Json, fail, print_json, refusals

if TYPE_CHECKING:
    from rich.console import Console

    from recours.day.play import DayPlan
    from recours.day.report import Report
    from recours.stack.environment import Access

app = typer.Typer(add_completion=False)


@app.command()
def day(
    date: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day; default: the next open day of the running stack, 2026-03-02 on a new one."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same demand and the same decisions.")] = 7,
    out: Annotated[Path, typer.Option(help="Folder of the HTML page.")] = Path("report"),
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Play a whole day of calls through the running services (or a temporary stack), on the stepped clock, and report on it."""
    import asyncio

    from recours.check.log import LogUnreadable
    from recours.day.casting import NoTeam
    from recours.day.play import DayRefused
    from recours.day.settling import NotSettled
    from recours.demand import BadAssumptions
    from shared.errors import RecoursError
    from shared.territory import BadTerritory

    with refusals():
        try:
            report = asyncio.run(_day(date, seed, data_dir))
        except (DayRefused, NoTeam, BadTerritory, BadAssumptions, LogUnreadable) as refusal:
            fail(str(refusal))
        except NotSettled as refusal:
            fail(f"the day stopped: {refusal}")
        except RecoursError as refusal:
            fail(f"the day stopped: a service refused an actor ({refusal.code}: {refusal.detail})")
        except KeyboardInterrupt:
            fail("the day was interrupted; the clock runs on from where it was", 130)
    _tell(report, out, json=json)
    if not report.is_clean:
        raise SystemExit(1)


async def _day(date: datetime | None, seed: int, data_dir: Path | None) -> "Report":
    from recours.day.play import plan_day
    from recours.stack.environment import Access
    from shared.clock import ClockFile

    on = None if date is None else date.date()
    running = Access.of_running(data_dir)
    if running is not None:
        plan = plan_day(_folder(running), on=on, seed=seed, clock=ClockFile(running.clock_file))
        return await _played(running, plan)
    return await _on_a_temporary_stack(plan_day(_default_folder(), on=on, seed=seed, clock=None))


async def _on_a_temporary_stack(plan: "DayPlan") -> "Report":
    """A stack of its own, whose clock begins shortly before the day; removed at the end, also after an interruption."""
    from datetime import timedelta

    from recours.stack.stack import TemporaryStack
    from shared.clock import ClockFile

    console = _console()
    with console.status("Démarrage d'une pile temporaire…"):
        stack = TemporaryStack(say=lambda sentence: console.log(sentence, markup=False))
        ClockFile(stack.data_dir / "clock", create=True).stand_at(plan.starts_at - timedelta(minutes=30))
        await stack.__aenter__()
    try:
        return await _played(stack.access, plan)
    finally:
        await stack.__aexit__(None, None, None)


async def _played(access: "Access", plan: "DayPlan") -> "Report":
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from recours.day.play import play
    from recours.day.report import report_on

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[clock]}"), TimeElapsedColumn())
    with Progress(*columns, console=_console(), transient=True) as bar:
        whole = (plan.ends_at - plan.starts_at).total_seconds()
        task = bar.add_task(f"{plan.territory.name}, {plan.on:%d/%m/%Y}", total=whole, clock="")

        def progress(now: datetime) -> None:
            bar.update(task, completed=(now - plan.starts_at).total_seconds(), clock=f"{plan.territory.local(now):%H:%M}")

        played = await play(access, plan, progress=progress)
        bar.update(task, clock="rapport…")
        return await report_on(access, plan, played)


def _tell(report: "Report", out: Path, *, json: bool) -> None:
    from rich.console import Console

    from recours.day.page import write_page
    from recours.day.table import print_report

    path = write_page(report, out)
    if json:
        print_json(report.body())
        return
    print_report(report, Console())
    print(f"Page : {path.resolve()}")


def _console() -> "Console":
    """Progress goes to the error output: the standard one is for the report alone."""
    from rich.console import Console

    return Console(stderr=True)


def _folder(access: "Access") -> Path:
    """The first territory of the stack that has a team."""
    folders = [Path(part.strip()) for part in access.settings()["RECOURS_TERRITORY_DIRS"].split(",")]
    return next((folder for folder in folders if (folder / "team.yaml").exists()), folders[0])


def _default_folder() -> Path:
    import os

    from recours.stack.environment import PROJECT

    chosen = os.environ.get("RECOURS_TERRITORY_DIRS")
    return Path(chosen.split(",")[0].strip()) if chosen else PROJECT / "deploy" / "territory" / "bievre"
