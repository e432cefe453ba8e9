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


@app.command()
def booking(
    connections: Annotated[int, typer.Option(min=1, max=12, help="People who book at once; pgbench gets as many clients.")] = 8,
    seconds: Annotated[float, typer.Option(min=0.5, help="Length of a turn.")] = 10.0,
    turns: Annotated[int, typer.Option(min=1, help="Turns of each side.")] = 3,
    json: Json = False,
) -> None:
    """Bookings through the HTTP API, against the identical transaction under pgbench."""
    from recours.bench.booking import Size, measure, table

    with refusals():
        measured = measure(Size(connections=connections, seconds=seconds, turns=turns))
        if json:
            print_json(measured)
        else:
            print(table(measured))
