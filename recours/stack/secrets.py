"""The embedded stack makes its own secrets, once, in a file that only its user may read."""

import base64
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from recours.stack.errors import StackError
from recours.stack.ports import SERVICES

FILE = "secrets.env"


class Secrets:
    """Names and values of `secrets.env`."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    @classmethod
    def open(cls, data_dir: Path) -> Self:
        """Read the file, adding what a newer version needs; raises StackError when others may read it."""
        path = data_dir / FILE
        kept = _parse(path)
        wanted = {name: make() for name, make in _MAKERS.items() if name not in kept}
        if wanted:
            if not kept and (data_dir / "postgres" / "PG_VERSION").exists():
                raise StackError(
                    f"{path} is missing while {data_dir}/postgres exists: put the file back, its keys open the patients' records"
                )
            _write(path, kept | wanted)
        return cls(kept | wanted)

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def role_password(self, role: str) -> str:
        """The password of a database role: `<service>` or `<service>_owner`."""
        return self._values[f"RECOURS_{role.upper()}_PASSWORD"]

    @property
    def token_public_key(self) -> str:
        """Base64 of the raw Ed25519 key that services check tokens with."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(self._values["RECOURS_TOKEN_PRIVATE_KEY"]))
        return base64.b64encode(private.public_key().public_bytes_raw()).decode()


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _password() -> str:
    return secrets.token_urlsafe(24)


_MAKERS = {
    "RECOURS_POSTGRES_PASSWORD": _password,
    "RECOURS_VALKEY_PASSWORD": _password,
    "RECOURS_DEMO_SEED": _password,
    "RECOURS_MASTER_KEY": _key,
    "RECOURS_TOKEN_PRIVATE_KEY": _key,
    **{f"RECOURS_{role.upper()}_PASSWORD": _password for service in SERVICES for role in (service, f"{service}_owner")},
}


def _parse(path: Path) -> dict[str, str]:
    try:
        mode = path.stat().st_mode & 0o077
    except FileNotFoundError:
        return {}
    if mode:
        raise StackError(f"{path} may be read by others than its owner: `chmod 600 {path}`, and think about who read it")
    lines = (line.partition("=") for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return {name: value for name, _, value in lines}


def _write(path: Path, values: Mapping[str, str]) -> None:
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("# Made by `recours up`. Keep it apart from backups of the databases: RECOURS_MASTER_KEY opens the identities.\n")
        file.writelines(f"{name}={value}\n" for name, value in sorted(values.items()))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
