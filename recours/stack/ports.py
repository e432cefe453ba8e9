"""The addresses of a stack: one base, fixed offsets; all on the loopback."""

import os
import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from recours.stack.errors import PortTaken, StackError

HOST = "127.0.0.1"
SERVICES = ("console", "intake", "scheduling", "teleconsult", "orientation", "regulation", "pilotage")
"""In the order of their port offsets."""
SERVERS = ("postgres", "valkey", "kafka")
_SERVER_OFFSET = 10
_OPS_OFFSET = 20
SPAN = _OPS_OFFSET + len(SERVICES)
DEFAULT_BASE = 8700

_BASES, _SINGLES = (20_000, 26_000), (26_000, 32_000)
"""Below Linux's range for outgoing connections (32768-60999), which would otherwise race for the same numbers; a stack's and a single
port never race either. `RECOURS_PORT_HALF` (0 or 1) keeps two test workers apart: a free port is free until somebody else takes it."""


@dataclass(frozen=True)
class Ports:
    """Where each process of one stack listens."""

    base: int = DEFAULT_BASE

    def __post_init__(self) -> None:
        if not 1024 <= self.base <= 65_535 - SPAN:
            raise StackError(f"RECOURS_PORT_BASE={self.base}: choose a number between 1024 and {65_535 - SPAN}")

    def http(self, service: str) -> int:
        """The port of a service's pages or API."""
        return self.base + SERVICES.index(service)

    def ops(self, service: str) -> int:
        """The port of a service's health, metrics and internal routes."""
        return self.base + _OPS_OFFSET + SERVICES.index(service)

    def server(self, server: str) -> int:
        """The port of PostgreSQL, Valkey or Kafka."""
        return self.base + _SERVER_OFFSET + SERVERS.index(server)

    def by_use(self) -> Mapping[str, int]:
        """Every port with what listens there."""
        uses = {name: self.server(name) for name in SERVERS}
        for service in SERVICES:
            uses[service] = self.http(service)
            uses[f"{service} (health and metrics)"] = self.ops(service)
        return uses


def is_free(port: int) -> bool:
    """Whether one of ours could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def refuse_taken(ports: Ports) -> None:
    """Raises PortTaken, naming every port that another program holds."""
    taken = {use: port for use, port in ports.by_use().items() if not is_free(port)}
    if taken:
        listed = ", ".join(f"{port} (for {use})" for use, port in taken.items())
        raise PortTaken(
            f"port taken: {listed}. Stop the program that listens there (`ss -ltnp` shows it), "
            f"or set RECOURS_PORT_BASE to another base than {ports.base}."
        )


def free_port() -> int:
    """A port that nobody listens on now."""
    for _ in range(200):
        port = _draw(*_SINGLES, step=1)
        if is_free(port):
            return port
    raise StackError(f"no free port found between {_SINGLES[0]} and {_SINGLES[1]}")


def free_base() -> Ports:
    """Ports of a temporary stack, all free now."""
    for _ in range(200):
        ports = Ports(_draw(*_BASES, step=50))
        if all(is_free(port) for port in ports.by_use().values()):
            return ports
    raise StackError(f"no {SPAN} free ports in a row found between {_BASES[0]} and {_BASES[1]}")


def _draw(lowest: int, highest: int, *, step: int) -> int:
    half = os.environ.get("RECOURS_PORT_HALF")
    if half in ("0", "1"):
        return random.randrange(lowest + step * int(half), highest, 2 * step)
    return random.randrange(lowest, highest, step)
