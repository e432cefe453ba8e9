"""`recours check`."""

from collections.abc import Mapping
from typing import Any

import typer

from recours.commands.common import DataDir, Json, fail, print_json, refusals

app = typer.Typer(add_completion=False)

_WORDS = {
    "orphan_requests": "open requests without owner or hour, or unknown to the log",
    "double_booked": "slots given twice",
    "unpublished_events": "facts not yet in the log",
    "dead_letters": "events that a service could not take",
    "consumer_lag": "records that a reader has not passed yet",
    "personal_data_found": "identities found where none may be",
}


@app.command()
def check(data_dir: DataDir = None, json: Json = False) -> None:
    """Check the promises on the running stack: databases, log, log files, metrics and dead letters. Exit code 1 when one is broken."""
    import asyncio

    import asyncpg
    from aiokafka.errors import KafkaError

    from recours.check.log import LogUnreadable
    from recours.stack.environment import command_settings
    from shared.crypto import SealBroken

    with refusals():
        try:
            found = asyncio.run(examine(command_settings(data_dir)))
        except (OSError, asyncpg.PostgresError, KafkaError, LogUnreadable) as reason:
            fail(f"a server does not answer as it should ({type(reason).__name__}): is the stack running?")
        except SealBroken:
            fail("RECOURS_MASTER_KEY does not open the identities of this stack")
    if json:
        print_json(found)
    else:
        for name, words in _WORDS.items():
            print(f"{found[name]:>8}  {words}")
    if any(found[name] for name in _WORDS if name not in ("unpublished_events", "consumer_lag")):
        raise SystemExit(1)


async def examine(settings: Mapping[str, str]) -> dict[str, Any]:
    """The keys of `--json`. A stack at work may have a few facts on their way: those two counts are for a settled one."""
    from recours.check.audit import audit
    from recours.check.identities import log_files, read_needles, scan_files, scan_log, scan_metrics
    from recours.check.services import look
    from recours.stack.ports import SERVICES

    found = await audit(settings, await look(settings, [name for name in SERVICES if name != "console"]))
    needles = await read_needles(settings)
    personal = {
        "topics": scan_log(needles, list(found.records)),
        "files": scan_files(needles, log_files(settings)),
        "metrics": await scan_metrics(needles, settings),
        "dead_letters": dict(needles.found_in("\n".join(found.stored.dead_letter_texts))),
    }
    kinds = found.lost.kinds
    return {
        "orphan_requests": kinds["open_without_owner"] + kinds["request_without_event"] + kinds["request_unknown_to_pilotage"],
        "double_booked": found.double_booked.total,
        "unpublished_events": found.stored.unpublished,
        "dead_letters": found.stored.dead_letters,
        "consumer_lag": found.consumer_lag,
        "personal_data_found": sum(sum(counts.values()) for counts in personal.values()),
        "personal_data": personal,
        "lost": found.lost.total,
        "duplicated": found.duplicated.total,
    }
