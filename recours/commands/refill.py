"""`recours refill`."""

from typing import Annotated

import typer

from recours.commands.common import DataDir, ops_address
from recours.stack.ports import SERVICES

app = typer.Typer(add_completion=False)
_PUBLISHERS = tuple(service for service in SERVICES if service not in ("console", "pilotage"))


@app.command()
def refill(
    services: Annotated[list[str] | None, typer.Argument(help="Only these services (default: all that publish).")] = None,
    data_dir: DataDir = None,
) -> None:
    """Allow the relays to fill an empty Kafka from their journals (the embedded stack does so by itself). Consumers drop what they know."""
    for service in services or _PUBLISHERS:
        with ops_address(data_dir, service) as ops:
            ops.post("/refill")
        print(f"{service}: refill requested")
