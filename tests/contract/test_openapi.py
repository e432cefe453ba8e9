"""Each service describes its HTTP truly: every route, named; every error it can answer, as a problem document; every door with its key."""

import importlib
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from recours.stack.ports import SERVICES
from shared.auth import TokenIssuer
from shared.service import Service

APIS = [service for service in SERVICES if service != "console"]


def built(name: str, monkeypatch: pytest.MonkeyPatch) -> Service:
    upper = name.upper()
    for variable, value in {
        "RECOURS_ENVIRONMENT": "test", "RECOURS_KAFKA_BOOTSTRAP": "127.0.0.1:1", "RECOURS_REDIS_URL": "redis://127.0.0.1:1",
        "RECOURS_TOKEN_PUBLIC_KEY": TokenIssuer.generate().public_key_b64, "RECOURS_MASTER_KEY": "A" * 43 + "=",
        "RECOURS_TERRITORY_DIRS": "deploy/territory/bievre", f"RECOURS_{upper}_DATABASE_URL": "postgresql://127.0.0.1:1/x",
        f"RECOURS_{upper}_PORT": "1", f"RECOURS_{upper}_OPS_PORT": "2",
    }.items():  # fmt: skip
        monkeypatch.setenv(variable, value)
    service: Service = importlib.import_module(f"services.{name}.app").build()
    return service


def operations(app: FastAPI) -> list[tuple[str, dict[str, Any]]]:
    document = app.openapi()
    return [(f"{method} {path}", said) for path, methods in document["paths"].items() for method, said in methods.items()]


@pytest.mark.parametrize("name", APIS)
def test_a_service_describes_every_route_and_its_errors(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    service = built(name, monkeypatch)
    for app in (service.app, service.ops_app):
        described = {label for label, _ in operations(app)}
        assert described == {f"{method.lower()} {route.path}" for route in _routes(app) for method in route.methods or ()}
        assert described
        for label, said in operations(app):
            assert said.get("summary"), label
            assert any(status.startswith("2") for status in said["responses"]), label
            for status, answer in said["responses"].items():
                if status.startswith("4"):
                    schema = answer["content"]["application/problem+json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Problem"}, f"{label} {status}"
        assert "HTTPValidationError" not in app.openapi()["components"]["schemas"]


@pytest.mark.parametrize("name", APIS)
def test_every_door_of_a_service_has_a_key_and_says_who_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for label, said in operations(built(name, monkeypatch).app):
        assert said.get("security") == [{"HTTPBearer": []}], label
        assert {"401", "403", "404", "503"} <= set(said["responses"]), label
        if not label.startswith("get "):
            assert "409" in said["responses"], label
        if "requestBody" in said:
            assert {"408", "413", "422"} <= set(said["responses"]), label
        if any(parameter["name"] == "if-match" for parameter in said.get("parameters", [])):
            assert "412" in said["responses"], label


def _routes(app: FastAPI) -> list[APIRoute]:
    found: list[APIRoute] = []
    waiting = list(app.routes)
    while waiting:
        route = waiting.pop()
        if isinstance(route, APIRoute):
            found.append(route)
        included = getattr(route, "original_router", None)  # FastAPI keeps an included router as one route
        waiting += included.routes if included is not None else []
    return found
