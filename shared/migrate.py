"""Migrations: numbered SQL files, one transaction each, under one advisory lock, with a ledger of names and SHA-256.

The kernel's files (`shared/migrations`) come first, then the service's. A file that changed after it was applied is refused. A
service refuses a ledger behind its code and accepts one ahead of it (expand, deploy, contract).
"""

import hashlib
from dataclasses import dataclass
from importlib import resources

import asyncpg

from shared.db import Connection

_LOCK = 0x6D696772617465  # "migrate"

_LEDGER = """
    CREATE TABLE IF NOT EXISTS migration (
        name        text PRIMARY KEY,
        sha256      text NOT NULL,
        applied_at  timestamptz NOT NULL DEFAULT clock_timestamp()
    )
"""
_APPLIED = "SELECT name, sha256 FROM migration"
_RECORD = "INSERT INTO migration (name, sha256) VALUES ($1, $2)"


class MigrationRefused(RuntimeError):
    """An applied file was edited, or the database is behind the code."""


@dataclass(frozen=True)
class Migration:
    """One file: `kernel/0001_kernel.sql` or `intake/0001_calls.sql`."""

    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations_of(service: str) -> list[Migration]:
    """All files of a service's database in the order they are applied."""
    return [*_files("shared", "kernel"), *_files(f"services.{service}", service)]


def _files(package: str, owner: str) -> list[Migration]:
    folder = resources.files(package) / "migrations"
    if not folder.is_dir():
        return []
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return [Migration(f"{owner}/{file.name}", file.read_text(encoding="utf-8")) for file in files]


async def migrate(owner_url: str, service: str) -> list[str]:
    """Apply what is missing as the owner and let the role `<service>` read and write; returns the names applied.

    Raises MigrationRefused when an applied file was edited; then nothing of that file or after it is applied.
    """
    connection = await asyncpg.connect(owner_url, server_settings={"application_name": f"recours-migrate-{service}"})
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await _grant(connection, service)
        await connection.execute(_LEDGER)
        done = {row["name"]: row["sha256"] for row in await connection.fetch(_APPLIED)}
        applied = []
        for migration in migrations_of(service):
            if migration.name in done:
                if done[migration.name] != migration.sha256:
                    raise MigrationRefused(f"{migration.name} was changed after it was applied to {service}")
                continue
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(_RECORD, migration.name, migration.sha256)
            applied.append(migration.name)
        return applied
    finally:
        await connection.close()


async def _grant(connection: Connection, service: str) -> None:
    """The service's role writes rows and never changes tables. Tables made later in this session get the same."""
    role = _identifier(service)
    await connection.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
    await connection.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}")
    await connection.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {role}")


async def require_current(connection: Connection, service: str) -> None:
    """Raises MigrationRefused when the ledger lacks a file of this code; more files than ours are fine."""
    try:
        done = {row["name"] for row in await connection.fetch(_APPLIED)}
    except asyncpg.UndefinedTableError:
        done = set()
    missing = [migration.name for migration in migrations_of(service) if migration.name not in done]
    if missing:
        raise MigrationRefused(f"the database of {service} lacks {', '.join(missing)}: run `recours migrate`")


async def create_database(admin_url: str, service: str, *, owner_password: str, password: str) -> None:
    """Roles `<service>_owner` and `<service>` and the database `<service>`; what exists keeps its data and gets the passwords."""
    connection = await asyncpg.connect(admin_url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        for role, secret in ((f"{service}_owner", owner_password), (service, password)):
            verb = "ALTER" if await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role) else "CREATE"
            await connection.execute(f"{verb} ROLE {_identifier(role)} LOGIN PASSWORD {_literal(secret)}")
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", service):
            await connection.execute(
                f"CREATE DATABASE {_identifier(service)} OWNER {_identifier(service + '_owner')} TEMPLATE template0 ENCODING 'UTF8'"
            )
        await connection.execute(f"REVOKE ALL ON DATABASE {_identifier(service)} FROM PUBLIC")
        await connection.execute(f"GRANT CONNECT ON DATABASE {_identifier(service)} TO {_identifier(service)}")
    finally:
        await connection.close()


def _identifier(name: str) -> str:
    """DDL takes no parameters: only our own lower-case names pass."""
    if not name.replace("_", "").isalnum() or name != name.lower():
        raise ValueError(f"not a name of ours: {name!r}")
    return f'"{name}"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
