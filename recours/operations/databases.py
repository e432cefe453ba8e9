"""One database a service, two roles each: the owner changes tables, the service changes rows."""

import asyncio
from collections.abc import Iterable, Mapping
from urllib.parse import unquote, urlsplit

from recours.operations.settings import setting
from recours.stack.ports import SERVICES
from shared.migrate import create_database, migrate


async def migrate_all(settings: Mapping[str, str], services: Iterable[str] = SERVICES) -> dict[str, list[str]]:
    """Create roles and databases when RECOURS_POSTGRES_ADMIN_URL allows it, then apply what is missing. Returns what was applied to each.

    Raises MissingSetting, or MigrationRefused for a file that changed after it was applied.
    """
    wanted = list(services)
    admin_url = settings.get("RECOURS_POSTGRES_ADMIN_URL")
    applied = await asyncio.gather(*(_migrate(settings, admin_url, service) for service in wanted))
    return dict(zip(wanted, applied, strict=True))


async def _migrate(settings: Mapping[str, str], admin_url: str | None, service: str) -> list[str]:
    owner_url = setting(settings, f"RECOURS_{service.upper()}_OWNER_DATABASE_URL")
    if admin_url:
        role_url = setting(settings, f"RECOURS_{service.upper()}_DATABASE_URL")
        await create_database(admin_url, service, owner_password=_password(owner_url), password=_password(role_url))
    return await migrate(owner_url, service)


def _password(url: str) -> str:
    return unquote(urlsplit(url).password or "")
