"""`recours migrate`."""

import asyncio
from typing import Annotated

import typer

from recours.commands.common import DataDir, fail, refusals

app = typer.Typer(add_completion=False)


@app.command()
def migrate(
    services: Annotated[list[str] | None, typer.Argument(help="Only these services (default: all).")] = None, data_dir: DataDir = None
) -> None:
    """Create the roles and databases (when RECOURS_POSTGRES_ADMIN_URL is set) and apply the migrations that are missing."""
    from recours.operations.databases import migrate_all
    from recours.stack.environment import command_settings
    from recours.stack.ports import SERVICES
    from shared.migrate import MigrationRefused

    with refusals():
        try:
            done = asyncio.run(migrate_all(command_settings(data_dir), services or SERVICES))
        except MigrationRefused as refusal:
            fail(str(refusal))
    for service, applied in done.items():
        print(f"{service}: {', '.join(applied) if applied else 'up to date'}")
