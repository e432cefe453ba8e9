"""The agenda made from weeks of availability, kept by the night, and the duty rota."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.errors import RecoursError
from shared.ids import new_id
from tests.integration.scheduling.conftest import ADJOINT, MONDAY, OTHER, SEVEN, TITULAIRE, Opened, a_qualified, fill

PUBLISHED = "scheduling.SlotsPublished.v1"


def line(weekday: int, start: str, end: str, mode: str, **fields: Any) -> dict[str, Any]:
    return {"weekday": weekday, "from": start, "to": end, "mode": mode, "valid_from": "2026-01-01"} | fields


async def test_four_weeks_of_slots_and_each_night_one_day_more(open_desk: Opened) -> None:
    async with open_desk(RECOURS_SCHEDULING_HORIZON_DAYS="28") as desk:
        of_titulaire = [event for event in await desk.recorded(PUBLISHED) if event["practitioner_id"] == str(TITULAIRE)]
        assert len(of_titulaire) == 24  # four weeks of six days
        assert {(event["visit"], event["teleconsultation"], event["surgery"]) for event in of_titulaire} == {(4, 19, 3)}
        last = MONDAY + timedelta(days=27)
        assert await desk.sql("SELECT max(on_date) FROM slot") == last - timedelta(days=1)  # the 28th day is a Sunday
        await desk.tick(SEVEN + timedelta(hours=20))  # 03:00 of Tuesday
        assert await desk.sql("SELECT max(on_date) FROM slot") == last + timedelta(days=1)
        versions = [event["version"] for event in await desk.recorded(PUBLISHED) if event["practitioner_id"] == str(TITULAIRE)]
        assert versions == sorted(set(versions))


async def test_the_same_week_again_changes_nothing_and_a_shorter_one_keeps_what_is_booked(open_desk: Opened) -> None:
    async with open_desk() as desk:
        slots = await desk.free_slots("surgery", TITULAIRE)
        await desk.book(a_qualified(), slots[0]["slot_id"])
        await desk.secretary.post("/holds", json={"request_id": str(new_id()), "slot_id": slots[1]["slot_id"]})
        before, told = await desk.sql("SELECT count(*) FROM slot"), len(await desk.recorded(PUBLISHED))
        [visit, *_] = await desk.free_slots("visit", TITULAIRE)
        await desk.book(a_qualified(modes=["visit"]), visit["slot_id"])
        await desk.admin.post("/slots/materialise", json={"from_on": "2026-03-02", "to_on": "2026-03-04"})
        assert await desk.sql("SELECT count(*) FROM slot") == before and len(await desk.recorded(PUBLISHED)) == told
        await desk.admin.put(f"/practitioners/{TITULAIRE}/availabilities", json={"items": [line(2, "09:00", "10:00", "surgery")]})
        left = "SELECT count(*) FROM slot WHERE practitioner_id = $1 AND on_date = $2 AND mode = $3"
        assert await desk.sql(left, TITULAIRE, MONDAY, "surgery") == 2
        assert await desk.sql(left, TITULAIRE, MONDAY, "visit") == 1
        assert await desk.sql("SELECT count(*) FROM period WHERE practitioner_id = $1 AND kind = 'round'", TITULAIRE) == 1


async def test_the_same_team_again_says_nothing(open_desk: Opened) -> None:
    async with open_desk() as desk:
        told = [len(await desk.recorded(name)) for name in (PUBLISHED, "scheduling.PractitionerRegistered.v1")]
        await fill(desk.admin)
        assert [len(await desk.recorded(name)) for name in (PUBLISHED, "scheduling.PractitionerRegistered.v1")] == told == [9, 3]


async def test_two_lines_at_one_hour_are_refused(open_desk: Opened) -> None:
    async with open_desk() as desk:
        week = [line(1, "09:00", "11:00", "surgery"), line(1, "10:30", "12:00", "visit")]
        with pytest.raises(RecoursError) as refused:
            await desk.admin.put(f"/practitioners/{TITULAIRE}/availabilities", json={"items": week})
        assert refused.value.code == "availability_overlaps"


async def test_a_doctor_of_two_territories_is_never_in_both(open_desk: Opened) -> None:
    """The exclusion knows the doctor, not the territory; here the second territory's booking is made in the table itself."""
    async with open_desk() as desk:
        [slot, *_] = await desk.free_slots("surgery", TITULAIRE)
        async with desk.service.database.transaction() as tx:
            await tx.sql.execute(
                """INSERT INTO period (id, territory_id, practitioner_id, kind, during, slot_id, request_id)
                   SELECT $1, 'ailleurs', practitioner_id, 'appointment', tstzrange(starts_at, ends_at), $1, $1 FROM slot WHERE id = $2""",
                new_id(), UUID(slot["slot_id"]),
            )  # fmt: skip
        with pytest.raises(RecoursError) as taken:
            await desk.book(a_qualified(), slot["slot_id"])
        assert taken.value.code == "slot_taken"


async def test_protected_slots_are_for_the_same_day_and_open_two_hours_before(open_desk: Opened) -> None:
    async with open_desk(week=[line(day, "17:00", "18:00", "surgery", protected=1) for day in (1, 2)]) as desk:

        def starts(shown: list[dict[str, Any]]) -> set[str]:
            return {item["starts_at"][:16] for item in shown}

        soon = a_qualified(see_by=SEVEN + timedelta(hours=13))
        urgent = a_qualified(urgency="same_day", see_by=SEVEN + timedelta(hours=13))
        assert starts(await desk.proposals(soon)) == {"2026-03-02T16:00", "2026-03-02T16:20"}
        assert starts(await desk.proposals(urgent)) == {"2026-03-02T16:00", "2026-03-02T16:20", "2026-03-02T16:40"}
        desk.clock.stand_at(SEVEN + timedelta(hours=8, minutes=40))
        assert "2026-03-02T16:40" in starts(await desk.proposals(soon))


async def test_the_agenda_and_what_is_free(open_desk: Opened) -> None:
    async with open_desk() as desk:
        slots = await desk.free_slots("surgery", OTHER)
        await desk.book(a_qualified(), slots[0]["slot_id"])
        await desk.secretary.post("/holds", json={"request_id": str(new_id()), "slot_id": slots[1]["slot_id"]})
        agenda = await desk.secretary.get("/agenda", params={"from_on": "2026-03-02", "to_on": "2026-03-02"})
        [doctor] = [doctor for doctor in agenda["practitioners"] if doctor["id"] == str(OTHER)]
        surgery = [(slot["state"], slot["held_by_initials"]) for slot in doctor["slots"] if slot["mode"] == "surgery"]
        assert surgery == [("booked", None), ("held", "SG"), ("free", None)]
        free = await desk.secretary.get("/agenda/free")
        assert free["free_48h"] == {"visit": 22, "teleconsultation": 114, "surgery": 16}
        nine = [hour for hour in free["by_mode_hour"] if (hour["on"], hour["hour"], hour["mode"]) == ("2026-03-02", 9, "surgery")]
        assert [hour["free"] for hour in nine] == [7]


async def test_who_answers_advice_now(open_desk: Opened) -> None:
    async with open_desk() as desk:
        nobody = await desk.secretary.get("/rota/duty")
        assert nobody["practitioner_id"] is None
        morning = {
            "practitioner_id": str(TITULAIRE),
            "deputy_id": str(OTHER),
            "starts_at": "2026-03-02T07:00:00Z",
            "ends_at": "2026-03-02T12:00:00Z",
        }
        evening = {"practitioner_id": str(OTHER), "starts_at": "2026-03-02T12:00:00Z", "ends_at": "2026-03-02T19:15:00Z"}
        for _ in range(2):  # the same rota again says nothing new
            await desk.admin.put("/rota/duty", json={"items": [morning, evening]})
        named = await desk.recorded("scheduling.DutyDoctorNamed.v1")
        assert [event["practitioner_id"] for event in named] == [str(TITULAIRE), str(OTHER)]
        at_nine = await desk.secretary.get("/rota/duty", params={"at": "2026-03-02T08:00:00Z"})
        assert (at_nine["display_name"], at_nine["deputy_name"]) == ("Dr Aube Martel", "Dr Zoé Quint")
        overlapping = [morning, evening | {"starts_at": "2026-03-02T11:00:00Z"}]
        with pytest.raises(RecoursError) as refused:
            await desk.admin.put("/rota/duty", json={"items": overlapping})
        assert refused.value.code == "rota_overlaps"


async def test_a_senior_who_is_not_of_the_pool_is_refused(open_desk: Opened) -> None:
    async with open_desk() as desk:
        doctor = {
            "display_name": "Dr Eve Roux", "rpps": "899700000009", "status": "adjoint", "supervisor_id": str(new_id()),
            "modes": ["surgery"], "commune": "94016", "lon": 2.33, "lat": 48.79,
        }  # fmt: skip
        with pytest.raises(RecoursError) as refused:
            await desk.admin.put(f"/practitioners/{new_id()}", json=doctor)
        assert refused.value.code == "unknown_supervisor"
        alone = new_id()
        await desk.admin.put(f"/practitioners/{alone}", json=doctor | {"supervisor_id": None})
        await desk.admin.put(f"/practitioners/{alone}/availabilities", json={"items": [line(1, "18:00", "19:00", "surgery")]})
        [slot, *_] = await desk.free_slots("surgery", alone)
        assert alone not in {UUID(item["practitioner_id"]) for item in await desk.proposals(a_qualified())}
        with pytest.raises(RecoursError) as unsupervised:
            await desk.book(a_qualified(), slot["slot_id"])
        assert unsupervised.value.extra["rule"] == "no_supervisor"
        assert (await desk.gp(ADJOINT).get(f"/practitioners/{ADJOINT}"))["billing_practitioner_id"] == str(TITULAIRE)
