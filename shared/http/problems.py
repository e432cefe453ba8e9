"""Errors as RFC 9457 problem documents: `type` is `urn:recours:<code>`, the same code as in dead letters and logs."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from shared import log
from shared.db import TRANSIENT
from shared.errors import Forbidden, KeyReused, Malformed, NotFound, RecoursError, Refused, Stale, Unauthenticated, Unavailable

_URN = "urn:recours:"
_MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER_SECONDS = "1"
_RESERVED = frozenset({"type", "title", "status", "detail", "instance"})
_LOCATIONS = frozenset({"body", "query", "path", "header", "cookie"})
_BY_STATUS = {
    400: "malformed", 401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 408: "too_slow",
    413: "too_large",
}  # fmt: skip
_BY_CODE: Mapping[str, type[RecoursError]] = {
    cls.code: cls for cls in (NotFound, Forbidden, Unauthenticated, Stale, KeyReused, Malformed, Unavailable)
}

_log = log.get("http")


class Unexpected(RecoursError):
    """A fault of ours; its cause is in the logs under the trace id, never in the answer."""

    code = "unexpected"
    status = 500


def problem(error: RecoursError) -> JSONResponse:
    """The answer for `error`; its `extra` become members of the document."""
    return _document(error.code, error.status, error.detail, error.extra)


def unexpected(error: BaseException) -> JSONResponse:
    """The answer for a fault of ours: logged by class and place, without its message, which may quote personal data."""
    _log.error("request_failed", exception=error)
    return problem(Unexpected("unexpected fault"))


def error_of(status: int, document: Mapping[str, Any]) -> RecoursError:
    """The error that `problem` wrote, for a client; an answer that is no problem document is judged by its status."""
    kind = document.get("type")
    code = kind.removeprefix(_URN) if isinstance(kind, str) and kind.startswith(_URN) else _BY_STATUS.get(status, "unexpected")
    detail = str(document.get("detail", ""))
    extra = {key: value for key, value in document.items() if key not in _RESERVED}
    if code in _BY_CODE:
        return _BY_CODE[code](detail, **extra)
    if status == 409:
        return _refused(code)(detail, **extra)
    if status in (502, 503, 504):
        return Unavailable(detail, **extra)
    return Malformed(detail, **extra) if status in (400, 413, 422) else Unexpected(detail, **extra)


def install_handlers(app: FastAPI) -> None:
    """Answer our errors, validation and HTTP errors as problems. What is left reaches `Edge`, which answers 500."""
    app.add_exception_handler(RecoursError, _on_recours_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    for cause in TRANSIENT:
        app.add_exception_handler(cause, _on_transient)


async def _on_recours_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RecoursError)
    return problem(error) if error.status < 500 or isinstance(error, Unavailable) else unexpected(error)


async def _on_invalid_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return problem(Malformed("some fields are wrong", errors=[_field_error(item) for item in error.errors()]))


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:  # FastAPI's word for a body that is no JSON at all (not UTF-8, nested beyond reason)
        return problem(Malformed("unreadable body", errors=[{"field": "body", "message": "is not JSON that can be read"}]))
    answer = _document(_BY_STATUS.get(error.status_code, "http_error"), error.status_code, "", {})
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    if error.status_code == 405:
        answer.headers["Allow"] = ", ".join(_methods_of(request))
    return answer


def _methods_of(request: Request) -> Iterator[str]:
    """All methods of the path: Starlette names those of the first route that has it."""
    for method in ("DELETE", "GET", "PATCH", "POST", "PUT"):
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes):
            yield method


async def _on_transient(_: Request, error: Exception) -> JSONResponse:
    _log.warning("server_away", error_class=type(error).__name__)
    return problem(Unavailable("a server is away"))


def _field_error(item: Mapping[str, Any]) -> dict[str, str]:
    """`{field, message}`: the dotted path and Pydantic's words, never the input."""
    location = list(item["loc"])
    parts = location[1:] if len(location) > 1 and location[0] in _LOCATIONS else location
    return {"field": ".".join(str(part) for part in parts), "message": str(item["msg"]).removeprefix("Value error, ")}


def _document(code: str, status: int, detail: str, extra: Mapping[str, Any]) -> JSONResponse:
    members = {key: value for key, value in extra.items() if key not in _RESERVED}
    body: dict[str, Any] = {"type": f"{_URN}{code}", "title": code.replace("_", " "), "status": status, **jsonable_encoder(members)}
    if detail:
        body["detail"] = detail
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        headers["Retry-After"] = _RETRY_AFTER_SECONDS
    return JSONResponse(body, status, headers, _MEDIA_TYPE)


@lru_cache(maxsize=256)
def _refused(code: str) -> type[Refused]:
    """The codes of refusals belong to the services: their class is rebuilt from the code."""
    return type("RemoteRefusal", (Refused,), {"code": code})
