"""What fails below the pages (an oversize body, a server away, a fault of ours) is told in French too, never as a raw document."""

import json
from collections.abc import Callable

from fastapi import Request
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_MEDIA_TYPE, _URN = "application/problem+json", "urn:recours:"
_KEPT = ("x-request-id", "retry-after")


class ProblemPages:
    """ASGI middleware: `page(request, status, code)` answers in the place of a problem document."""

    def __init__(self, app: ASGIApp, *, page: Callable[[Request, int, str], Response]) -> None:
        self._app = app
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        failed: Message | None = None
        document = b""

        async def send_page(message: Message) -> None:
            nonlocal failed, document
            if message["type"] == "http.response.start" and Headers(raw=message["headers"]).get("content-type") == _MEDIA_TYPE:
                failed = message
                return
            if failed is None:
                await send(message)
                return
            document += message.get("body", b"")
            if not message.get("more_body", False):
                answer = self._page(Request(scope), failed["status"], str(json.loads(document)["type"]).removeprefix(_URN))
                headers = Headers(raw=failed["headers"])
                answer.headers.update({name: headers[name] for name in _KEPT if name in headers})
                await answer(scope, receive, send)

        await self._app(scope, receive, send_page)
