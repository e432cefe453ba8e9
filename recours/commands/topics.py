"""`recours topics`."""

import asyncio

import typer

from recours.commands.common import DataDir, refusals

app = typer.Typer(add_completion=False)


@app.command()
def topics(data_dir: DataDir = None) -> None:
    """Create the topics of the platform that are missing. Clients never create any."""
    from recours.operations.topics import create_topics
    from recours.stack.environment import command_settings

    with refusals():
        created = asyncio.run(create_topics(command_settings(data_dir)))
        print(f"created: {', '.join(created)}" if created else "all topics exist")
