"""Valkey 9: throttles, presence, signalling. Nothing in it is worth keeping, so nothing is written to disk."""

import socket
from pathlib import Path

from recours.stack import wheels
from recours.stack.ports import HOST
from recours.stack.process import ProcessSpec

_SETTINGS = """\
bind {host}
port {port}
requirepass {password}
dir {folder}
save ""
appendonly no
maxmemory 64mb
maxmemory-policy allkeys-lru
daemonize no
"""


class Valkey:
    """One Valkey server of a data folder."""

    def __init__(self, data_dir: Path, port: int, password: str) -> None:
        self.port, self._password = port, password
        self._folder = data_dir / "valkey"
        self._log = data_dir / "logs" / "valkey.log"

    @property
    def url(self) -> str:
        """With the password: for the environment of our processes only."""
        return f"redis://:{self._password}@{HOST}:{self.port}/0"

    def prepare(self) -> ProcessSpec:
        """Write its settings (the password stays out of the process list) and say how to run it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = self._folder / "valkey.conf"
        settings.touch(mode=0o600)
        settings.write_text(_SETTINGS.format(host=HOST, port=self.port, password=self._password, folder=f'"{self._folder}"'))
        return ProcessSpec("valkey", [str(wheels.valkey_server()), str(settings)], self._log, self._answers, stop_timeout_seconds=5.0)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=1.0) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2:
                    part = connection.recv(256)
                    if not part:
                        return False
                    answer += part
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"
