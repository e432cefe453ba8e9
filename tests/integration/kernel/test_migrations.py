"""Migrations: once, whoever starts first; an edited file is refused; the service's role cannot change tables."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from recours.stack.servers import Servers
from shared import migrate as migrations
from shared.migrate import Migration, MigrationRefused, create_database, migrate, require_current
from shared.testing.fixtures import MakeDatabase

PASSWORD = "only-for-this-test"


@pytest.fixture
async def owner_url(servers: Servers, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A service of this test alone, with the kernel's tables and one of its own."""
    name = "trial_" + str(abs(hash(request.node.name)) % 10**8)
    monkeypatch.setattr(
        migrations, "_files", lambda package, owner: [Migration(f"{owner}/0001.sql", f"CREATE TABLE {owner}_thing (id int)")]
    )
    await create_database(servers.postgres_admin_url, name, owner_password=PASSWORD, password=PASSWORD)
    host = servers.postgres_admin_url.split("@")[1].split("/")[0]
    return f"postgresql://{name}_owner:{PASSWORD}@{host}/{name}"


def service_of(owner_url: str) -> str:
    return owner_url.rsplit("/", 1)[1]


async def test_three_that_start_together_apply_each_file_once(owner_url: str) -> None:
    name = service_of(owner_url)
    applied = await asyncio.gather(*(migrate(owner_url, name) for _ in range(3)))
    assert sorted(len(files) for files in applied) == [0, 0, 2]
    assert await migrate(owner_url, name) == []


async def test_an_applied_file_that_changed_is_refused(owner_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = service_of(owner_url)
    await migrate(owner_url, name)
    monkeypatch.setattr(migrations, "_files", lambda package, owner: [Migration(f"{owner}/0001.sql", "SELECT 'edited'")])
    with pytest.raises(MigrationRefused, match="changed after it was applied"):
        await migrate(owner_url, name)


async def test_a_database_behind_the_code_is_refused_and_one_ahead_accepted(owner_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = service_of(owner_url)
    connection = await asyncpg.connect(owner_url)
    try:
        with pytest.raises(MigrationRefused, match="recours migrate"):
            await require_current(connection, name)
        await migrate(owner_url, name)
        await require_current(connection, name)
        monkeypatch.setattr(migrations, "_files", lambda package, owner: [])
        await require_current(connection, name)
    finally:
        await connection.close()


async def test_the_service_writes_rows_and_changes_no_table(owner_url: str) -> None:
    name = service_of(owner_url)
    await migrate(owner_url, name)
    connection = await asyncpg.connect(owner_url.replace(f"{name}_owner", name, 1))
    try:
        await connection.execute("INSERT INTO kernel_thing VALUES (1)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("ALTER TABLE kernel_thing ADD COLUMN more int")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE mine (id int)")
    finally:
        await connection.close()


async def test_a_transaction_that_fails_leaves_nothing_and_says_nothing(make_database: MakeDatabase) -> None:
    database = await make_database("teleconsult")
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            await tx.sql.execute("INSERT INTO inbox (consumer, event_id) VALUES ('x', gen_random_uuid())")
            raise ZeroDivisionError
    async with database.reading() as sql:
        assert await sql.fetchval("SELECT count(*) FROM inbox") == 0
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await sql.execute("DELETE FROM inbox")


def test_files_of_the_kernel_come_first() -> None:
    names = [migration.name for migration in migrations.migrations_of("intake")]
    assert names[0] == "kernel/0001_kernel.sql"
    assert names[1:] == sorted(names[1:])
    assert all(Path(name).suffix == ".sql" for name in names)
