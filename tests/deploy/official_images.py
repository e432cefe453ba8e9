"""What the official images of docker-compose.yml do when they start, done with the programs we have: same command, same environment."""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from recours.stack import wheels
from shared.testing.apache_kafka import JARS
from tests.deploy.compose import ROOT, Container

_NOBODY = 65534
_PGDATA = "/var/lib/postgresql/18/docker"
_JAVA = f"java -Xmx384m -XX:+UseSerialGC -cp '{JARS}/*'"

# The image's own steps: its wrapper turns KAFKA_… into server.properties and formats the log folder, then the broker starts.
_KAFKA = f"""
set -e
{_JAVA} kafka.docker.KafkaDockerWrapper setup --default-configs-dir /etc/kafka/docker --mounted-configs-dir /mnt/shared/config \
    --final-configs-dir /opt/kafka/config
exec {_JAVA} kafka.Kafka /opt/kafka/config/server.properties
"""
_KAFKA_COMMAND = f"""#!/bin/sh
exec {_JAVA} org.apache.kafka.tools.BrokerApiVersionsCommand "$@"
"""
_POSTGRES = f"""
set -e
printf %s "$POSTGRES_PASSWORD" >/tmp/postgres-password
eval "initdb --username=postgres --pwfile=/tmp/postgres-password --pgdata={_PGDATA} $POSTGRES_INITDB_ARGS"
echo 'host all all all scram-sha-256' >>{_PGDATA}/pg_hba.conf
exec "$@" -D {_PGDATA} -c "listen_addresses=*"
"""
# Valkey's wheel has the server only.
_REDIS_CLI = f"""#!{sys.executable}
import os, socket, sys
with socket.create_connection(("127.0.0.1", 6379), timeout=3) as server:
    server.sendall(f"AUTH {{os.environ['REDISCLI_AUTH']}}\\r\\n{{sys.argv[1].upper()}}\\r\\n".encode())
    answers = server.makefile("rb")
    sys.exit(answers.readline() != b"+OK\\r\\n" or answers.readline() != b"+PONG\\r\\n")
"""


@dataclass(frozen=True)
class Start:
    """How to run a third-party image's main process in the machine's file system."""

    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    uid: int = 0


def left_out(container: Container) -> str | None:
    """Why this image's program is not started here, or None."""
    program = {"otel-collector": "", "jaeger": "", "grafana": "", "proxy": "caddy", "prometheus": "prometheus"}.get(container.name)
    if program is None or (program and (ROOT / ".stamps" / "tools" / program).exists()):
        return None
    return f"no {program} program" if program else "no such program in Debian or PyPI"


def install(root: Path) -> None:
    """Puts the files that the images have into the machine's file system, which forgets them at its end."""
    programs = root / "compose" / "bin"
    programs.mkdir(parents=True)
    _script(programs / "redis-cli", _REDIS_CLI)
    (programs / "redis-server").symlink_to(wheels.valkey_server())
    for folder in ("etc/kafka/docker", "mnt/shared/config", "opt/kafka/config", "opt/kafka/bin", "tmp/kafka-logs"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name in ("server.properties", "log4j2.yaml", "tools-log4j2.yaml"):
        (root / "etc/kafka/docker" / name).touch()
    _script(root / "opt/kafka/bin/kafka-broker-api-versions.sh", _KAFKA_COMMAND)
    for folder in (_PGDATA, "/run/postgresql"):
        path = root / folder.lstrip("/")
        path.mkdir(parents=True, exist_ok=True)
        shutil.chown(path, _NOBODY, _NOBODY)
    (root / _PGDATA.lstrip("/")).chmod(0o700)


def start_of(container: Container) -> Start:
    """Raises KeyError for an image that we cannot stand in for."""
    starts = {
        "kafka": lambda: Start(["sh", "-c", _KAFKA], {"CLUSTER_ID": "5L6g3nShT-eMCtK--X86sw"}),  # the image's default
        "postgres": lambda: Start(["sh", "-c", _POSTGRES, "entrypoint", *container.command], uid=_NOBODY),
        "redis": lambda: Start(container.command, uid=_NOBODY),
        "proxy": lambda: Start(
            ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"],
            {"XDG_DATA_HOME": "/data", "XDG_CONFIG_HOME": "/config"},
        ),
        "prometheus": lambda: Start(["prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]),
    }
    return starts[container.name]()


def path() -> str:
    """PATH of the third-party programs."""
    folders = ["/compose/bin", wheels.postgres_home() / "bin", ROOT / ".stamps" / "tools", "/usr/local/bin", "/usr/bin", "/bin"]
    return ":".join(str(folder) for folder in folders)


def _script(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
