"""A search for a médecin traitant, opened once by facts of two services in any order."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any, Literal
from uuid import UUID

import asyncpg
import pytest

from services.orientation import handlers
from services.orientation.app import build
from shared.db import Database
from shared.errors import NotFound
from shared.events import Event
from shared.events.intake import MtHelpAnswered, PatientRegistered, RequestQualified
from shared.events.scheduling import ActClosed
from shared.ids import new_id
from shared.testing.fixtures import MakeDatabase, Running, RunningService, eventually
from shared.testing.wire import tell

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
DOCTOR = new_id()


def registered(patient_id: UUID, **fields: Any) -> PatientRegistered:
    given: dict[str, Any] = {
        "territory_id": "bievre", "version": 1, "occurred_at": NOW, "patient_id": patient_id, "age_band": "80y+", "sex": "F",
        "commune": "94016", "without_mt": True, "flags": ["ald"],
    }  # fmt: skip
    return PatientRegistered(**(given | fields))


def answered(patient_id: UUID, answer: Literal["yes", "no", "later"], **fields: Any) -> MtHelpAnswered:
    given: dict[str, Any] = {
        "territory_id": "bievre", "version": 2, "occurred_at": NOW + timedelta(minutes=5), "patient_id": patient_id, "request_id": new_id(),
        "answer": answer,
    }  # fmt: skip
    return MtHelpAnswered(**(given | fields))


def act_closed(patient_id: UUID, **fields: Any) -> ActClosed:
    given: dict[str, Any] = {
        "territory_id": "bievre", "version": 2, "occurred_at": NOW + timedelta(hours=3), "request_id": new_id(), "appointment_id": new_id(),
        "patient_id": patient_id, "practitioner_id": DOCTOR, "billing_practitioner_id": DOCTOR, "mode": "visit",
        "starts_at": NOW + timedelta(hours=2), "outcome": "seen", "would_be_mt": "yes", "tariff": "base 2026-01-01",
    }  # fmt: skip
    return ActClosed(**(given | fields))


def qualified(patient_id: UUID) -> RequestQualified:
    return RequestQualified(
        territory_id="bievre", version=4, occurred_at=NOW + timedelta(minutes=3), request_id=new_id(), patient_id=patient_id,
        urgency="within_48h", reason="Q01", modes=["visit"], earliest=NOW, see_by=NOW + timedelta(hours=48),
        contract_deadline=NOW + timedelta(hours=48), commune="94016", age_band="80y+", flags=["isolated"], without_mt=True,
        allocation="assisted", protocol="demo 1",
    )  # fmt: skip


async def followed(running: Running, *events: Event) -> None:
    await tell(running, *events)

    async def taken_in() -> bool:
        async with running.database.reading() as sql:
            ids = {event.event_id for event in events}
            found: int = await sql.fetchval("SELECT count(*) FROM inbox WHERE event_id = ANY($1)", list(ids))
        return found == len(ids)

    await eventually(taken_in)


async def told_by_us(database: Database) -> list[str]:
    async with database.reading() as sql:
        return [row["event_type"].split(".")[1] for row in await sql.fetch("SELECT event_type FROM outbox ORDER BY id")]


async def test_a_search_is_opened_once_in_any_order_and_on_redelivery(running_service: RunningService) -> None:
    async with running_service(build, "orientation") as running:
        patients = []
        for order in permutations(range(4)):
            patient_id = new_id()
            patients.append(patient_id)
            facts: list[Event] = [registered(patient_id), qualified(patient_id), answered(patient_id, "yes"), act_closed(patient_id)]
            await tell(running, *(facts[index] for index in order), *facts)
        last = registered(new_id())
        await followed(running, last)
        coordinator = running.client(["coordinator"])

        async def all_active() -> bool:
            return bool((await coordinator.get("/searches/counts"))["active"] == len(patients))

        await eventually(all_active)
        assert await coordinator.get("/searches/counts") == {"awaiting_consent": 0, "active": 24, "declined": 0, "ended": 0}
        assert (await told_by_us(running.database)).count("SearchOpened") == 24
        for patient_id in patients:
            search = (await coordinator.get(f"/patients/{patient_id}/search"))["search"]
            assert (search["state"], search["priority"], search["answer"]) == ("active", ["ald", "over_70"], "yes")
            assert [wish["practitioner_id"] for wish in search["would_be_mt"]] == [str(DOCTOR)]

        page = await coordinator.get("/searches", params={"state": "active", "limit": 20})
        rest = await coordinator.get("/searches", params={"state": "active", "limit": 20, "after": page["next"]})
        assert {item["patient_id"] for item in [*page["items"], *rest["items"]]} == {str(one) for one in patients}
        assert (await coordinator.get("/searches", params={"state": "declined"}))["items"] == []


async def test_consent_given_or_refused_after_the_act(running_service: RunningService) -> None:
    async with running_service(build, "orientation") as running:
        willing, unwilling, undecided = new_id(), new_id(), new_id()
        for patient_id in (willing, unwilling, undecided):
            await tell(running, registered(patient_id), act_closed(patient_id))
        secretary = running.client(["secretary"])

        async def waiting() -> bool:
            return bool((await secretary.get("/searches/counts"))["awaiting_consent"] == 3)

        await eventually(waiting)
        late = NOW + timedelta(hours=6)
        await followed(
            running, answered(willing, "yes", occurred_at=late), answered(unwilling, "no", occurred_at=late),
            answered(undecided, "later", occurred_at=late),
        )  # fmt: skip
        states = [(await secretary.get(f"/patients/{one}/search"))["search"]["state"] for one in (willing, unwilling, undecided)]
        assert states == ["active", "declined", "awaiting_consent"]
        told = await told_by_us(running.database)
        assert (told.count("SearchActivated"), told.count("SearchDeclined")) == (1, 1)
        with pytest.raises(NotFound):
            await running.client(["coordinator"], territory="ailleurs").get(f"/patients/{willing}/search")
        assert (await running.client(["coordinator"], territory="ailleurs").get("/searches"))["items"] == []


async def test_two_acts_at_the_same_moment_open_one_search(make_database: MakeDatabase) -> None:
    database = await make_database("orientation")
    patient_id = new_id()

    async def learn(event: ActClosed | PatientRegistered) -> None:
        async with database.transaction() as tx:
            if isinstance(event, ActClosed):
                await handlers.on_act_closed(event, tx, now=NOW)
            else:
                await handlers.on_patient_registered(event, tx, now=NOW)

    await asyncio.gather(*(learn(event) for event in (act_closed(patient_id), act_closed(patient_id), registered(patient_id))))
    assert await told_by_us(database) == ["SearchOpened"]


async def test_the_database_itself_refuses_a_second_live_search(make_database: MakeDatabase) -> None:
    database = await make_database("orientation")
    patient_id = new_id()
    insert = """
        INSERT INTO search (search_id, patient_id, territory_id, request_id, state, number, opened_at, changed_at)
        VALUES (gen_random_uuid(), $1, 'bievre', gen_random_uuid(), $2, $3, now(), now())
    """
    async with database.transaction() as tx:
        await tx.sql.execute("INSERT INTO patient (patient_id, territory_id) VALUES ($1, 'bievre')", patient_id)
        await tx.sql.execute(insert, patient_id, "active", 1)
    with pytest.raises(asyncpg.UniqueViolationError):
        async with database.transaction() as tx:
            await tx.sql.execute(insert, patient_id, "awaiting_consent", 2)
