"""The guards of the database, each alone: what stands when everything above it would fail, and who waits for whom."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from shared.db import Database
from shared.events.intake import RequestQualified
from shared.ids import new_id
from shared.testing.fixtures import eventually
from tests.integration.scheduling.conftest import MONDAY, SEVEN, TITULAIRE, Desk, Opened, a_qualified

_WAITING = "SELECT count(*) >= $1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
_SAME_AGAIN = """
    INSERT INTO appointment SELECT (jsonb_populate_record(a, jsonb_build_object('id', $2::uuid))).* FROM appointment a WHERE a.id = $1
"""


@asynccontextmanager
async def held_row(database: Database, request_id: UUID, waiting: int) -> AsyncIterator[None]:
    """The request's row is locked by somebody else; leave the block once so many commands wait for a row."""
    async with database.transaction() as tx:
        await tx.sql.execute("SELECT FROM request WHERE id = $1 FOR UPDATE", request_id)
        yield
        await eventually(lambda: all_wait(database, waiting))


async def all_wait(database: Database, count: int) -> bool:
    async with database.reading() as sql:
        return bool(await sql.fetchval(_WAITING, count))


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


async def test_two_hands_that_want_the_last_video_of_a_day_get_one(open_desk: Opened) -> None:
    """Other slots, one cap: they are counted one after the other."""
    async with open_desk() as desk:
        slots = [slot["slot_id"] for slot in await desk.free_slots("teleconsultation", TITULAIRE)]
        for slot_id in slots[:11]:
            await desk.book(a_video(), slot_id)
        async with desk.service.database.transaction() as tx:
            await tx.sql.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 2))", f"videos:{TITULAIRE}:{MONDAY}")
            hands = [asyncio.create_task(desk.book(a_video(), slot_id)) for slot_id in slots[11:13]]
            await eventually(lambda: all_wait(desk.service.database, 2))
        outcomes = await asyncio.gather(*hands, return_exceptions=True)
        told = ["booked" if isinstance(one, dict) else getattr(one, "extra", {}).get("rule") for one in outcomes]
        assert sorted(map(str, told)) == ["booked", "video_cap"]


def a_video() -> RequestQualified:
    return a_qualified(modes=["teleconsultation"], see_by=SEVEN + timedelta(hours=13))
