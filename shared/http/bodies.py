"""Reading a request's body: bounded in size and in time, and without what no part of ours could keep."""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any

from starlette.types import Message, Receive

from shared.errors import Malformed, RecoursError

BODY_LIMIT_BYTES = 1024 * 1024
BODY_LIMIT_SECONDS = 10.0

# Escapes of NUL and of halves of a character, and words that Python takes for numbers: most bodies have none of them.
_SUSPECT = re.compile(rb"\\u0000|\\u[dD][89a-fA-F]|NaN|Infinity")


@dataclass(frozen=True)
class BodyLimits:
    """What a caller may take: the size of a body, and the time from its first to its last byte."""

    max_bytes: int = BODY_LIMIT_BYTES
    seconds: float = BODY_LIMIT_SECONDS


class TooLarge(RecoursError):
    """The body is over the limit of one mebibyte."""

    code = "too_large"
    status = 413


class AddressTooLong(RecoursError):
    """No address of ours is that long."""

    code = "too_large"
    status = 414


class HeadersTooLong(RecoursError):
    """No caller of ours sends that much before its body."""

    code = "too_large"
    status = 431


class TooSlow(RecoursError):
    """The body did not come within its time: the connection is closed, others are waiting."""

    code = "too_slow"
    status = 408


async def read_body(headers: dict[bytes, bytes], receive: Receive, limits: BodyLimits) -> Receive:
    """`receive` for the application, the whole body at hand. Raises TooLarge (before reading more than is allowed), TooSlow, Malformed."""
    length = headers.get(b"content-length")
    if length is not None and (not length.isdigit() or len(length) > 18 or int(length) > limits.max_bytes):
        raise TooLarge(f"the body is over {limits.max_bytes} bytes")
    if length is None and b"transfer-encoding" not in headers:
        return receive
    try:
        async with asyncio.timeout(limits.seconds):
            body = await _whole(receive, limits.max_bytes)
    except TimeoutError as late:
        raise TooSlow(f"the body did not come within {limits.seconds:g} seconds") from late
    if body is None:
        return receive  # the caller has gone: the application hears it there
    if b"json" in headers.get(b"content-type", b""):
        refuse_unstorable(body)
    read = False

    async def replay() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def drain(receive: Receive, limits: BodyLimits) -> None:
    """Let a refused sender finish its sentence, within bounds: closing at once would take our answer away from it."""
    left = 16 * limits.max_bytes
    try:
        async with asyncio.timeout(min(limits.seconds, 2.0)):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b"")) or 1
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return


def refuse_unstorable(body: bytes) -> None:
    """Raise Malformed for text that PostgreSQL cannot keep (NUL) or that is no text (half of a character), and for NaN, which is no JSON.

    Unreadable JSON passes: it is refused where it is read.
    """
    if _SUSPECT.search(body) is None:
        return
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            if not all(map(_is_text, value)):
                raise _malformed(path or "body", "a field's name is not text")
            waiting += [(f"{path}.{key}" if path else key, inner) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{path}.{index}" if path else str(index), inner) for index, inner in enumerate(value)]
        elif isinstance(value, str) and not _is_text(value):
            raise _malformed(path or "body", "is not text")


async def _whole(receive: Receive, max_bytes: int) -> bytes | None:
    pieces, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        piece = message.get("body", b"")
        size += len(piece)
        if size > max_bytes:
            raise TooLarge(f"the body is over {max_bytes} bytes")
        pieces.append(piece)
        more = message.get("more_body", False)
    return b"".join(pieces)


def _is_text(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _refuse_constant(_: str) -> None:
    raise _malformed("body", "NaN and Infinity are not JSON")


def _malformed(field: str, message: str) -> Malformed:
    return Malformed("some fields are wrong", errors=[{"field": field, "message": message}])
