"""Apache Kafka itself, as a KRaft broker started with `java -cp` from the jars that Maven resolved (deploy/kafka/pom.xml)."""

import base64
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from recours.stack.ports import free_port
from recours.stack.process import ProcessSpec, end, launch, wait_ready
from recours.stack.tansu import answers_kafka

JARS = Path(__file__).parents[2] / "deploy" / "kafka" / "target" / "lib"

_START_SECONDS = 60.0


def why_not() -> str | None:
    """The reason why it cannot run here, or None."""
    if shutil.which("java") is None:
        return "no java command"
    if not list(JARS.glob("kafka_2.13-*.jar")):
        return "its jars were not resolved (deploy/setup/apache-kafka.sh)"
    return None


def is_required() -> bool:
    """Whether a run without it must fail."""
    return os.environ.get("RECOURS_APACHE_KAFKA") == "required"


@contextmanager
def running_apache_kafka() -> "Iterator[ApacheKafka]":
    """A started broker. Where it cannot run the test is left out with the reason, or fails when it is required."""
    reason = why_not()
    if reason is not None:
        if is_required():
            pytest.fail(f"Apache Kafka is required: {reason}")
        pytest.skip(f"Apache Kafka left out: {reason}")
    broker = ApacheKafka()
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


class ApacheKafka:
    """One broker that is its own controller, on loopback, with its log in a temporary folder kept across restarts."""

    def __init__(self) -> None:
        self.port, self._controller_port = free_port(), free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="recours-kafka-"))
        self._child: tuple[ProcessSpec, subprocess.Popen[bytes]] | None = None

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Formats the folder the first time; returns once the broker answers."""
        properties = self._folder / "server.properties"
        if not properties.exists():
            properties.write_text(self._properties(), encoding="utf-8")
            self._java("kafka.tools.StorageTool", "format", "--cluster-id", _cluster_id(), "--config", str(properties))
        command = [*_java_command("-Xms192m", "-Xmx384m"), "kafka.Kafka", str(properties)]
        spec = ProcessSpec(
            "apache-kafka", command, self._folder / "kafka.log", lambda: answers_kafka(self.port), ready_timeout_seconds=_START_SECONDS
        )
        self._child = (spec, launch(spec))
        wait_ready(*self._child)

    def kill(self) -> None:
        """kill -9; its log stays on disk."""
        assert self._child is not None
        self._child[1].kill()
        self._child[1].wait()
        self._child = None

    def stop(self) -> None:
        """Stop and forget everything."""
        if self._child is not None:
            end(*self._child)
            self._child = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _java(self, main_class: str, *arguments: str) -> None:
        subprocess.run([*_java_command("-Xmx128m"), main_class, *arguments], check=True, capture_output=True, timeout=_START_SECONDS)

    def _properties(self) -> str:
        lines = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self._folder / "log"),
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": "1",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
        }
        return "".join(f"{name}={value}\n" for name, value in lines.items())


def _java_command(*options: str) -> list[str]:
    return [shutil.which("java") or "java", *options, "-XX:+UseSerialGC", "-cp", f"{JARS}/*"]


def _cluster_id() -> str:
    """Kafka wants 16 bytes in unpadded URL-safe base64."""
    return base64.urlsafe_b64encode(uuid4().bytes).rstrip(b"=").decode()
