"""What surrounds every request: its id, the limit of its body, its time, and the answer when all else failed.

The server span around it is FastAPI's own (`make_app`).
"""

import re
import time

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import log, metrics
from shared.errors import Malformed, RecoursError
from shared.http.bodies import AddressTooLong, BodyLimits, HeadersTooLong, TooLarge, TooSlow, drain, read_body
from shared.http.problems import problem, unexpected
from shared.http.server import MAX_HEADER_BYTES
from shared.ids import new_id

_REQUEST_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_LONGEST_ADDRESS_BYTES = 8 * 1024
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


class Edge:
    """ASGI middleware, outermost of ours. Writes nothing about a request but its route, method, status and ids."""

    def __init__(self, app: ASGIApp, service: str | None, limits: BodyLimits) -> None:
        self._app = app
        self._service = service
        self._limits = limits

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
                if self._service is not None:
                    elapsed = time.perf_counter() - started
                    metrics.HTTP_REQUEST_SECONDS.observe(
                        elapsed, service=self._service, route=_route(scope), method=method, status=str(message["status"])
                    )
            await send(message)

        with log.bound(http_request_id=request_id):
            try:
                _refuse_odd_request(scope)
                await self._app(scope, await read_body(headers, receive, self._limits), answer)
            except (TooLarge, TooSlow, AddressTooLong, HeadersTooLong) as error:
                await self._refuse_and_close(error, scope, receive, answer)
            except RecoursError as error:
                await problem(error)(scope, receive, answer)
            except Exception as error:
                failure = unexpected(error)
                if not answered:
                    await failure(scope, receive, answer)

    async def _refuse_and_close(self, error: RecoursError, scope: Scope, receive: Receive, answer: Send) -> None:
        """The answer first, then the end of the connection: the rest of the body is not worth waiting for."""
        response = problem(error)
        response.headers["Connection"] = "close"
        await answer({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
        await answer({"type": "http.response.body", "body": response.body, "more_body": True})
        await drain(receive, self._limits)
        await answer({"type": "http.response.body", "body": b"", "more_body": False})


def _request_id(given: bytes | None) -> str:
    """The caller's id when it looks like one; never something else, as it is logged."""
    if given is not None and _REQUEST_ID.fullmatch(given) and not given.isdigit():
        return given.decode()
    return str(new_id())


def _route(scope: Scope) -> str:
    """The route's template, never the path: a path may hold anything."""
    return getattr(scope.get("route"), "path", None) or "unmatched"


def _refuse_odd_request(scope: Scope) -> None:
    """What no caller of ours sends. Raises AddressTooLong, HeadersTooLong; Malformed for a NUL, which PostgreSQL would refuse later."""
    path, query = scope.get("raw_path") or b"", scope["query_string"]
    if len(path) + len(query) > _LONGEST_ADDRESS_BYTES:
        raise AddressTooLong("the address is too long")
    if sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > MAX_HEADER_BYTES:
        raise HeadersTooLong("the headers are too long")
    for field, raw in (("path", path), ("query", query)):
        if b"%00" in raw or b"\x00" in raw:
            raise Malformed("bad address", errors=[{"field": field, "message": "is not text"}])


def install_edge(app: FastAPI, service: str | None, limits: BodyLimits) -> None:
    """Without a `service` the time of requests is not measured (the operator's address: it is read all the time)."""
    app.add_middleware(Edge, service=service, limits=limits)
