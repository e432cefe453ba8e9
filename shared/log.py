"""JSON logs on stderr: an event name and ids, never a payload, a name or free text; what else comes is dropped and marked `redacted`."""

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import PurePath
from types import MappingProxyType, TracebackType
from typing import Final
from uuid import UUID

from shared import telemetry

_KEY = re.compile(
    r"([a-z_]+_)?(id|ids|at|on|code|kind|seconds|milliseconds|count|total|version|port|type|by)"
    r"|attempt|attempts|bytes|clients|cluster|consumer|database|due|environment|error|error_class|files|from|group|host|key_count|level|lost|method|mode|offset"
    r"|outcome|panel|partition|partitions|parts|pending|pid|port|process|purpose|reason|role|roles|rounds|route|rows|service|state|status|step|task"
    r"|to|topic|topics|urgency|version|wait"
)
_VALUE = re.compile(r"[A-Za-z0-9_.:/+=\[\],-]{0,200}")
_PHONE = re.compile(r"(?<![0-9a-f-])(?:\+\s?33|0033|0)\s?[1-9](?:[ .-]?\d{2}){4}(?![0-9a-f-])", re.IGNORECASE)
_SAFE_LIBRARIES: Final = ("uvicorn", "aiokafka")  # their warnings name brokers, groups and ports; the others may quote what they carry
_KNOWN_FRAMES = 6

_bound: ContextVar[Mapping[str, str]] = ContextVar("log_fields", default=MappingProxyType({}))


class Log:
    """`log.info("request_qualified", request_id=…)`: the name is a constant, the fields are ids, codes and numbers."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(f"recours.{name}")

    def debug(self, event: str, **fields: object) -> None:
        self._write(logging.DEBUG, event, fields, None)

    def info(self, event: str, **fields: object) -> None:
        """What ops would ask for tomorrow."""
        self._write(logging.INFO, event, fields, None)

    def warning(self, event: str, *, exception: BaseException | None = None, **fields: object) -> None:
        """Degraded and coping."""
        self._write(logging.WARNING, event, fields, exception)

    def error(self, event: str, *, exception: BaseException | None = None, **fields: object) -> None:
        """A human must look. Of `exception` only the class and the lines of code are written."""
        self._write(logging.ERROR, event, fields, exception)

    def _write(self, level: int, event: str, fields: Mapping[str, object], exception: BaseException | None) -> None:
        if self._logger.isEnabledFor(level):
            raised = (type(exception), exception, exception.__traceback__) if exception is not None else None
            self._logger.log(level, event, exc_info=raised, extra={"fields": fields})


def get(name: str) -> Log:
    return Log(name)


@contextmanager
def bound(**fields: str) -> Iterator[None]:
    """Add `fields` to every line of this task and its children."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def setup(service: str, level: str = "INFO") -> None:
    """Send every logger of the process through our formatter; called once at start."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter(service))
    handler.addFilter(_worth_a_line)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in list(logging.Logger.manager.loggerDict):
        library = logging.getLogger(name)
        if not name.startswith("recours"):
            library.handlers.clear()
            library.propagate = True


class Formatter(logging.Formatter):
    """One JSON object a line."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
        }
        if record.name.startswith("recours."):
            line["event"] = record.msg if _VALUE.fullmatch(str(record.msg)) else "unnamed"
            line = {**allowed(getattr(record, "fields", {})), **line}
        else:
            line |= {"event": "library", "library": record.name}
            message = _message_of(record)
            if message is not None:
                line["message"] = message
        line |= allowed(_bound.get())
        trace_id = telemetry.current_trace_id()
        if trace_id is not None:
            line["trace_id"] = trace_id
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["frames"] = _frames(record.exc_info[2])
        return json.dumps(line, ensure_ascii=False, default=str)


def allowed(fields: Mapping[str, object]) -> dict[str, object]:
    """The fields that may be written; the keys of the others are listed under `redacted` (an unknown key by its name only)."""
    kept: dict[str, object] = {}
    redacted: list[str] = []
    for key, value in fields.items():
        plain = _plain(value) if _KEY.fullmatch(key) else None
        if plain is None and value is not None:
            redacted.append(key)
        else:
            kept[key] = plain
    if redacted:
        kept["redacted"] = redacted
    return kept


def _plain(value: object) -> object | None:
    """`value` as JSON when it can only be an id, a code, a number or an instant; None otherwise."""
    match value:
        case Enum():
            return _plain(value.value)
        case bool() | float():
            return value
        case int():
            return None if _PHONE.fullmatch(f"0{value}") or _PHONE.fullmatch(f"+{value}") else value
        case UUID() | datetime() | date():
            return str(value)
        case str() | PurePath():
            text = str(value)
            return text if _VALUE.fullmatch(text) and not _PHONE.search(text) else None
        case list() | tuple() | set() | frozenset():
            plain = [_plain(item) for item in value][:50]
            return None if any(item is None for item in plain) else plain
        case dict():
            plain_values = {key: _plain(item) for key, item in value.items()}
            return None if any(item is None or not _plain(key) for key, item in plain_values.items()) else plain_values
        case _:
            return None


def _worth_a_line(record: logging.LogRecord) -> bool:
    return record.name.startswith("recours.") or record.levelno >= logging.WARNING


def _message_of(record: logging.LogRecord) -> str | None:
    if not record.name.startswith(_SAFE_LIBRARIES):
        return None
    message = record.getMessage()
    return None if _PHONE.search(message) else message[:500]


def _frames(traceback: TracebackType | None) -> list[str]:
    """File, line and function of the innermost calls: where, without any value."""
    frames: list[str] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append(f"{'/'.join(PurePath(code.co_filename).parts[-3:])}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return frames[-_KNOWN_FRAMES:]
