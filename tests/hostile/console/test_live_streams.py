"""Live streams are few for one person, and a reader that does not read costs nothing but its connection."""

import asyncio
import socket
from contextlib import AsyncExitStack
from uuid import uuid4

from services.console.live import STREAMS_OF_ONE_PERSON, Fact
from shared.events.registry import TOPICS
from shared.testing.fixtures import Running, eventually
from tests.unit.console.conftest import signed_in


async def test_one_person_holds_so_many_streams_and_no_more(console: Running) -> None:
    hub = console.service.app.state.console.hub
    async with signed_in(console, "claire", "ops") as browser, signed_in(console, "paul", "ops") as other, AsyncExitStack() as held:
        opened, lines = [], []
        for _ in range(STREAMS_OF_ONE_PERSON + 5):
            stream = await browser.send(browser.build_request("GET", "/live"), stream=True)
            held.push_async_callback(stream.aclose)
            opened.append(stream)
            if stream.status_code == 200:
                lines.append(stream.aiter_lines())
                await anext(lines[-1])
        assert [one.status_code for one in opened] == [200] * STREAMS_OF_ONE_PERSON + [429] * 5
        assert len(hub.open) == STREAMS_OF_ONE_PERSON
        colleague = await other.send(other.build_request("GET", "/live"), stream=True)
        held.push_async_callback(colleague.aclose)
        assert colleague.status_code == 200, "a colleague is not concerned"
        await opened[0].aclose()
        await eventually(lambda: len(hub.open) == STREAMS_OF_ONE_PERSON)
        again = await browser.send(browser.build_request("GET", "/live"), stream=True)
        held.push_async_callback(again.aclose)
        assert again.status_code == 200, "a closed tab makes room"


async def test_sixty_at_once_get_no_more_than_one_after_the_other(console: Running) -> None:
    hub = console.service.app.state.console.hub
    async with signed_in(console, "claire", "ops") as browser, AsyncExitStack() as held:
        asked = [browser.send(browser.build_request("GET", "/live"), stream=True) for _ in range(60)]
        for stream in await asyncio.gather(*asked):
            held.push_async_callback(stream.aclose)
        await eventually(lambda: len(hub.open) == STREAMS_OF_ONE_PERSON)
    await eventually(lambda: not hub.open)


async def test_a_reader_that_does_not_read_keeps_a_bounded_heap_of_hints(console: Running) -> None:
    """Ten thousand facts for a socket with a tiny window that nobody empties: one waiting hint a panel, a few kilobytes on the way."""
    hub = console.service.app.state.console.hub
    async with signed_in(console, "claire", "ops", "secretary", "coordinator") as browser:
        cookie = f"recours={browser.cookies['recours']}"
    port = int(console.url.rsplit(":", 1)[1])
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    deaf.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(deaf, ("127.0.0.1", port))
    try:
        await loop.sock_sendall(deaf, f"GET /live HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncookie: {cookie}\r\n\r\n".encode())
        await eventually(lambda: len(hub.open) == 1)
        (listener,) = hub.open
        for number in range(10_000):
            hub.tell(Fact(TOPICS[number % len(TOPICS)], "bievre", str(uuid4()), traceparent="0" * 55))
            if number % 500 == 0:
                await asyncio.sleep(0)
        assert listener.waiting_count <= len(listener.panels)
    finally:
        deaf.close()
    await eventually(lambda: not hub.open)
