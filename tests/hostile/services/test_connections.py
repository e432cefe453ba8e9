"""Bodies and connections meant to exhaust a service: each is refused within a size and a time, and the others are served meanwhile."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from services.intake.app import build
from shared.auth import Principal
from shared.testing.fixtures import ISSUER, Running, RunningService

READ_SECONDS = 1.0
LIMIT_BYTES = 20_000
TOKEN = ISSUER.issue(Principal(uuid4(), frozenset({"secretary"}), "bievre"), "intake")
HEAD = f"POST /patients/search HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"


@pytest.fixture
async def intake(running_service: RunningService) -> AsyncIterator[Running]:
    """Impatient, so that the tests are quick."""
    async with running_service(
        build, "intake", RECOURS_HTTP_READ_SECONDS=str(READ_SECONDS), RECOURS_HTTP_BODY_BYTES=str(LIMIT_BYTES)
    ) as running:
        yield running


@contextlib.asynccontextmanager
async def connected(intake: Running) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    parts = urlsplit(intake.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def answered(intake: Running, *sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body for what is sent; the service must then close the connection (raises TimeoutError if not)."""
    async with connected(intake) as (reader, writer):
        for piece in sent:
            writer.write(piece)
        return parsed(await asyncio.wait_for(reader.read(), 10))


def parsed(raw: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body


async def trickle(writer: asyncio.StreamWriter, reader: asyncio.StreamReader, piece: bytes) -> bytes:
    """`piece` again and again, one each twentieth of a second, until the service says something or hangs up; then all that it said."""
    said = b""
    while not said and not reader.at_eof():
        with contextlib.suppress(TimeoutError, ConnectionError):
            writer.write(piece)
            said = await asyncio.wait_for(reader.read(1), 0.05)
    with contextlib.suppress(ConnectionError):
        said += await reader.read()
    return said


async def test_a_body_that_trickles_is_refused_while_the_others_are_served(intake: Running) -> None:
    slow_count = 30

    async def slow() -> bytes:
        async with connected(intake) as (reader, writer):
            writer.write(f"{HEAD}Content-Length: 10000\r\n\r\n{{".encode())
            return await trickle(writer, reader, b" ")

    slow_ones = asyncio.gather(*(slow() for _ in range(slow_count)))
    secretary = intake.client(["secretary"])
    served = 0
    while not slow_ones.done():
        assert "tasks_count" in await secretary.get("/desk")
        served += 1
    assert served > 5
    for raw in await slow_ones:
        status, headers, body = parsed(raw)
        assert (status, json.loads(body)["type"]) == (408, "urn:recours:too_slow")
        assert (headers["connection"], headers["content-type"]) == ("close", "application/problem+json")


async def test_headers_that_trickle_end_the_connection(intake: Running) -> None:
    async with connected(intake) as (reader, writer):
        writer.write(b"GET /desk HTTP/1.1\r\nHost: x\r\n")
        assert await asyncio.wait_for(trickle(writer, reader, b"X-A: b\r\n"), 10) == b""
    async with connected(intake) as (reader, _):  # and one that says nothing at all
        assert await asyncio.wait_for(reader.read(), 10) == b""


async def test_a_second_request_that_trickles_ends_the_connection(intake: Running) -> None:
    first = f"GET /desk HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
    async with connected(intake) as (reader, writer):
        writer.write(first)
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"GET /desk HTTP/1.1\r\n")
        left = await asyncio.wait_for(trickle(writer, reader, b"X-A: b\r\n"), 10)
        assert b"HTTP/1.1" not in left


async def test_a_body_over_the_limit_is_refused_before_it_is_sent(intake: Running) -> None:
    for length in (LIMIT_BYTES + 1, 10**9, 10**40):
        status, headers, body = await answered(intake, f"{HEAD}Content-Length: {length}\r\n\r\n".encode())
        if length == 10**40:
            assert status in (400, 413)
        else:
            assert (status, json.loads(body)["type"]) == (413, "urn:recours:too_large")
        assert headers["connection"] == "close"


async def test_a_body_of_unknown_length_is_refused_at_the_limit(intake: Running) -> None:
    chunk = b"1000\r\n" + b" " * 4096 + b"\r\n"
    status, _, body = await answered(intake, f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode(), *[chunk] * 40)
    assert (status, json.loads(body)["type"]) == (413, "urn:recours:too_large")


async def test_a_body_at_the_limit_is_read(intake: Running) -> None:
    body = json.dumps({"name": "Personne"}).encode().ljust(LIMIT_BYTES)
    async with httpx.AsyncClient(base_url=intake.url, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False) as client:
        assert (await client.post("/patients/search", content=body, headers={"Content-Type": "application/json"})).json() == {"items": []}


NO_HTTP = [
    "GET /desk HTTP/1.1\r\nHost: x\r\nX-Long: " + "a" * 40_000 + "\r\n\r\n",
    "GET /desk HTTP/1.1\r\nHost: x\r\n" + "X-Many: a\r\n" * 4_000 + "\r\n",
    "GET /" + "a" * 40_000 + " HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /desk?after=" + "a" * 40_000 + " HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /desk\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "POST /patients/search HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "POST /patients/search HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "POST /patients/search HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    "GET /desk HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "GET /desk HTTP/1.1\r\nHost: x\r\nX-A: b\x00c\r\n\r\n",
    "GET /de sk HTTP/1.1\r\nHost: x\r\n\r\n",
]
TOO_LONG = [line for line in NO_HTTP if len(line) > 30_000]


async def test_what_is_no_http_or_too_long_is_a_problem_and_the_end(intake: Running) -> None:
    for request_text in NO_HTTP:
        status, headers, body = await answered(intake, request_text.encode("latin-1"))
        wanted = {414, 431, 400} if request_text in TOO_LONG else {400, 501}
        assert status in wanted, request_text[:60]
        assert json.loads(body)["type"] in ("urn:recours:malformed", "urn:recours:too_large"), request_text[:60]
        assert (headers["connection"], headers["content-type"]) == ("close", "application/problem+json"), request_text[:60]


NOT_OURS = [
    (b'{"name": "Personne"}', "text/plain"),
    (b"name=Personne", "application/x-www-form-urlencoded"),
    (b"<name>Personne</name>", "application/xml"),
    (b'{"name": "Personne"}', "application/json; charset=utf-16"),
    ('{"name": "Personne"}'.encode("utf-32"), "application/json"),
    (b'{"name": "Pers\xffonne"}', "application/json"),
    (b'{"name": "a\\u0000b"}', "application/json"),
    (b'{"name": "\\ud800"}', "application/json"),
    (b'{"\\ud800": 1}', "application/json"),
    (b'{"birth_date": NaN}', "application/json"),
    (b'{"birth_date": 1e999}', "application/json"),
    (b'{"birth_date": 99999999999999999999999999}', "application/json"),
    (b'{"birth_date": "0000-00-00"}', "application/json"),
    (b'{"birth_date": "0001-01-01"}', "application/json"),
    (b'{"birth_date": "10000-01-01"}', "application/json"),
    (b'{"name": ' + b"[" * 9_000 + b"]" * 9_000 + b"}", "application/json"),
    (b'{"name": {"a":' * 1_000 + b"1" + b"}}" * 1_000, "application/json"),
    (b"[]", "application/json"),
    (b"null", "application/json"),
    (b'"name"', "application/json"),
    (b"", "application/json"),
    (b"{}{}", "application/json"),
]


async def test_a_body_that_is_not_ours_names_what_is_wrong(intake: Running) -> None:
    """JSON is UTF-8, whatever the header says; that Python also finds UTF-16 and UTF-32 out by itself does no harm."""
    async with httpx.AsyncClient(base_url=intake.url, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False) as client:
        for body, content_type in NOT_OURS:
            answer = await client.post("/patients/search", content=body, headers={"Content-Type": content_type})
            if answer.status_code == 200:
                assert content_type.endswith("utf-16") or b"\x00" in body
                continue
            assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json"), body[:60]
            document = answer.json()
            assert document["type"] == "urn:recours:malformed" and document["errors"], body[:60]
            assert all(set(error) == {"field", "message"} for error in document["errors"]), body[:60]


async def test_the_last_of_two_equal_fields_counts(intake: Running) -> None:
    async with httpx.AsyncClient(base_url=intake.url, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False) as client:
        twice = b'{"birth_date": "1986-05-14", "birth_date": "nonsense"}'
        answer = await client.post("/patients/search", content=twice, headers={"Content-Type": "application/json"})
    assert [error["field"] for error in answer.json()["errors"]] == ["birth_date"]


async def test_a_nul_in_an_address_is_refused(intake: Running) -> None:
    for path in ("/desk%00", "/calls?state=%00", "/%00", "/calls?after=%00"):
        asked = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        status, _, body = await answered(intake, asked.encode())
        assert (status, json.loads(body)["type"]) == (422, "urn:recours:malformed")
