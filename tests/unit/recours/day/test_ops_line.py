"""The line to a service's operations address, against a real server that comes and goes."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from recours.day.ops_line import OpsLine

Answers = list[bytes]


class Server:
    """Answers each request with the next of `answers`; an empty one hangs up instead."""

    def __init__(self) -> None:
        self.answers: Answers = []
        self.asked: list[str] = []
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self.port = 0

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()
        self._writers.clear()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            while True:
                self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n", 1)[0])
                answer = self.answers.pop(0)
                if not answer:
                    break
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def ok(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    running = Server()
    await running.start()
    yield running
    await running.stop()


async def test_one_connection_serves_many_questions(server: Server) -> None:
    line = OpsLine(f"http://127.0.0.1:{server.port}")
    server.answers = [ok(b"one"), ok(b""), ok(b"three")]
    assert [await line.ask("GET", "/a"), await line.ask("POST", "/b"), await line.ask("GET", "/c")] == [b"one", b"", b"three"]
    assert server.asked == ["GET /a HTTP/1.1", "POST /b HTTP/1.1", "GET /c HTTP/1.1"]
    assert len(server._writers) == 1
    await line.close()


async def test_a_service_that_says_no_is_not_there_yet_and_the_line_goes_on(server: Server) -> None:
    line = OpsLine(f"http://127.0.0.1:{server.port}")
    server.answers = [ok(b"{}", "503 Service Unavailable"), ok(b"ready")]
    assert await line.ask("GET", "/a") is None
    assert await line.ask("GET", "/a") == b"ready"
    await line.close()


async def test_a_connection_that_was_closed_is_opened_again(server: Server) -> None:
    line = OpsLine(f"http://127.0.0.1:{server.port}")
    server.answers = [ok(b"before"), b"", ok(b"after")]
    assert await line.ask("GET", "/a") == b"before"
    assert await line.ask("GET", "/a") == b"after"
    await line.close()


async def test_a_service_that_is_away_is_none_until_it_is_back(server: Server) -> None:
    line = OpsLine(f"http://127.0.0.1:{server.port}")
    server.answers = [ok(b"before")]
    assert await line.ask("GET", "/a") == b"before"
    port = server.port
    await server.stop()
    assert await line.ask("GET", "/a") is None
    await server.start(port)
    server.answers = [ok(b"back")]
    assert await line.ask("GET", "/a") == b"back"
    await line.close()
