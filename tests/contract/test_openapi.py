"""Each service describes its HTTP: a document that is valid in itself, and every command named and documented."""

import importlib

import pytest

from recours.stack.ports import SERVICES
from shared.auth import TokenIssuer
from shared.service import Service


@pytest.mark.parametrize("name", [service for service in SERVICES if service != "console"])
def test_a_service_describes_every_route(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    upper = name.upper()
    for variable, value in {
        "RECOURS_ENVIRONMENT": "test", "RECOURS_KAFKA_BOOTSTRAP": "127.0.0.1:1", "RECOURS_REDIS_URL": "redis://127.0.0.1:1",
        "RECOURS_TOKEN_PUBLIC_KEY": TokenIssuer.generate().public_key_b64, "RECOURS_MASTER_KEY": "A" * 43 + "=",
        "RECOURS_TERRITORY_DIRS": "deploy/territory/bievre", f"RECOURS_{upper}_DATABASE_URL": "postgresql://127.0.0.1:1/x",
        f"RECOURS_{upper}_PORT": "1", f"RECOURS_{upper}_OPS_PORT": "2",
    }.items():  # fmt: skip
        monkeypatch.setenv(variable, value)
    service: Service = importlib.import_module(f"services.{name}.app").build()
    document = service.app.openapi()
    assert document["paths"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary"), f"{method} {path}"
            assert any(status.startswith("2") for status in operation["responses"]), f"{method} {path}"
