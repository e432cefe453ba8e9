"""Cursors and waiting for a copy."""

import asyncio
import base64
from datetime import UTC, datetime
from uuid import UUID

import pytest

from shared.errors import Malformed
from shared.http import Cursor, await_version
from shared.ids import new_id


def test_a_cursor_gives_back_its_values() -> None:
    at, subject = datetime(2026, 3, 2, 8, 0, 0, 123, tzinfo=UTC), new_id()
    cursor = Cursor.encode(at, subject, 7, "same_day")
    assert cursor.isascii() and "=" not in cursor and str(subject) not in cursor
    assert Cursor.decode(cursor, datetime.fromisoformat, UUID, int, str) == (at, subject, 7, "same_day")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "%%%",
        "é",
        "AAAA",
        base64.urlsafe_b64encode(b'{"a":1}').decode(),
        Cursor.encode("x", "y"),
        Cursor.encode(1),
        Cursor.encode(1, 2, 3),
    ],
)
def test_a_foreign_cursor_is_malformed(cursor: str) -> None:
    with pytest.raises(Malformed) as refused:
        Cursor.decode(cursor, int, UUID)
    assert refused.value.extra["errors"] == [{"field": "after", "message": "not a cursor of this list"}]


async def test_a_copy_that_catches_up_is_waited_for() -> None:
    seen: list[int | None] = [None, 2, 3]

    async def read() -> int | None:
        return seen.pop(0)

    assert await await_version(read, 3) is False
    assert seen == []


async def test_a_copy_that_stays_behind_is_stale_within_the_second() -> None:
    async def read() -> int | None:
        return 2

    async with asyncio.timeout(5):
        assert await await_version(read, 3) is True


async def test_nothing_wanted_reads_nothing() -> None:
    async def read() -> int | None:
        raise AssertionError("read")

    assert await await_version(read, None) is False
