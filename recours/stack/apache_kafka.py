"""Apache Kafka itself, as KRaft brokers started with `java -cp` from the jars that Maven resolved (deploy/kafka/pom.xml)."""

import base64
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

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


def version() -> str:
    """« 4.1.0 », as the jar says."""
    return next((jar.stem.rpartition("-")[2] for jar in JARS.glob("kafka_2.13-*.jar")), "absent")


@dataclass(frozen=True)
class Node:
    """One broker that is a controller too, on loopback, with a folder kept across restarts."""

    number: int
    port: int
    controller_port: int
    folder: Path

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def prepare(self, cluster: "Sequence[Node]", cluster_id: str, heap: Sequence[str]) -> ProcessSpec:
        """Formats the folder the first time, and says how to run it."""
        properties = self.folder / "server.properties"
        if not properties.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            properties.write_text(self._properties(cluster), encoding="utf-8")
            command = [
                *_java_command("-Xmx128m"),
                "kafka.tools.StorageTool",
                "format",
                "--cluster-id",
                cluster_id,
                "--config",
                str(properties),
            ]
            subprocess.run(command, check=True, capture_output=True, timeout=_START_SECONDS)
        return ProcessSpec(
            f"broker-{self.number}",
            [*_java_command(*heap), "kafka.Kafka", str(properties)],
            self.folder / "kafka.log",
            lambda: answers_kafka(self.port),
            ready_timeout_seconds=_START_SECONDS,
        )

    def _properties(self, cluster: "Sequence[Node]") -> str:
        copies = len(cluster)
        lines = {
            "process.roles": "broker,controller",
            "node.id": str(self.number),
            "controller.quorum.voters": ",".join(f"{node.number}@127.0.0.1:{node.controller_port}" for node in cluster),
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self.folder / "log"),
            "auto.create.topics.enable": "false",
            "min.insync.replicas": str(max(1, copies - 1)),
            "offsets.topic.num.partitions": str(copies),
            "offsets.topic.replication.factor": str(copies),
            "transaction.state.log.num.partitions": "1",
            "transaction.state.log.replication.factor": str(copies),
            "transaction.state.log.min.isr": str(max(1, copies - 1)),
            "group.initial.rebalance.delay.ms": "0",
        }
        return "".join(f"{name}={value}\n" for name, value in lines.items())


class ApacheCluster:
    """Brokers that copy each other, for whoever supervises them himself; nothing is started here."""

    def __init__(self, brokers: int, *, heap: Sequence[str] = ("-Xms192m", "-Xmx384m")) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="recours-kafka-"))
        ports: set[int] = set()
        while len(ports) < 2 * brokers:
            ports.add(free_port())
        self.nodes = [Node(number, ports.pop(), ports.pop(), self.folder / str(number)) for number in range(1, brokers + 1)]
        self._cluster_id = _cluster_id()
        self._heap = heap

    @property
    def bootstrap(self) -> str:
        return ",".join(node.address for node in self.nodes)

    def prepare(self, node: Node) -> ProcessSpec:
        """How to run one of the nodes now."""
        return node.prepare(self.nodes, self._cluster_id, self._heap)

    def remove(self) -> None:
        """Forget everything; the brokers were stopped by whoever started them."""
        shutil.rmtree(self.folder, ignore_errors=True)


class ApacheKafka:
    """One broker that is its own controller, on loopback, with its log in a temporary folder kept across restarts."""

    def __init__(self) -> None:
        self._cluster = ApacheCluster(1)
        self._child: tuple[ProcessSpec, subprocess.Popen[bytes]] | None = None

    @property
    def bootstrap(self) -> str:
        return self._cluster.bootstrap

    def start(self) -> None:
        """Formats the folder the first time; returns once the broker answers."""
        spec = self._cluster.prepare(self._cluster.nodes[0])
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
        self._cluster.remove()


def _java_command(*options: str) -> list[str]:
    return [shutil.which("java") or "java", *options, "-XX:+UseSerialGC", "-cp", f"{JARS}/*"]


def _cluster_id() -> str:
    """Kafka wants 16 bytes in unpadded URL-safe base64; its tool takes one that begins with a dash for an option."""
    raw = uuid4().bytes
    return base64.urlsafe_b64encode(bytes([raw[0] & 0x7F]) + raw[1:]).rstrip(b"=").decode()
