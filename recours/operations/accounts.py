"""The console's local accounts, for `recours user`. Who may do this has the database's password anyway; there is no role to check."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from recours.operations.settings import setting
from services.console import accounts, totp
from services.console.accounts import Account
from shared.db import Database
from shared.errors import NotFound


@asynccontextmanager
async def console_database(settings: Mapping[str, str]) -> AsyncIterator[Database]:
    """The console's database under its own role; raises MissingSetting."""
    database = await Database.open(setting(settings, "RECOURS_CONSOLE_DATABASE_URL"), service="console", min_size=1, max_size=2)
    try:
        yield database
    finally:
        await database.close()


async def listed(settings: Mapping[str, str]) -> list[Account]:
    """All accounts."""
    async with console_database(settings) as database:
        return await accounts.list_accounts(database)


async def add(
    settings: Mapping[str, str],
    *,
    login: str,
    password: str,
    display_name: str,
    initials: str,
    roles: Sequence[str],
    territory_id: str,
    practitioner_id: UUID | None,
) -> UUID:
    """Make an account, or give a known login this password and these roles; raises Malformed."""
    async with console_database(settings) as database:
        return await accounts.add_account(database, login, password, display_name, list(roles), territory_id, practitioner_id, initials)


async def change_password(settings: Mapping[str, str], login: str, password: str) -> None:
    """Everything else of the account stays; raises NotFound for a login that is unknown or disabled."""
    async with console_database(settings) as database:
        wanted = login.strip().lower()
        for known in await accounts.list_accounts(database):
            if known.login == wanted and not known.disabled:
                await accounts.add_account(
                    database,
                    known.login,
                    password,
                    known.display_name,
                    sorted(known.roles),
                    known.territory_id,
                    known.practitioner_id,
                    known.initials,
                )
                return
    raise NotFound("no open account of that login")


async def disable(settings: Mapping[str, str], login: str) -> None:
    """Close the account and its sessions; raises NotFound."""
    async with console_database(settings) as database:
        await accounts.disable(database, login)


async def require_second_factor(settings: Mapping[str, str], login: str) -> str:
    """The new TOTP key in base32, to be shown once; raises NotFound."""
    sealer = totp.SecretBox(setting(settings, "RECOURS_TOKEN_PRIVATE_KEY"))
    async with console_database(settings) as database:
        return await accounts.require_second_factor(database, login, sealer)
