"""Reads: keyset cursors, `limit`, and waiting for a copy to reach the version that the caller has seen."""

import asyncio
import base64
import binascii
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from fastapi.responses import JSONResponse

from shared.errors import Malformed
from shared.http.fields import checked_instant

Limit = Annotated[int, Query(ge=1, le=200)]
After = Annotated[str | None, Query(max_length=500, description="`next` of the page before")]

_WAIT_SECONDS = 1.0
_LOOK_EVERY_SECONDS = 0.02


class Cursor:
    """The sort key of a page's last row, opaque to callers. Holds ids and instants, never identity."""

    @staticmethod
    def encode(*values: UUID | datetime | int | str) -> str:
        plain = [value if isinstance(value, int) else value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
        return base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).rstrip(b"=").decode()

    @staticmethod
    def decode(cursor: str, *parse: Callable[[Any], Any]) -> tuple[Any, ...]:
        """The values, each through its parser: `Cursor.decode(after, datetime.fromisoformat, UUID)`. Raises Malformed."""
        try:
            plain = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            if not isinstance(plain, list):
                raise TypeError("cursor")
            return tuple(_known(one(value)) for one, value in zip(parse, plain, strict=True))
        except (binascii.Error, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            raise Malformed("bad cursor", errors=[{"field": "after", "message": "not a cursor of this list"}]) from None


def _known(value: Any) -> Any:
    """`value` as we might have written it: an instant with its offset, a number that a column holds. Raises ValueError."""
    if isinstance(value, datetime):
        return checked_instant(value.isoformat())
    if isinstance(value, int) and abs(value) >= 2**63:
        raise ValueError("number")
    return value


@dataclass(frozen=True)
class MinVersion:
    """`min_version=<id>:<n>`: the answer should know version `n` of `subject_id`."""

    subject_id: UUID
    version: int


async def min_version(min_version: Annotated[str | None, Query(description="<id>:<version>")] = None) -> MinVersion | None:
    """Dependency of reads that may come right after another service's command."""
    if min_version is None:
        return None
    subject, _, version = min_version.rpartition(":")
    try:
        return MinVersion(UUID(subject), int(version))
    except ValueError:
        raise Malformed("bad query", errors=[{"field": "min_version", "message": "<id>:<version>"}]) from None


MinVersionDep = Annotated[MinVersion | None, Depends(min_version)]


async def await_version(read: Callable[[], Awaitable[int | None]], wanted: int | None) -> bool:
    """Wait at most a second (real time) until `read()` reaches `wanted`; True means the answer is stale and must say so."""
    if wanted is None:
        return False
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        version = await read()
        if version is not None and version >= wanted:
            return False
        if time.monotonic() >= deadline:
            return True
        await asyncio.sleep(_LOOK_EVERY_SECONDS)


class VersionedResponse(JSONResponse):
    """The default response of our applications: a representation with a `version` gets it as its ETag."""

    def __init__(self, content: Any, status_code: int = 200, **named: Any) -> None:
        # FastAPI reads the default of `status_code` from this signature when it writes the OpenAPI document.
        super().__init__(content, status_code, **named)
        version = content.get("version") if isinstance(content, dict) else None
        if isinstance(version, int) and not isinstance(version, bool):
            self.headers["ETag"] = f'"{version}"'
