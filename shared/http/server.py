"""The connection under every request: its headers come within a time and a size, or it ends; what is no HTTP is answered a problem."""

import asyncio
import json

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_HEADER_BYTES = 32 * 1024
_NOT_HTTP = json.dumps(
    {
        "type": "urn:recours:malformed", "title": "malformed", "status": 400,
        "detail": "this is no HTTP request, or its headers are too long",
        "errors": [{"field": "request", "message": "cannot be read"}],
    }
).encode()  # fmt: skip


class BoundedProtocol(H11Protocol):
    """uvicorn bounds the pause between two requests; this bounds the time from a request's first byte to the end of its headers.

    The body's time is for `shared.http.bodies`, which answers; here nothing was asked yet, so the line is just cut.
    """

    read_seconds: float = 10.0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn: TCP transports only
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._disarm()
        elif self.timeout_keep_alive_task is None:
            self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What uvicorn answers to what h11 cannot read, in our form."""
        headers = [(b"content-type", b"application/problem+json"), (b"connection", b"close")]
        for event in (h11.Response(status_code=400, headers=headers, reason=b"Bad Request"), h11.Data(data=_NOT_HTTP), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _arm(self) -> None:
        """Not again for each byte: it is the whole that has a time."""
        if self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(self.read_seconds, self.transport.abort)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def bounded(read_seconds: float) -> type[BoundedProtocol]:
    """The protocol class for `uvicorn.Config(http=…)`."""
    return type("BoundedProtocol", (BoundedProtocol,), {"read_seconds": read_seconds})
