"""The guards of the database, each alone: what stands when everything above it would fail, and who waits for whom."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest

from shared.db import Database
from shared.ids import new_id
from shared.testing.fixtures import eventually
from tests.integration.scheduling.conftest import Desk, Opened, a_qualified

_SAME_AGAIN = """
    INSERT INTO appointment SELECT (jsonb_populate_record(a, jsonb_build_object('id', $2::uuid))).* FROM appointment a WHERE a.id = $1
"""


@asynccontextmanager
async def held_row(database: Database, request_id: UUID, waiting: int) -> AsyncIterator[None]:
    """The request's row is locked by somebody else; leave the block once so many commands wait for a row."""
    async with database.transaction() as tx:
        await tx.sql.execute("SELECT FROM request WHERE id = $1 FOR UPDATE", request_id)
        yield

        async def all_wait() -> bool:
            async with database.reading() as sql:
                return bool(
                    await sql.fetchval(
                        "SELECT count(*) >= $1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
                        waiting,
                    )
                )

        await eventually(all_wait)


async def a_booking(desk: Desk) -> tuple[str, str]:
    """Appointment and request."""
    qualified = a_qualified()
    [first, *_] = await desk.proposals(qualified)
    booked = await desk.book(qualified, first["slot_id"])
    return booked["appointment_id"], booked["request_id"]


async def test_two_hands_that_cancel_one_appointment_tell_it_once(open_desk: Opened) -> None:
    """The second hand waits for the request's row, and looks again before it acts."""
    async with open_desk() as desk:
        appointment_id, request_id = await a_booking(desk)
        path, body = f"/appointments/{appointment_id}/cancel", {"cause": "by_patient"}
        async with held_row(desk.service.database, UUID(request_id), waiting=2):
            hands = [asyncio.create_task(desk.secretary.post(path, json=body)) for _ in range(2)]
        assert [answer["state"] for answer in await asyncio.gather(*hands)] == ["cancelled", "cancelled"]
        assert len(await desk.recorded("scheduling.AppointmentCancelled.v1")) == 1


async def test_the_database_refuses_a_second_live_appointment_of_a_request(open_desk: Opened) -> None:
    async with open_desk() as desk:
        appointment_id, _ = await a_booking(desk)
        with pytest.raises(asyncpg.UniqueViolationError, match="one_live_appointment_per_request"):
            async with desk.service.database.transaction() as tx:
                await tx.sql.execute(_SAME_AGAIN, UUID(appointment_id), new_id())


async def test_the_database_refuses_two_people_at_one_time_of_a_doctor_in_any_territory(open_desk: Opened) -> None:
    async with open_desk() as desk:
        appointment_id, _ = await a_booking(desk)
        overlapping = """
            INSERT INTO period (id, territory_id, practitioner_id, kind, during, slot_id, request_id)
            SELECT $2, 'ailleurs', practitioner_id, kind,
                tstzrange(upper(during) - interval '1 minute', upper(during) + interval '1 minute'), $2, $2
            FROM period WHERE id = $1
        """
        with pytest.raises(asyncpg.ExclusionViolationError, match="appointment_no_overlap"):
            async with desk.service.database.transaction() as tx:
                await tx.sql.execute(overlapping, UUID(appointment_id), new_id())
