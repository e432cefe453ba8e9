"""The demonstration's accounts: fictitious people of `team.yaml`, each with a password made from the data folder's own secret."""

import base64
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from recours.stack.environment import Access


@dataclass(frozen=True)
class DemoAccount:
    """A fictitious person who may sign in, until someone changes the password."""

    login: str
    password: str
    display_name: str
    roles: tuple[str, ...]
    initials: str
    id: str
    practitioner_id: str | None

    @property
    def description(self) -> str:
        """« Ludivine Hautecroix, secretary »."""
        return f"{self.display_name}, {' and '.join(role.replace('_', ' ') for role in self.roles)}"


def team_files(access: Access) -> Iterator[Path]:
    """The `team.yaml` of each territory that has a demonstration team."""
    for folder in access.settings()["RECOURS_TERRITORY_DIRS"].split(","):
        path = Path(folder.strip()) / "team.yaml"
        if path.exists():
            yield path


def accounts_of(team: Mapping[str, Any], seed: str) -> list[DemoAccount]:
    """The accounts of one team."""
    return [
        DemoAccount(
            login=line["login"],
            password=demo_password(seed, line["login"]),
            display_name=line["display_name"],
            roles=tuple(line["roles"]),
            initials=line["initials"],
            id=str(line["id"]),
            practitioner_id=str(line["practitioner_id"]) if "practitioner_id" in line else None,
        )
        for line in team["accounts"]
    ]


def demo_accounts(access: Access) -> list[DemoAccount]:
    """All of them, as the loader makes them."""
    seed = access.secrets["RECOURS_DEMO_SEED"]
    return [account for path in team_files(access) for account in accounts_of(yaml.safe_load(path.read_bytes()), seed)]


def demo_password(seed: str, login: str) -> str:
    """Three groups of four letters and digits, the same each time for this data folder."""
    letters = base64.b32encode(hmac.digest(seed.encode(), login.encode(), "sha256")).decode().lower()
    return "-".join((letters[:4], letters[4:8], letters[8:12]))
