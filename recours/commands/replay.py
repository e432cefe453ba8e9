"""`recours replay`."""

from typing import Annotated, Any

import typer

from recours.commands.common import DataDir, Json, fail, ops_address, print_json

app = typer.Typer(add_completion=False)


@app.command()
def replay(
    service: Annotated[str, typer.Argument(help="The service whose group failed.")],
    show: Annotated[bool, typer.Option("--list", help="Only show the open dead letters.")] = False,
    letter: Annotated[int | None, typer.Option("--id", help="Only this dead letter.")] = None,
    discard: Annotated[bool, typer.Option("--discard", help="With --id: put it away instead; its row stays.")] = False,
    event_type: Annotated[
        str | None, typer.Option("--type", help="Instead: every event of this type that was skipped, from the log.")
    ] = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Run dead letters (or events that had no handler yet) again, through the inbox: what was already done has no second effect."""
    if discard and letter is None:
        fail("--discard needs --id", 2)
    with ops_address(data_dir, service) as ops:
        if show:
            body = _all_open(ops)
        elif event_type is not None:
            body = ops.post("/replay", event_type=event_type)
        elif letter is not None:
            body = ops.post(f"/dead-letters/{letter}/{'discard' if discard else 'replay'}")
        else:
            body = ops.post("/dead-letters/replay")
    if json:
        print_json(body)
    elif show:
        print(_table(service, body["items"]))
    else:
        print(", ".join(f"{name}: {value}" for name, value in body.items()))
    if body.get("failed"):
        raise SystemExit(1)


def _all_open(ops: Any) -> dict[str, Any]:
    items: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = ops.get("/dead-letters", limit=200, **after)
        items += page["items"]
        if not page["next"]:
            return {"items": items}
        after = {"after": page["next"]}


def _table(service: str, letters: list[dict[str, Any]]) -> str:
    if not letters:
        return f"{service}: no open dead letter"
    row = "{:>6}  {:<40} {:<20} {:<24} {:>8}  {}"
    lines = [row.format("id", "type", "reason", "error", "attempts", "last failure")]
    for letter in letters:
        shown = (
            letter["id"],
            letter["event_type"] or "?",
            letter["reason"],
            letter["error_class"],
            letter["attempts"],
            letter["last_failed_at"],
        )
        lines.append(row.format(*shown))
    return "\n".join(lines)
