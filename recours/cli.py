"""The command `recours`: a table of contents. Each command is a module imported only when it is asked for, so that all start fast."""

import importlib
import sys

COMMANDS = {
    "up": ("recours.commands.up", "Start the embedded stack (servers, services, territory) and watch it"),
    "down": ("recours.commands.down", "Stop the running embedded stack"),
    "status": ("recours.commands.status", "Show the processes of the embedded stack"),
    "day": ("recours.day.command", "Play a whole day of calls through the services and report on it"),
    "check": ("recours.check.command", "Check the promises: nothing lost, doubled, unpublished, no identity where none may be"),
    "migrate": ("recours.commands.migrate", "Create or update the databases of the services"),
    "topics": ("recours.commands.topics", "Create the topics that are missing"),
    "replay": ("recours.commands.replay", "Hand dead letters, or skipped events, to a service again"),
    "refill": ("recours.commands.refill", "Let a service's relay fill an empty Kafka from its journal"),
    "inbox": ("recours.commands.inbox", "Trim a service's memory of consumed events"),
    "bench": ("recours.bench.command", "Measure the stack on this machine"),
    "user": ("recours.commands.user", "Add, list or disable accounts of the console"),
}


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {purpose}" for name, (_, purpose) in COMMANDS.items()]
    return "\n".join(["Usage: recours COMMAND [OPTIONS]   (recours COMMAND --help says more)", "", "Commands:", *lines])


def main() -> None:
    """Run the command that the first argument names; exit code 2 when there is none of that name."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help", "help"):
        print(_help())
        return
    if name not in COMMANDS:
        sys.exit(f"recours: no command {name!r}\n\n{_help()}")
    importlib.import_module(COMMANDS[name][0]).app(args=arguments, prog_name=f"recours {name}")
