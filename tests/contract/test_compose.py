"""docker-compose.yml against the code: every service starts with the settings it is given, and no secret has a default."""

import base64
import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.auth import TokenIssuer
from shared.service import Service

ROOT = Path(__file__).parents[2]
SERVICES = ["console", "intake", "scheduling", "teleconsult", "orientation", "regulation", "pilotage"]
ISSUER = TokenIssuer.generate()
SECRETS = {
    "RECOURS_MASTER_KEY": base64.b64encode(bytes(32)).decode(),
    "RECOURS_TOKEN_PRIVATE_KEY": ISSUER.private_key_b64,
    "RECOURS_TOKEN_PUBLIC_KEY": ISSUER.public_key_b64,
    "RECOURS_CONSOLE_PUBLIC_URL": "https://recours.example.org",
}


def compose() -> dict[str, Any]:
    """The file with its variables replaced as compose does."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    text = re.sub(r"\$\{([A-Z_]+):\?\}", lambda found: SECRETS.get(found[1], "secret"), text)
    parsed: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", text))
    return parsed


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_built_from_the_environment_compose_gives_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = compose()["services"][name]["environment"]
    monkeypatch.setenv("RECOURS_TERRITORY_DIRS", "")
    for variable, value in environment.items():
        here = str(value).replace("/app/", f"{ROOT}/") if variable == "RECOURS_TERRITORY_DIRS" else str(value)
        monkeypatch.setenv(variable, here)
    service: Service = importlib.import_module(f"services.{name}.app").build()
    assert service.settings.environment == "production"
    assert service.settings.kafka_idempotence
    assert service.settings.port == int(environment[f"RECOURS_{name.upper()}_PORT"])


def test_every_long_lived_container_has_a_health_check_or_is_watched_by_one() -> None:
    without = {name for name, container in compose()["services"].items() if "healthcheck" not in container}
    assert without == {"migrate", "topics", "otel-collector", "jaeger"}, "two end by themselves, two images have no shell"


def test_no_secret_has_a_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    defaults = re.findall(r"\$\{([A-Z_]+):-[^}]*\}", text)
    assert set(defaults) == {"RECOURS_VERSION"}
    example = (ROOT / "deploy" / "env.example").read_text(encoding="utf-8")
    asked = set(re.findall(r"\$\{([A-Z_]+):\?\}", text))
    offered = {line.split("=")[0] for line in example.splitlines() if line.endswith("=")}
    assert asked == offered


def test_kafka_is_the_version_that_the_tests_run() -> None:
    pom = (ROOT / "deploy" / "kafka" / "pom.xml").read_text(encoding="utf-8")
    version = re.search(r"<kafka.version>([\d.]+)</kafka.version>", pom)
    assert version is not None
    assert compose()["services"]["kafka"]["image"] == f"apache/kafka:{version[1]}"


def test_files_that_containers_mount_exist() -> None:
    for container in compose()["services"].values():
        for volume in container.get("volumes", []):
            source = str(volume).split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).exists(), source
