"""`recours bench`."""

import asyncio
from typing import Annotated

import typer

from recours.commands.common import Json, print_json, refusals

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Measure on this machine, beside the targets.")


@app.callback()
def bench() -> None:
    """Each measure is a word of its own."""


@app.command()
def stack(
    day: Annotated[str, typer.Option("--date", help="The day to play.")] = "2026-03-02",
    seed: Annotated[int, typer.Option(help="Seed of its demand.")] = 7,
    json: Json = False,
) -> None:
    """Ready time, resident memory and the wall time of a simulated day, on a temporary stack."""
    from recours.bench.stack import measure, table

    with refusals():
        measured = asyncio.run(measure(day, seed))
        if json:
            print_json(measured)
        else:
            print(table(measured))
