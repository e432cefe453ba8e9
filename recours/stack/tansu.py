"""The Kafka-compatible broker, in memory only.

Each start is a new, empty log under a new cluster id; the relays see that and refill it from their journals. It has topics, groups and
offsets, but no idempotent producer and no transactions. The admin client may ask for a group's offsets only partition by partition
(« all of them » gets an answer that aiokafka cannot read).
"""

import secrets
import socket
import struct
from pathlib import Path

from recours.stack import wheels
from recours.stack.ports import HOST
from recours.stack.process import ProcessSpec

_API_VERSIONS = struct.pack(">hhih", 18, 0, 1, -1)
"""An ApiVersions request, version 0, correlation 1, without client id: the first thing every Kafka client says."""


class Tansu:
    """One broker of a data folder."""

    def __init__(self, data_dir: Path, port: int) -> None:
        self.port = port
        self._log = data_dir / "logs" / "kafka.log"

    @property
    def bootstrap(self) -> str:
        """host:port."""
        return f"{HOST}:{self.port}"

    def prepare(self) -> ProcessSpec:
        """How to run it once: asked again for each start, since each start needs its own cluster id."""
        address = f"tcp://{HOST}:{self.port}"
        command = [str(wheels.tansu()), "broker", "--cluster-id", f"recours-{secrets.token_hex(6)}", "--listener-url", address,
                   "--advertised-listener-url", address, "--storage-engine", "memory://tansu/"]  # fmt: skip
        return ProcessSpec("kafka", command, self._log, lambda: answers_kafka(self.port), stop_timeout_seconds=5.0)


def answers_kafka(port: int) -> bool:
    """Whether something on this machine's `port` speaks the Kafka protocol."""
    try:
        with socket.create_connection((HOST, port), timeout=1.0) as connection:
            connection.sendall(struct.pack(">i", len(_API_VERSIONS)) + _API_VERSIONS)
            answer = b""
            while len(answer) < 8:
                part = connection.recv(4096)
                if not part:
                    return False
                answer += part
    except OSError:
        return False
    return struct.unpack(">i", answer[4:8]) == (1,)
