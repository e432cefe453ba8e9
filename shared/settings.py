"""Typed settings from the environment, the only reader of RECOURS_… in a service; whatever is wrong is named at start.

A field of `CommonSettings` is read from `RECOURS_<FIELD>`; a field of a service from `RECOURS_<SERVICE>_<FIELD>`;
`Annotated[…, Env("RECOURS_MASTER_KEY")]` names another variable. An empty variable counts as absent.
"""

import base64
import binascii
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NoReturn, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

Environment = Literal["embedded", "test", "production"]
Refill = Literal["automatic", "manual"]
Traces = Annotated[str, StringConstraints(pattern=r"^(none|otlp|file:.+)$")]
Port = Annotated[int, Field(ge=0, le=65535)]


@dataclass(frozen=True)
class Env:
    """The variable of a field whose name does not follow the rule."""

    name: str


def _refuse_unless_32_bytes(encoded: str) -> None:
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be base64") from None
    if len(raw) != 32:
        raise ValueError("must be 32 bytes in base64")


def _secret_key(value: SecretStr) -> SecretStr:
    _refuse_unless_32_bytes(value.get_secret_value())
    return value


def _public_key(value: str) -> str:
    _refuse_unless_32_bytes(value)
    return value


def _paths(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


SecretKey = Annotated[SecretStr, AfterValidator(_secret_key)]
PublicKey = Annotated[str, AfterValidator(_public_key)]
MasterKey = Annotated[SecretKey, Env("RECOURS_MASTER_KEY")]
TokenPrivateKey = Annotated[SecretKey, Env("RECOURS_TOKEN_PRIVATE_KEY")]


def _unless_production(elsewhere: object, production: object) -> Any:
    """Default that depends on `environment`, which is validated first."""
    return Field(default_factory=lambda data: production if data.get("environment") == "production" else elsewhere)


class CommonSettings(BaseSettings):
    """What every process of a deployment reads."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    environment: Environment
    kafka_bootstrap: str
    redis_url: SecretStr
    token_public_key: PublicKey
    topic_prefix: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]{0,40}$")] = ""
    kafka_refill: Refill = _unless_production("automatic", "manual")
    kafka_fetch_wait_ms: Annotated[int, Field(ge=1, le=10_000)] = _unless_production(50, 500)
    kafka_session_timeout_ms: Annotated[int, Field(ge=1_000, le=60_000)] = _unless_production(
        3_000, 10_000
    )  # Tansu waits half of it to form a group
    kafka_idempotence: bool = _unless_production(False, True)
    kafka_partitions: Annotated[int, Field(ge=1, le=200)] = 3
    clock_file: Path | None = None
    territory_dirs: Annotated[list[Path], BeforeValidator(_paths)] = []
    http_body_bytes: Annotated[int, Field(ge=1_024, le=64 * 1024 * 1024)] = 1024 * 1024
    http_read_seconds: Annotated[float, Field(gt=0, le=300)] = 10.0  # for a request's headers, and again for its body
    traces: Traces = "none"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("clock_file")
    @classmethod
    def _only_real_time_in_production(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None and info.data.get("environment") == "production":
            raise ValueError("is refused when RECOURS_ENVIRONMENT is production")
        return value

    @classmethod
    def variable(cls, field: str) -> str:
        """The environment variable of `field`."""
        for mark in cls.model_fields[field].metadata:
            if isinstance(mark, Env):
                return mark.name
        return f"RECOURS_{field.upper()}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _Environment(settings_cls, cls.variable)

    @classmethod
    def load(cls) -> Self:
        """The settings, or a line on stderr for each problem (the variable and what is wrong, never its value) and exit code 2."""
        try:
            return cls()
        except ValidationError as invalid:
            _exit_naming(cls, invalid)


class ServiceSettings(CommonSettings):
    """Settings of one service: `class IntakeSettings(ServiceSettings): service = "intake"`, with fields of its own."""

    service: ClassVar[str]

    database_url: SecretStr
    host: str = "127.0.0.1"
    port: Port
    ops_host: str = "127.0.0.1"
    ops_port: Port

    @classmethod
    def variable(cls, field: str) -> str:
        name = super().variable(field)
        if field in CommonSettings.model_fields or any(isinstance(mark, Env) for mark in cls.model_fields[field].metadata):
            return name
        return f"RECOURS_{cls.service.upper()}_{field.upper()}"

    @classmethod
    def load(cls, service: str | None = None) -> Self:
        """As for the common ones; `ServiceSettings.load("console")` serves a service that adds no field."""
        if service is None:
            return super().load()
        named: type[Self] = type(f"{service.title()}Settings", (cls,), {"service": service, "__module__": cls.__module__})
        return named.load()


class _Environment(PydanticBaseSettingsSource):
    """Reads each field from its variable, as text: Pydantic parses it."""

    def __init__(self, settings_cls: type[BaseSettings], variable: Any) -> None:
        super().__init__(settings_cls)
        self._variable = variable

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return os.environ.get(self._variable(field_name)) or None, field_name, False

    def __call__(self) -> dict[str, Any]:
        found: Mapping[str, Any] = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


def _exit_naming(settings: type[CommonSettings], invalid: ValidationError) -> NoReturn:
    for error in invalid.errors(include_input=False, include_url=False, include_context=False):
        if error["type"] == "default_factory_not_called":  # only because another field is wrong
            continue
        field = str(error["loc"][0]) if error["loc"] else ""
        variable = settings.variable(field) if field in settings.model_fields else field or "settings"
        wrong = "is missing" if error["type"] == "missing" else error["msg"].removeprefix("Value error, ")
        sys.stderr.write(f"{variable}: {wrong}\n")
    raise SystemExit(2)
