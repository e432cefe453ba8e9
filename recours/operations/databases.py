"""One database a service, two roles each: the owner changes tables, the service changes rows."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit

import asyncpg

from recours.operations.settings import setting
from recours.stack.ports import SERVICES
from shared.migrate import migrate


@dataclass(frozen=True)
class ServiceDatabase:
    """A service's database as its settings name it."""

    service: str
    name: str
    owner: str
    owner_password: str
    role: str
    role_password: str
    owner_url: str

    @classmethod
    def of(cls, service: str, settings: Mapping[str, str]) -> Self:
        """Raises MissingSetting."""
        owner_url, url = (setting(settings, f"RECOURS_{service.upper()}_{kind}") for kind in ("OWNER_DATABASE_URL", "DATABASE_URL"))
        owner, role = urlsplit(owner_url), urlsplit(url)
        return cls(
            service=service,
            name=owner.path.lstrip("/"),
            owner=unquote(owner.username or ""),
            owner_password=unquote(owner.password or ""),
            role=unquote(role.username or ""),
            role_password=unquote(role.password or ""),
            owner_url=owner_url,
        )


async def migrate_all(settings: Mapping[str, str], services: Iterable[str] = SERVICES) -> list[str]:
    """Create roles and databases when RECOURS_POSTGRES_ADMIN_URL allows it, then bring the schemas up to date. Returns the services."""
    databases = [ServiceDatabase.of(service, settings) for service in services]
    admin_url = settings.get("RECOURS_POSTGRES_ADMIN_URL")
    if admin_url:
        await _create(admin_url, databases)
    await asyncio.gather(*(migrate(database.owner_url, database.service) for database in databases))
    return [database.service for database in databases]


async def _create(admin_url: str, databases: Iterable[ServiceDatabase]) -> None:
    connection = await asyncpg.connect(admin_url)
    try:
        for database in databases:
            await _ensure_role(connection, database.owner, database.owner_password)
            await _ensure_role(connection, database.role, database.role_password)
            if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", database.name):
                await _run(connection, "CREATE DATABASE %I OWNER %I", database.name, database.owner)
                await _run(connection, "REVOKE ALL ON DATABASE %I FROM PUBLIC", database.name)
                await _run(connection, "GRANT CONNECT ON DATABASE %I TO %I", database.name, database.role)
    finally:
        await connection.close()


async def _ensure_role(connection: asyncpg.Connection, role: str, password: str) -> None:
    known = await connection.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role)
    verb = "ALTER" if known else "CREATE"
    await _run(connection, f"{verb} ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD %L", role, password)


async def _run(connection: asyncpg.Connection, template: str, *names: str) -> None:
    """Statements that take no parameters are formatted by the server's own quoting."""
    placeholders = ", ".join(f"${position}::text" for position in range(2, len(names) + 2))
    await connection.execute(await connection.fetchval(f"SELECT format($1, {placeholders})", template, *names))
