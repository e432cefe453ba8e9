"""Who plays: the accounts of `team.yaml`, as principals of the tokens."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml

from shared.auth import Principal
from shared.ids import new_id


class NoTeam(ValueError):
    """The territory has no demonstration team: nobody can play its day."""


@dataclass(frozen=True)
class Doctor:
    principal: Principal
    practitioner_id: UUID
    display_name: str
    status: str


@dataclass(frozen=True)
class Cast:
    secretaries: tuple[Principal, ...]
    arm: Principal
    regulator: Principal
    coordinator: Principal
    telephony: Principal
    system: Principal
    doctors: dict[UUID, Doctor]

    @classmethod
    def load(cls, folder: Path, territory_id: str) -> "Cast":
        """Reads `folder/team.yaml`; raises NoTeam when it is missing or lacks a role."""
        path = folder / "team.yaml"
        if not path.exists():
            raise NoTeam(f"{path} is missing")
        body: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        accounts = [(line, _principal(line, territory_id)) for line in body["accounts"]]

        def having(role: str) -> tuple[Principal, ...]:
            found = tuple(principal for _, principal in accounts if role in principal.roles)
            if not found:
                raise NoTeam(f"{path}: no account has the role {role}")
            return found

        by_practitioner = {principal.practitioner_id: principal for _, principal in accounts if principal.practitioner_id is not None}
        doctors = {}
        for line in body["practitioners"]:
            practitioner_id = UUID(str(line["id"]))
            if practitioner_id not in by_practitioner:
                raise NoTeam(f"{path}: {line['display_name']} has no account")
            doctors[practitioner_id] = Doctor(by_practitioner[practitioner_id], practitioner_id, line["display_name"], line["status"])
        return cls(
            having("secretary"),
            having("arm")[0],
            having("regulator")[0],
            having("coordinator")[0],
            _machine("telephony", territory_id),
            _machine("system", territory_id),
            doctors,
        )


def _principal(line: dict[str, Any], territory_id: str) -> Principal:
    practitioner = line.get("practitioner_id")
    return Principal(
        sub=UUID(str(line["id"])),
        roles=frozenset(line["roles"]),
        territory_id=territory_id,
        practitioner_id=UUID(str(practitioner)) if practitioner else None,
        initials=line["initials"],
    )


def _machine(role: str, territory_id: str) -> Principal:
    return Principal(sub=new_id(), roles=frozenset({role}), territory_id=territory_id, practitioner_id=None, initials="")
