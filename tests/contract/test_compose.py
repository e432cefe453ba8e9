"""docker-compose.yml against the code: every service starts with the settings it is given, and no secret has a default."""

import importlib
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from shared.service import Service
from tests.deploy.compose import FILE, JOBS, ROOT, SERVICES, containers, filled, interpolated
from tests.deploy.tools import tool


def compose_spec(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The compose specification's own reader (schema, references, dependencies), without any variable in its environment."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    return subprocess.run(
        [tool("compose-spec"), *arguments], capture_output=True, text=True, timeout=60, check=False, env=environment, cwd="/"
    )


def test_the_file_conforms_to_the_compose_specification_and_is_read_as_the_tests_read_it(tmp_path: Path) -> None:
    variables = filled()
    file = tmp_path / "docker-compose.yml"
    file.write_text(interpolated(variables), encoding="utf-8")
    outcome = compose_spec(str(file))
    assert outcome.returncode == 0, outcome.stderr
    theirs = yaml.safe_load(outcome.stdout)["services"]
    ours = containers(variables)
    assert set(theirs) == set(ours)
    for name, container in ours.items():
        assert {key: str(value) for key, value in (theirs[name].get("environment") or {}).items()} == container.environment
        assert [*(theirs[name].get("entrypoint") or []), *(theirs[name].get("command") or [])] == container.command
        assert {other: how["condition"] for other, how in theirs[name].get("depends_on", {}).items()} == container.depends_on
        assert theirs[name].get("healthcheck", {}).get("test") == container.healthcheck


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("condition: service_healthy", "condition: service_healty"), ("stop_grace_period:", "stop_grace:"), ("retries: 12", "retries: [12]")],
)
def test_a_file_that_breaks_the_specification_is_refused(right: str, wrong: str, tmp_path: Path) -> None:
    text = interpolated(filled())
    assert right in text
    file = tmp_path / "docker-compose.yml"
    file.write_text(text.replace(right, wrong), encoding="utf-8")
    assert compose_spec(str(file)).returncode != 0


def test_compose_refuses_to_start_without_its_secrets_and_names_them() -> None:
    outcome = compose_spec(str(FILE))
    assert outcome.returncode != 0
    missing = set(re.findall(r"required variable ([A-Z_]+) is missing", outcome.stderr))
    assert missing == set(filled())


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_built_from_the_environment_compose_gives_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = containers(filled())[name].environment
    monkeypatch.setenv("RECOURS_TERRITORY_DIRS", "")
    for variable, value in environment.items():
        here = value.replace("/app/", f"{ROOT}/") if variable == "RECOURS_TERRITORY_DIRS" else value
        monkeypatch.setenv(variable, here)
    service: Service = importlib.import_module(f"services.{name}.app").build()
    assert service.settings.environment == "production"
    assert service.settings.kafka_idempotence
    assert service.settings.port == int(environment[f"RECOURS_{name.upper()}_PORT"])


def test_every_long_lived_container_has_a_health_check_or_is_watched_by_one() -> None:
    without = {name for name, container in containers(filled()).items() if container.healthcheck is None}
    assert without == {*JOBS, "recours", "otel-collector", "jaeger"}, "three end by themselves, two images have no shell"


def test_no_secret_has_a_default() -> None:
    text = FILE.read_text(encoding="utf-8")
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
    assert containers(filled())["kafka"].image == f"apache/kafka:{version[1]}"


def test_kafka_writes_into_its_volume() -> None:
    kafka = containers(filled())["kafka"]
    assert kafka.environment["KAFKA_LOG_DIRS"] in [volume.split(":")[1] for volume in kafka.volumes]


def test_the_operators_container_reaches_every_service_and_database() -> None:
    running = containers(filled())
    environment = running["recours"].environment
    assert running["recours"].on_demand
    for name in SERVICES:
        assert environment[f"RECOURS_{name.upper()}_DATABASE_URL"] == running[name].environment[f"RECOURS_{name.upper()}_DATABASE_URL"]
        assert environment[f"RECOURS_{name.upper()}_OPS_HOST"] == name
        assert environment[f"RECOURS_{name.upper()}_OPS_PORT"] == running[name].environment[f"RECOURS_{name.upper()}_OPS_PORT"]


def test_files_that_containers_mount_exist() -> None:
    for container in containers(filled()).values():
        for volume in container.volumes:
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).exists(), source
