"""What surrounds every request: its id, the limit of its body, its time, and the answer when all else failed.

The server span around it is FastAPI's own (`make_app`).
"""

import re
import time

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import log, metrics
from shared.http.problems import TooLarge, problem, unexpected
from shared.ids import new_id

BODY_LIMIT_BYTES = 1024 * 1024

_REQUEST_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


class Edge:
    """ASGI middleware, outermost of ours. Writes nothing about a request but its route, method, status and ids."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        request_id = _request_id(headers.get(b"x-request-id"))
        method = scope["method"] if scope["method"] in _METHODS else "other"
        started = time.perf_counter()
        answered = False

        async def answer(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
                elapsed = time.perf_counter() - started
                metrics.HTTP_REQUEST_SECONDS.observe(
                    elapsed, service=self._service, route=_route(scope), method=method, status=str(message["status"])
                )
            await send(message)

        with log.bound(http_request_id=request_id):
            try:
                await self._app(scope, await _limited(headers, receive), answer)
            except TooLarge as error:
                await problem(error)(scope, receive, answer)
            except Exception as error:
                failure = unexpected(error)
                if not answered:
                    await failure(scope, receive, answer)


def _request_id(given: bytes | None) -> str:
    """The caller's id when it looks like one; never something else, as it is logged."""
    if given is not None and _REQUEST_ID.fullmatch(given) and not given.isdigit():
        return given.decode()
    return str(new_id())


def _route(scope: Scope) -> str:
    """The route's template, never the path: a path may hold anything."""
    return getattr(scope.get("route"), "path", None) or "unmatched"


async def _limited(headers: dict[bytes, bytes], receive: Receive) -> Receive:
    """`receive`, once it is sure that the body is within the limit; a body of unknown length is read here. Raises TooLarge."""
    length = headers.get(b"content-length")
    if length is not None:
        if not length.isdigit() or int(length) > BODY_LIMIT_BYTES:
            raise TooLarge("the body is over one mebibyte")
        return receive
    if b"transfer-encoding" not in headers:
        return receive
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return receive
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > BODY_LIMIT_BYTES:
            raise TooLarge("the body is over one mebibyte")
    read = False

    async def replay() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def install_edge(app: FastAPI, service: str) -> None:
    app.add_middleware(Edge, service=service)
