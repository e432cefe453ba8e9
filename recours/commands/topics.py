"""`recours topics`."""

import asyncio

import typer

from recours.commands.common import DataDir, fail

app = typer.Typer(add_completion=False)


@app.command()
def topics(data_dir: DataDir = None) -> None:
    """Create the topics of the platform that are missing. Clients never create any."""
    from recours.operations.databases import MissingSetting
    from recours.operations.topics import create_topics
    from recours.stack.environment import command_settings

    try:
        created = asyncio.run(create_topics(command_settings(data_dir)))
    except MissingSetting as missing:
        fail(str(missing))
    else:
        print(f"created: {', '.join(created)}" if created else "all topics exist")
