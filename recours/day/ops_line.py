"""One kept-alive connection to a service's operations address. Thousands of looks a day make a full HTTP client the dearest part of it."""

import asyncio
from urllib.parse import urlsplit

_ANSWER_SECONDS = 10.0
_CONNECT_SECONDS = 1.0


class OpsLine:
    """Asks without a body and reads an answer with a Content-Length, which is all that these routes use."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, method: str, path: str) -> bytes | None:
        """The body of a 200; None when the service is away or says otherwise. A connection that the other side closed is opened again."""
        for fresh in (self._writer is None, True):
            try:
                if fresh:
                    await self._connect()
                return await asyncio.wait_for(self._exchange(method, path), _ANSWER_SECONDS)
            except (OSError, EOFError, TimeoutError, ValueError):
                await self.close()
                if fresh:
                    return None
        return None

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _connect(self) -> None:
        opened = asyncio.open_connection(self._host, self._port)
        self._reader, self._writer = await asyncio.wait_for(opened, _CONNECT_SECONDS)

    async def _exchange(self, method: str, path: str) -> bytes | None:
        assert self._reader is not None and self._writer is not None
        self._writer.write(f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: 0\r\n\r\n".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split(" ", 2)[1])
        lengths = [int(line.split(":", 1)[1]) for line in head[1:] if line.lower().startswith("content-length:")]
        if not lengths:
            raise ValueError("an answer without Content-Length")
        body = await self._reader.readexactly(lengths[0])
        return body if status == 200 else None
