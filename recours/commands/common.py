"""What commands share: one folder option, one way to refuse, one way to print JSON."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from recours.operations.settings import MissingSetting
from recours.stack.errors import StackError

if TYPE_CHECKING:
    from recours.operations.ops_address import OpsAddress

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="Folder of the embedded stack (default: RECOURS_DATA_DIR, else /var/lib/recours or ~/.local/share/recours)."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@contextmanager
def refusals() -> Iterator[None]:
    """Print what is wrong in one sentence and exit with 1, instead of a stack trace."""
    try:
        yield
    except (StackError, MissingSetting) as refusal:
        fail(str(refusal))


@contextmanager
def ops_address(data_dir: Path | None, service: str) -> Iterator["OpsAddress"]:
    """The service's address for operators, refusals printed."""
    from recours.operations.ops_address import OpsAddress, OpsRefused
    from recours.stack.environment import command_settings
    from recours.stack.ports import SERVICES

    if service not in SERVICES:
        fail(f"no service {service!r}: {', '.join(SERVICES)}", 2)
    with refusals():
        try:
            with OpsAddress(command_settings(data_dir), service) as ops:
                yield ops
        except OpsRefused as refusal:
            fail(str(refusal))


def fail(reason: str, code: int = 1) -> NoReturn:
    """Say why on the error output and exit."""
    print(f"recours: {reason}", file=sys.stderr)
    raise SystemExit(code)


def print_json(body: Mapping[str, Any]) -> None:
    """The one JSON object."""
    print(json.dumps(body, ensure_ascii=False, default=str))
