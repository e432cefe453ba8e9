"""The pgbench script of a booking, made from what the service really sent.

PostgreSQL logs every statement of a few bookings with its parameters. A parameter that follows from the booking's number is computed
from it, an id that the service draws each time is drawn anew, everything else is passed as it was: as a parameter, never as a constant.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

from recours.bench.booking_agenda import Agenda, fresh_sql
from recours.stack.errors import StackError
from shared.db import Connection

_LINE = re.compile(r"^\d{4}-\d\d-\d\d [\d:.]+ \S+ \[(?P<pid>\d+)\] \S+@\S+ (?P<level>[A-Z]+):  (?P<text>.*)$", re.DOTALL)
_EXECUTE = re.compile(r"^execute [^:]+: (?P<sql>.*)$", re.DOTALL)
_STATEMENT = re.compile(r"^statement: (?P<sql>.*)$", re.DOTALL)
_PARAMETER = re.compile(r"\$(\d+) = (NULL|'(?:[^']|'')*')")
_PLACE = re.compile(r"\$(\d+)")


@dataclass(frozen=True)
class Sent:
    """One statement as the server got it. `values` are the parameters in order, None for NULL."""

    sql: str
    values: tuple[str | None, ...]


@dataclass(frozen=True)
class Script:
    """The file for `pgbench -f`, the variables for `-D`, and the statements it is made of."""

    text: str
    variables: dict[str, str]
    statements: tuple[str, ...]


def read_log(log: str, keys: Sequence[str]) -> list[list[Sent]]:
    """The statements of the bookings with these Idempotency-Keys, from their BEGIN to the next booking's, each on its own connection."""
    by_pid: dict[str, list[Sent]] = {}
    for record in re.split(r"\n(?!\t)", log):
        matched = _LINE.match(record)
        if matched is None:
            continue
        sent = by_pid.setdefault(matched["pid"], [])
        if matched["level"] == "DETAIL" and "arameters: " in matched["text"] and sent:
            sent[-1] = Sent(sent[-1].sql, _values(matched["text"]))
        elif matched["level"] == "LOG" and (statement := _EXECUTE.match(matched["text"]) or _STATEMENT.match(matched["text"])):
            sent.append(Sent(statement["sql"].replace("\n\t", "\n"), ()))
    found = []
    for sent in by_pid.values():
        starts = [n - 1 for n, one in enumerate(sent) if n and one.sql.lstrip().startswith("INSERT INTO idempotency_key")]
        found += [sent[start:end] for start, end in pairwise([*starts, len(sent)])]
    wanted = set(keys)
    return [booking for booking in found if wanted & set(booking[1].values)]


def _values(detail: str) -> tuple[str | None, ...]:
    return tuple(None if text == "NULL" else text[1:-1].replace("''", "'") for _, text in _PARAMETER.findall(detail))


def usual(bookings: Sequence[Sequence[Sent]]) -> tuple[Sequence[Sent], Sequence[Sent]]:
    """Two bookings with the same statements: what a timer of the service may have added to one of them is in no two.

    Raises StackError when no two are alike.
    """
    shapes = Counter(tuple(sent.sql for sent in booking) for booking in bookings)
    shape, times = shapes.most_common(1)[0] if shapes else ((), 0)
    if times < 2:
        raise StackError(f"no two of {len(bookings)} bookings sent the same statements: the pgbench script cannot be made")
    first, second, *_ = (booking for booking in bookings if tuple(sent.sql for sent in booking) == shape)
    return first, second


async def make_script(database: Connection, agenda: Agenda, first: Sequence[Sent], second: Sequence[Sent]) -> Script:
    """The script of `first`; `second` shows which values change from booking to booking."""
    known = agenda.booking(_number(first)).values()
    fresh = _fresh(first, second, known)
    variables: dict[str, str] = {}
    lines = [agenda.pgbench_sets()]
    for sent in first:
        prepared = await database.prepare(sent.sql) if sent.values else None
        types = [f"{kind.schema}.{kind.name}" for kind in prepared.get_parameters()] if prepared is not None else []
        written = [_write(value, kind, known | fresh, variables) for value, kind in zip(sent.values, types, strict=True)]
        text = _PLACE.sub(lambda place, written=written: written[int(place[1]) - 1], sent.sql.strip().rstrip(";"))  # type: ignore[misc]
        lines.append(f"{text};\n")
    return Script("".join(lines), variables, tuple(" ".join(sent.sql.split()) for sent in first))


def _number(booking: Sequence[Sent]) -> int:
    key = booking[1].values[1]
    assert key is not None
    return int(key.removeprefix("bench-"))


def _fresh(first: Sequence[Sent], second: Sequence[Sent], known: dict[str, str]) -> dict[str, str]:
    """Ids that the service drew for `first`, in the order they were sent."""
    pairs = [pair for one, other in zip(first, second, strict=True) for pair in zip(one.values, other.values, strict=True)]
    drawn = dict.fromkeys(a for a, b in pairs if a is not None and a != b and a not in known and _is_uuid(a))
    return {value: fresh_sql(nth) for nth, value in enumerate(drawn)}


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _write(value: str | None, kind: str, computed: dict[str, str], variables: dict[str, str]) -> str:
    if value is None:
        return "NULL"
    if value in computed:
        return f"({computed[value]})::{kind}"
    if value.startswith("{") and value[1:-1] in computed:
        return f"ARRAY[{computed[value[1:-1]]}]"
    name = next((name for name, known in variables.items() if known == value), None) or f"given_{len(variables)}"
    variables[name] = value
    return f":{name}"
