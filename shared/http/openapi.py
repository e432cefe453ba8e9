"""The OpenAPI document told as things are: every error is a problem document, and each route lists those it can answer."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI

_PROBLEM = "Problem"
_PROBLEM_SCHEMA: dict[str, Any] = {
    "title": _PROBLEM,
    "description": "RFC 9457. `type` is a code of ours; a refusal may carry members of its own.",
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "pattern": "^urn:recours:[a-z0-9_]+$"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
_WORDS = {
    401: "No token, or one that is not for this service",
    403: "Not with this role",
    404: "No such thing in the caller's territory",
    408: "The body came too slowly",
    409: "The rules say no",
    412: "`If-Match` names an older version",
    413: "The body is over the limit",
    422: "Some fields are wrong, listed in `errors`",
    503: "A server is away: later may work",
}
_METHODS = frozenset({"get", "put", "post", "delete", "patch"})


def describe_errors(app: FastAPI) -> None:
    """Add to each operation of the document the errors that its kind of route can answer, unless the route says otherwise itself."""
    plain: Callable[[], dict[str, Any]] = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            schemas[_PROBLEM] = _PROBLEM_SCHEMA
            for method, operation in _operations(document):
                for status in _statuses(method, operation):
                    operation["responses"][str(status)] = _answer(status)
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in document["paths"].values():
        yield from ((method, operation) for method, operation in path.items() if method in _METHODS)


def _statuses(method: str, operation: dict[str, Any]) -> Iterator[int]:
    """Errors of this kind of route. FastAPI's own 422 (its validation document) is replaced by ours."""
    parameters = operation.get("parameters", [])
    wanted = {503}
    if operation.get("security"):
        wanted |= {401, 403, 404}  # 404 also for a territory that this deployment does not serve
    if any(parameter["in"] == "path" for parameter in parameters):
        wanted.add(404)
    if method != "get":
        wanted.add(409)
    if any(parameter["name"].lower() == "if-match" for parameter in parameters):
        wanted.add(412)
    if "requestBody" in operation:
        wanted |= {408, 413}
    if parameters or "requestBody" in operation:
        wanted.add(422)
    declared = {int(status) for status in operation["responses"] if status.isdigit()} - {422}
    yield from sorted(wanted - declared)


def _answer(status: int) -> dict[str, Any]:
    return {
        "description": _WORDS[status],
        "content": {"application/problem+json": {"schema": {"$ref": f"#/components/schemas/{_PROBLEM}"}}},
    }
