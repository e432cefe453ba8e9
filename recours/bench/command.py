"""`recours bench`."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import typer

from recours.bench.broker import Broker
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
    processes: Annotated[int, typer.Option(min=1, max=4, help="Processes of scheduling, besides the turn of one alone.")] = 2,
    json: Json = False,
) -> None:
    """Bookings through the HTTP API, against the identical transaction under pgbench."""
    from recours.bench.booking import Size, measure, table

    with refusals():
        measured = measure(Size(connections=connections, processes=processes, seconds=seconds, turns=turns))
        if json:
            print_json(measured)
        else:
            print(table(measured))


@app.command()
def latency(
    rate: Annotated[list[float], typer.Option(min=0.1, help="Requests a second; may be given several times.")] = [5.0, 10.0],  # noqa: B006  # typer copies it
    seconds: Annotated[float, typer.Option(min=1, help="Length of each rate.")] = 60.0,
    warm_up: Annotated[float, typer.Option(min=0.2, help="Seconds before them that are not counted.")] = 10.0,
    seed: Annotated[int, typer.Option(help="Seed of the arrivals.")] = 7,
    broker: Annotated[Broker, typer.Option(help="Which broker.")] = Broker.APACHE,
    json: Json = False,
) -> None:
    """From the command that qualifies a request to the GP's screen, and where the time goes."""
    from recours.bench.latency import Size, measure, table

    _run(lambda: asyncio.run(measure(Size(tuple(rate), seconds, warm_up, seed, broker))), table, json)


@app.command()
def relay(
    events: Annotated[int, typer.Option(min=1_000, help="Facts that wait in the outbox.")] = 50_000,
    seed: Annotated[int, typer.Option(help="Seed of the facts.")] = 7,
    broker: Annotated[list[Broker], typer.Option(help="Which brokers.")] = list(Broker),  # noqa: B006  # typer copies it
    json: Json = False,
) -> None:
    """Facts a second from the outbox to the broker's confirmation."""
    from recours.bench.relay import measure, table

    _run(lambda: asyncio.run(measure(events, seed, tuple(broker))), table, json)


@app.command()
def replay(
    events: Annotated[int, typer.Option(min=1_000, help="Facts on the log.")] = 200_000,
    seed: Annotated[int, typer.Option(help="Seed of the facts.")] = 7,
    broker: Annotated[Broker, typer.Option(help="Which broker.")] = Broker.EMBEDDED,
    json: Json = False,
) -> None:
    """pilotage rebuilt from the log, facts a second."""
    from recours.bench.replay import measure, table

    _run(lambda: asyncio.run(measure(events, seed, broker)), table, json)


@app.command()
def limits(
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of each measure.")] = 5.0,
    broker: Annotated[list[Broker], typer.Option(help="Which brokers.")] = list(Broker),  # noqa: B006  # typer copies it
    json: Json = False,
) -> None:
    """What this machine can do at most: a bare producer, a bare INSERT, a bare sync."""
    from recours.bench.limits import measure, table

    _run(lambda: asyncio.run(measure(seconds, tuple(broker))), table, json)


def _run(measure: Callable[[], dict[str, Any]], table: Callable[[dict[str, Any]], str], as_json: bool) -> None:
    with refusals():
        measured = measure()
        if as_json:
            print_json(measured)
        else:
            print(table(measured))
