"""Identities: found with forgiveness, shown with a trace, stored as ciphertext only, absent from every event."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.intake.app import build
from shared.clock import ClockFile
from shared.errors import Stale
from shared.events.intake import PatientRegistered
from shared.testing.fixtures import Running, RunningService, eventually
from tests.integration.intake.given import ODETTE, PHONE, PLACE, Desk, told
from tests.unit.intake.given import MINUTE, TUESDAY_10

PLANTED = (
    "Marchandeau",
    "MARCHANDEAU",
    "Zéphyrine",
    "ZEPHYRINE",
    "1985-03-12",
    "0639984118",
    PHONE,
    "rue Exemple",
    "gorge en feu",
    "sa fille Anne",
)


async def searched(desk: Desk, **said: Any) -> list[str]:
    return [item["patient_id"] for item in (await desk.her.post("/patients/search", json=said))["items"]]


async def test_a_person_is_found_as_she_is_said(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        desk = Desk.of(intake)
        first = await desk.patient()
        other = await desk.patient(birth_name="Dupont", first_name="Jean-Éric", birth_date="1951-07-02", sex="M", phone="01 99 00 12 12")
        for said in (
            {"birth_date": "1985-03-12"},
            {"name": "marchandeau zephyrine"},
            {"name": "MARCHANDO"},
            {"phone": "+33 6 39 98 41 18"},
            {"birth_date": "1985-03-12", "name": "Marchandot"},
        ):
            assert await searched(desk, **said) == [first], said
        assert await searched(desk, name="Dupond Jean Eric") == [other]
        assert await searched(desk, birth_date="1985-12-03") == []
        assert (await intake.client(["secretary"], territory="ailleurs").post("/patients/search", json={"name": "Marchandeau"}))[
            "items"
        ] == []


async def test_homonyms_are_listed_and_marked_never_chosen(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        desk = Desk.of(intake)
        mother = await desk.patient(birth_date="1955-03-12", first_name="Marie")
        daughter = await desk.patient(first_name="Léa")
        found = (await desk.her.post("/patients/search", json={"phone": PHONE}))["items"]
        assert {item["patient_id"]: item["homonym"] for item in found} == {mother: True, daughter: True}


async def test_many_are_registered_at_once_and_nobody_waits_for_another(running_service: RunningService) -> None:
    """More callers than the pool has connections: each needs one, and one only."""
    async with running_service(build, "intake") as intake:
        desk = Desk.of(intake)
        async with asyncio.timeout(5):  # the pool gives up after ten
            registered = await asyncio.gather(*(desk.patient(first_name=f"Léa {chr(97 + n)}") for n in range(24)))
        assert len(set(registered)) == 24


async def test_another_process_learns_of_a_new_person(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        desk = Desk.of(intake)
        patient_id = await desk.patient()
        async with running_service(build, "intake", on_database=intake.database.url) as second:
            there = Desk.of(second)
            assert await searched(there, name="Marchandeau") == [patient_id]
            added = await desk.patient(birth_name="Quintrec", birth_date="1970-01-31", phone=None)

            async def known() -> bool:
                return await searched(there, name="Quintrec") == [added]

            await eventually(known)


async def test_the_directory_reads_again_after_a_lost_connection(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        desk = Desk.of(intake)
        async with running_service(build, "intake", on_database=intake.database.url) as second:
            there = Desk.of(second)
            async with intake.database.transaction() as tx:
                cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'recours-intake-directory'"
                assert await tx.sql.fetchval(f"{cut} AND datname = current_database()") == 2
            added = await desk.patient()

            async def known() -> bool:
                return await searched(there, birth_date="1985-03-12") == [added]

            await eventually(known)


async def test_a_file_is_corrected_with_the_version_seen(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        desk = Desk.of(intake)
        patient_id = await desk.patient()
        same = await desk.her.put(f"/patients/{patient_id}", json={**ODETTE, "used_name": "Le Goff"}, if_match=1)
        assert (same["version"], same["display_name"]) == (1, "Zéphyrine Le Goff")
        assert await searched(desk, name="Le Goff") == [patient_id]
        moved = await desk.her.put(f"/patients/{patient_id}", json={**ODETTE, "commune": "94065", "ald": True})
        assert (moved["version"], moved["commune_name"], moved["ald"]) == (2, "Rungis", True)
        with pytest.raises(Stale):
            await desk.her.put(f"/patients/{patient_id}", json=ODETTE, if_match=1)
        assert await told(intake) == ["PatientRegistered", "PatientRegistered"]


async def test_a_point_leaves_as_a_200_m_cell(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        await Desk.of(intake).patient(lon=2.3532, lat=48.7669)
        async with intake.database.reading() as sql:
            body = await sql.fetchval("SELECT body FROM outbox WHERE event_type = 'intake.PatientRegistered.v1'")
        assert PatientRegistered.read(body).cell == "652500:6852100"


async def test_each_look_at_an_identity_is_logged_once_an_hour(running_service: RunningService, clock_file: Path) -> None:
    clock = ClockFile(clock_file)
    clock.stand_at(TUESDAY_10)
    async with running_service(build, "intake", RECOURS_CLOCK_FILE=str(clock_file)) as intake:
        desk = Desk.of(intake)
        shown = await desk.a_qualified_request(limits={"who_opens": "sa fille Anne"})
        request_id, patient_id = shown["request_id"], shown["patient_id"]
        gp = intake.client(["gp"])
        page = {"request_ids": [request_id], "patient_ids": [patient_id], "purpose": "gp_day"}
        answer = await gp.post("/identities", json=page)
        known = answer["requests"][request_id]
        assert (known["display_name"], known["place"], known["callback_number"]) == ("Zéphyrine Marchandeau", PLACE, PHONE)
        assert (known["caller_on_line"], known["secretary_initials"], known["who_opens"]) == (True, "SM", "sa fille Anne")
        assert {one["answer"] for one in known["answers"]} == {"no"}
        assert len(known["answers"]) == 7
        assert "respirer" in known["answers"][0]["question"]
        assert answer["patients"][patient_id]["birth_date"] == "1985-03-12"
        coordinator = intake.client(["coordinator"])
        assert (await coordinator.post("/identities", json={**page, "purpose": "orientation"}))["requests"][request_id]["words"] is None
        await gp.post("/identities", json=page)
        assert await looks(intake, gp.principal.sub) == [("patient", patient_id, "gp_day"), ("request", request_id, "gp_day")]
        clock.stand_at(TUESDAY_10 + 60 * MINUTE)
        await gp.post("/identities", json=page)
        assert len(await looks(intake, gp.principal.sub)) == 4
        assert ("patient", patient_id, "orientation") in await looks(intake, coordinator.principal.sub)
        await desk.her.post("/patients/search", json={"name": "Marchandeau"})
        assert ("patient", patient_id, "search") in await looks(intake, desk.her.principal.sub)
        async with intake.database.transaction() as tx:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await tx.sql.execute("DELETE FROM identity_read")


async def looks(intake: Running, reader: UUID) -> list[tuple[str, str, str]]:
    async with intake.database.reading() as sql:
        rows = await sql.fetch("SELECT subject_kind, subject_id, purpose FROM identity_read WHERE reader = $1 ORDER BY 1, id", reader)
    return [(row["subject_kind"], str(row["subject_id"]), row["purpose"]) for row in rows]


async def test_the_database_holds_ciphertext_only(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        desk = Desk.of(intake)
        shown = await desk.a_qualified_request(since="deux jours", limits={"who_opens": "sa fille Anne"}, raised_to="advice")
        doctor = intake.client(["gp"], initials="HA")
        await doctor.post(f"/requests/{shown['request_id']}/decision", json={"decision": "advice_only", "words": "gorge en feu : repos"})
        early = await desk.opened(await desk.answered())
        await desk.step0(early, consciousness="unknown")
        await desk.her.post(f"/requests/{early}/handover", json={})
        await desk.her.post(f"/requests/{early}/handover/answer", json={"arm_label": "sa fille Anne", "file_no": "12"})
        everything = await dump(intake)
        assert str(shown["patient_id"]).encode() in everything, "the dump sees what is in clear"
        for planted in PLANTED:
            assert planted.encode() not in everything, planted
        assert (await desk.get(shown["request_id"]))["advice"]["doctor_words"] == "gorge en feu : repos"


async def dump(intake: Running) -> bytes:
    """Every column of every table, as text and as raw bytes: what a thief of the database reads."""
    parts: list[bytes] = []
    async with intake.database.reading() as sql:
        tables = [
            row["table_name"] for row in await sql.fetch("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        ]
        for table in tables:
            for row in await sql.fetch(f'SELECT * FROM "{table}"'):  # noqa: S608  # names from the catalogue
                parts += [value if isinstance(value, bytes) else str(value).encode() for value in row.values()]
    return b"\n".join(parts)
