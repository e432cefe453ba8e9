"""Puts the territory's fictitious team into a running stack, through the services' own APIs: practitioners, agendas, rota, demo accounts.

Doing it again changes nothing; what people changed since is kept, unless the team's file itself changed.
"""

import asyncio
import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml

from recours.stack.demo import DemoAccount, accounts_of, team_files
from recours.stack.environment import Access
from shared.auth import Principal, TokenIssuer
from shared.clock import ClockFile
from shared.http import ServiceClient
from shared.ids import new_id
from shared.territory import Territory

_STAMP = "territory.json"
_AHEAD = timedelta(days=28)


@dataclass(frozen=True)
class Team:
    """One territory's `team.yaml`, as written."""

    territory: Territory
    body: Mapping[str, Any]
    digest: str

    @classmethod
    def load(cls, path: Path) -> "Team":
        """Read `team.yaml` and the territory it lies in."""
        content = path.read_bytes()
        return cls(Territory.load(path.parent), yaml.safe_load(content), hashlib.sha256(content).hexdigest())


async def load_territory(access: Access, services: Sequence[str], *, on: date | None = None) -> None:
    """Load every territory so that the 28 days from `on` (default: the business day) have slots and a rota, and its people an account."""
    for path in team_files(access):
        team = Team.load(path)
        async with asyncio.TaskGroup() as together:
            if "scheduling" in services:
                together.create_task(_load_agendas(access, team, on))
            if "console" in services:
                together.create_task(_load_accounts(access, team))


async def _load_agendas(access: Access, team: Team, on: date | None) -> None:
    stamps = _stamps(access)
    territory_id = team.territory.id
    admin = Principal(sub=new_id(), roles=frozenset({"admin", "system"}), territory_id=territory_id, practitioner_id=None, initials="")
    first = on or ClockFile(access.clock_file).now().astimezone(team.territory.zone).date()
    last = first + _AHEAD
    client = ServiceClient(access.url("scheduling"), TokenIssuer(access.token_private_key), "scheduling")
    try:
        if stamps.get(territory_id) != team.digest:
            await _put_practitioners(client, admin, team)
        rota = list(rota_items(team.body["duty_rota"], team.territory, first, last))
        await client.put("/rota/duty", principal=admin, json={"items": rota})
        await client.post("/slots/materialise", principal=admin, json={"from_on": first.isoformat(), "to_on": last.isoformat()})
    finally:
        await client.close()
    (access.data_dir / _STAMP).write_text(json.dumps({**stamps, territory_id: team.digest}) + "\n")


async def _put_practitioners(client: ServiceClient, admin: Principal, team: Team) -> None:
    valid_from = team.body["valid_from"]
    # Titulaires come first in the file: an adjoint names a supervisor who must be known.
    for practitioner in team.body["practitioners"]:
        described = {name: value for name, value in practitioner.items() if name not in ("id", "availabilities")}
        await client.put(f"/practitioners/{practitioner['id']}", principal=admin, json=described)
        offered = [{"valid_from": valid_from, **availability} for availability in practitioner["availabilities"]]
        await client.put(f"/practitioners/{practitioner['id']}/availabilities", principal=admin, json={"items": offered})


def rota_items(lines: Iterable[Mapping[str, Any]], territory: Territory, first: date, last: date) -> Iterable[dict[str, Any]]:
    """The weekly rota, written out as instants for each open day of the period."""
    by_weekday: dict[int, list[Mapping[str, Any]]] = {}
    for line in lines:
        by_weekday.setdefault(line["weekday"], []).append(line)
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        for line in by_weekday.get(day.isoweekday(), []):
            starts_at, ends_at = (_instant(day, line[side], territory) for side in ("from", "to"))
            item = {"practitioner_id": line["practitioner_id"], "starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}
            yield item | ({"deputy_id": line["deputy_id"]} if "deputy_id" in line else {})


def _instant(day: date, wall_time: str, territory: Territory) -> datetime:
    return datetime.combine(day, time.fromisoformat(wall_time), territory.zone).astimezone(UTC)


async def _load_accounts(access: Access, team: Team) -> None:
    from services.console.accounts import add_account, list_accounts
    from shared.db import Database

    database = await Database.open(access.database_url("console"), service="console", min_size=1, max_size=2)

    async def add(account: DemoAccount) -> None:
        await add_account(
            database,
            login=account.login,
            password=account.password,
            display_name=account.display_name,
            roles=list(account.roles),
            territory_id=team.territory.id,
            practitioner_id=UUID(account.practitioner_id) if account.practitioner_id else None,
            initials=account.initials,
            account_id=UUID(account.id),
            machine_made=True,
        )

    try:
        known = {account.login for account in await list_accounts(database)}
        wanted = accounts_of(team.body, access.secrets["RECOURS_DEMO_SEED"])
        await asyncio.gather(*(add(account) for account in wanted if account.login not in known))
    finally:
        await database.close()


def _stamps(access: Access) -> dict[str, str]:
    try:
        return dict(json.loads((access.data_dir / _STAMP).read_text()))
    except (OSError, ValueError):
        return {}


def main() -> None:
    """Run by the stack once its services answer: the services that run are the arguments."""
    access = Access.of_running()
    if access is None:
        sys.exit("no stack runs here")
    asyncio.run(load_territory(access, sys.argv[1:]))


if __name__ == "__main__":
    main()
