"""PostgreSQL dies right after pilotage moved on: what was taken in stands, for nobody reads it again."""

from pathlib import Path

from recours.stack.servers import Servers
from services.pilotage.app import build
from shared.errors import Unavailable
from shared.testing.fixtures import RunningService, database_url, eventually
from tests.integration.pilotage.conftest import Publish, folded
from tests.unit.pilotage.builders import Story


async def test_what_was_taken_in_outlives_the_server(running_service: RunningService, publish: Publish, clock_file: Path) -> None:
    with Servers(durable=True) as own:
        url = await database_url(own.postgres_admin_url, "pilotage", {})
        async with running_service(build, "pilotage", on_database=url, RECOURS_CLOCK_FILE=str(clock_file)) as running:

            async def kept() -> int:
                try:
                    async with running.database.reading() as sql:
                        return int(await sql.fetchval("SELECT count(*) FROM event"))
                except Unavailable:  # the server is back, a connection of the pool has not yet noticed that it was gone
                    return 0

            for told in range(1, 4):
                await publish(Story().rings().facts)
                await folded(running, told)
                own.kill_postgres()
                own.start_postgres()
                assert await eventually(kept) == told
