"""Every setting of an embedded stack, by name, and which process gets which (a service never sees another's secrets)."""

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import recours
from recours.stack.lock import holder
from recours.stack.ports import DEFAULT_BASE, HOST, SERVICES, Ports
from recours.stack.postgres import SUPERUSER
from recours.stack.secrets import Secrets
from recours.stack.state import StackState

PROJECT = Path(recours.__file__).resolve().parent.parent
"""The checkout: `deploy/` is there, the installation being an editable one."""

_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "SSL_CERT_FILE", "SSL_CERT_DIR", "PYTHONDONTWRITEBYTECODE")
_SEALED = ("intake", "regulation")
"""The services that keep words of patients or doctors, hence the master key."""


def default_data_dir() -> Path:
    """RECOURS_DATA_DIR, else the usual place for this user."""
    chosen = os.environ.get("RECOURS_DATA_DIR")
    if chosen:
        return Path(chosen).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/recours")
    home = os.environ.get("HOME") or pwd.getpwuid(os.geteuid()).pw_dir
    return Path(home) / ".local" / "share" / "recours"


def default_ports() -> Ports:
    """The ports from RECOURS_PORT_BASE."""
    return Ports(int(os.environ.get("RECOURS_PORT_BASE", DEFAULT_BASE)))


@dataclass(frozen=True)
class OutsideKafka:
    """An Apache Kafka that others run, in place of the embedded broker; three addresses or more are a cluster with copies."""

    bootstrap: str

    def settings(self) -> dict[str, str]:
        """As in production. Its log outlives its processes: another one than yesterday's is for a human to judge, hence no refill."""
        return {
            "RECOURS_KAFKA_BOOTSTRAP": self.bootstrap,
            "RECOURS_KAFKA_REFILL": "manual",
            "RECOURS_KAFKA_FETCH_WAIT_MS": "500",
            "RECOURS_KAFKA_SESSION_TIMEOUT_MS": "10000",
            "RECOURS_KAFKA_IDEMPOTENCE": "true",
            "RECOURS_KAFKA_PARTITIONS": "12",
        }


@dataclass(frozen=True)
class Access:
    """How to reach a stack: what the command line, the simulated day and the tests need of it."""

    data_dir: Path
    ports: Ports
    secrets: Secrets
    kafka: OutsideKafka | None = None

    @classmethod
    def of_running(cls, data_dir: Path | None = None) -> Self | None:
        """The stack that runs on the folder now, if any."""
        folder = data_dir or default_data_dir()
        state = StackState.read(folder) if holder(folder) else None
        if state is None or not os.access(folder / "secrets.env", os.R_OK):
            return None
        return cls(folder, Ports(state.port_base), Secrets.open(folder), OutsideKafka(state.kafka) if state.kafka else None)

    def url(self, service: str) -> str:
        """Where people and the console reach a service."""
        return f"http://{HOST}:{self.ports.http(service)}"

    def ops_url(self, service: str) -> str:
        """Where its health, metrics and internal routes are."""
        return f"http://{HOST}:{self.ports.ops(service)}"

    def database_url(self, service: str) -> str:
        """A service's database under its own role."""
        return self._database_url(service, service)

    @property
    def postgres_admin_url(self) -> str:
        """The superuser's address."""
        password = self.secrets["RECOURS_POSTGRES_PASSWORD"]
        return f"postgresql://{SUPERUSER}:{password}@{HOST}:{self.ports.server('postgres')}/postgres"

    @property
    def redis_url(self) -> str:
        """Valkey's address."""
        return f"redis://:{self.secrets['RECOURS_VALKEY_PASSWORD']}@{HOST}:{self.ports.server('valkey')}/0"

    @property
    def kafka_bootstrap(self) -> str:
        """host:port of the broker, or of each broker."""
        return self.kafka.bootstrap if self.kafka is not None else f"{HOST}:{self.ports.server('kafka')}"

    @property
    def clock_file(self) -> Path:
        """Business time."""
        return self.data_dir / "clock"

    @property
    def token_private_key(self) -> str:
        """Base64 of the key that signs tokens."""
        return self.secrets["RECOURS_TOKEN_PRIVATE_KEY"]

    def settings(self) -> dict[str, str]:
        """All of them: for `recours` itself, which operates on every service."""
        every = self._common() | self._urls() | {
            "RECOURS_DATA_DIR": str(self.data_dir),
            "RECOURS_PORT_BASE": str(self.ports.base),
            "RECOURS_POSTGRES_ADMIN_URL": self.postgres_admin_url,
            "RECOURS_MASTER_KEY": self.secrets["RECOURS_MASTER_KEY"],
            "RECOURS_TOKEN_PRIVATE_KEY": self.token_private_key,
        }  # fmt: skip
        for service in SERVICES:
            every |= self._own(service)
            every[f"RECOURS_{service.upper()}_OWNER_DATABASE_URL"] = self._database_url(service, f"{service}_owner")
        return every

    def environment(self, service: str) -> dict[str, str]:
        """The whole environment of a service's process."""
        mine = self.inherited() | self._common() | self._own(service)
        if service in _SEALED:
            mine["RECOURS_MASTER_KEY"] = self.secrets["RECOURS_MASTER_KEY"]
        if service == "console":
            mine |= self._urls()
            mine["RECOURS_TOKEN_PRIVATE_KEY"] = self.token_private_key
            mine["RECOURS_CONSOLE_PUBLIC_URL"] = os.environ.get("RECOURS_CONSOLE_PUBLIC_URL", self.url("console"))
        return mine

    def _database_url(self, service: str, role: str) -> str:
        return f"postgresql://{role}:{self.secrets.role_password(role)}@{HOST}:{self.ports.server('postgres')}/{service}"

    def inherited(self) -> dict[str, str]:
        """What our processes take over from whoever started the stack."""
        kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        traces = {name: value for name, value in os.environ.items() if name.startswith("OTEL_")}
        return kept | traces | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(PROJECT)}

    def _kafka(self) -> dict[str, str]:
        if self.kafka is not None:
            return self.kafka.settings()
        return {
            "RECOURS_KAFKA_BOOTSTRAP": self.kafka_bootstrap,
            "RECOURS_KAFKA_REFILL": "automatic",
            "RECOURS_KAFKA_FETCH_WAIT_MS": "50",
            "RECOURS_KAFKA_IDEMPOTENCE": "false",
            "RECOURS_KAFKA_PARTITIONS": "3",
        }

    def _common(self) -> dict[str, str]:
        return self._kafka() | {
            "RECOURS_ENVIRONMENT": "embedded",
            "RECOURS_REDIS_URL": self.redis_url,
            "RECOURS_CLOCK_FILE": str(self.clock_file),
            "RECOURS_TERRITORY_DIRS": os.environ.get("RECOURS_TERRITORY_DIRS", str(PROJECT / "deploy" / "territory" / "bievre")),
            "RECOURS_TOKEN_PUBLIC_KEY": self.secrets.token_public_key,
            "RECOURS_TRACES": os.environ.get("RECOURS_TRACES", "none"),
            "RECOURS_LOG_LEVEL": os.environ.get("RECOURS_LOG_LEVEL", "INFO"),
        }

    def _own(self, service: str) -> dict[str, str]:
        prefix = f"RECOURS_{service.upper()}"
        return {
            f"{prefix}_DATABASE_URL": self.database_url(service),
            f"{prefix}_HOST": HOST,
            f"{prefix}_PORT": str(self.ports.http(service)),
            f"{prefix}_OPS_HOST": HOST,
            f"{prefix}_OPS_PORT": str(self.ports.ops(service)),
        }

    def _urls(self) -> dict[str, str]:
        return {f"RECOURS_{service.upper()}_URL": self.url(service) for service in SERVICES if service != "console"}


def command_settings(data_dir: Path | None = None) -> Mapping[str, str]:
    """What an operator's command works with: the running embedded stack's settings if there is one, the environment's above them."""
    access = Access.of_running(data_dir)
    embedded: Mapping[str, str] = {} if access is None else access.settings()
    return {**embedded, **{name: value for name, value in os.environ.items() if name.startswith("RECOURS_")}}
