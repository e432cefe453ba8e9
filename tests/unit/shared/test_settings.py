"""Settings are read from the agreed variables, and a wrong one is named at start without its value."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from shared.auth import TokenIssuer
from shared.settings import CommonSettings, MasterKey, ServiceSettings

KEY = TokenIssuer.generate()


class IntakeSettings(ServiceSettings):
    service: ClassVar[str] = "intake"

    master_key: MasterKey
    ring_back_minutes: int = 5


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets a complete environment; arguments change it (None removes)."""

    def put(**changes: str | None) -> None:
        complete: dict[str, str | None] = {
            "RECOURS_ENVIRONMENT": "test",
            "RECOURS_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
            "RECOURS_REDIS_URL": "redis://:very-secret@127.0.0.1:6379",
            "RECOURS_TOKEN_PUBLIC_KEY": KEY.public_key_b64,
            "RECOURS_MASTER_KEY": KEY.private_key_b64,
            "RECOURS_INTAKE_DATABASE_URL": "postgresql://intake:very-secret@127.0.0.1/intake",
            "RECOURS_INTAKE_PORT": "8701",
            "RECOURS_INTAKE_OPS_PORT": "8721",
            **changes,
        }
        for name, value in complete.items():
            monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)

    return put


def complaints(capsys: pytest.CaptureFixture[str], load: Callable[[], object]) -> list[str]:
    with pytest.raises(SystemExit) as left:
        load()
    assert left.value.code == 2
    return sorted(capsys.readouterr().err.splitlines())


def test_common_fields_and_fields_of_the_service_have_their_own_variables(environment: Callable[..., None]) -> None:
    environment(RECOURS_TERRITORY_DIRS="/a, /b", RECOURS_INTAKE_RING_BACK_MINUTES="7", RECOURS_TOPIC_PREFIX="")
    settings = IntakeSettings.load()
    assert (settings.port, settings.ops_port, settings.ring_back_minutes, settings.topic_prefix) == (8701, 8721, 7, "")
    assert settings.territory_dirs == [Path("/a"), Path("/b")]
    assert settings.master_key.get_secret_value() == KEY.private_key_b64
    assert "very-secret" not in repr(settings)


def test_a_service_without_fields_of_its_own_is_loaded_by_name(environment: Callable[..., None]) -> None:
    environment()
    settings = ServiceSettings.load("intake")
    assert (settings.service, settings.port) == ("intake", 8701)


@pytest.mark.parametrize(
    ("name", "refill", "wait", "idempotence"), [("embedded", "automatic", 50, False), ("production", "manual", 500, True)]
)
def test_the_environment_decides_how_kafka_is_used(
    environment: Callable[..., None], name: str, refill: str, wait: int, idempotence: bool
) -> None:
    environment(RECOURS_ENVIRONMENT=name)
    settings = CommonSettings.load()
    assert (settings.kafka_refill, settings.kafka_fetch_wait_ms, settings.kafka_idempotence) == (refill, wait, idempotence)


def test_each_problem_is_a_line_that_names_its_variable(environment: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    environment(
        RECOURS_INTAKE_DATABASE_URL=None, RECOURS_MASTER_KEY="bm90IDMyIGJ5dGVz", RECOURS_INTAKE_PORT="99999", RECOURS_KAFKA_BOOTSTRAP=""
    )
    assert complaints(capsys, IntakeSettings.load) == [
        "RECOURS_INTAKE_DATABASE_URL: is missing",
        "RECOURS_INTAKE_PORT: Input should be less than or equal to 65535",
        "RECOURS_KAFKA_BOOTSTRAP: is missing",
        "RECOURS_MASTER_KEY: must be 32 bytes in base64",
    ]


def test_a_clock_file_is_refused_in_production(environment: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    environment(RECOURS_CLOCK_FILE="/data/clock")
    assert IntakeSettings.load().clock_file == Path("/data/clock")
    environment(RECOURS_CLOCK_FILE="/data/clock", RECOURS_ENVIRONMENT="production")
    assert complaints(capsys, IntakeSettings.load) == ["RECOURS_CLOCK_FILE: is refused when RECOURS_ENVIRONMENT is production"]
