"""`recours inbox`."""

from datetime import UTC, datetime, time
from typing import Annotated

import typer

from recours.commands.common import DataDir, Json, ops_address, print_json

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Trim a service's memory of consumed events.")


@app.callback()
def inbox() -> None:
    """Keeps `trim` a word of its own: more may follow."""


@app.command()
def trim(
    service: Annotated[str, typer.Argument(help="The service whose inbox grows too large.")],
    before: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day kept (UTC).")],
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Forget which events were consumed before a day. Older events that come again are then skipped and counted, not handled."""
    instant = datetime.combine(before.date(), time(), UTC)
    with ops_address(data_dir, service) as ops:
        body = ops.post("/inbox/trim", before=instant.isoformat())
    if json:
        print_json(body)
    else:
        print(f"{service}: {body['trimmed']} rows forgotten")
