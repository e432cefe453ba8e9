"""One slot, one person: over HTTP, held, taken, refused, in another territory, and with servers away."""

from datetime import timedelta
from uuid import UUID

import pytest

from shared.errors import Forbidden, NotFound, RecoursError
from shared.ids import new_id
from tests.integration.scheduling.conftest import ADJOINT, OTHER, SEVEN, TITULAIRE, Opened, a_qualified, body

BOOKED, RELEASED, HELD = "scheduling.AppointmentBooked.v1", "scheduling.SlotReleased.v1", "scheduling.SlotHeld.v1"


async def test_the_secretary_books_what_she_was_shown(open_desk: Opened) -> None:
    async with open_desk() as desk:
        qualified = a_qualified()
        shown = await desk.proposals(qualified)
        assert [item["rank"] for item in shown] == list(range(1, len(shown) + 1))
        assert all(len(item["why_text"].split()) <= 8 for item in shown)
        booked = await desk.book(qualified, shown[2]["slot_id"])
        assert (booked["starts_at"], booked["rank"], booked["why"]) == (shown[2]["starts_at"], 3, shown[2]["why"])
        [event] = await desk.recorded(BOOKED)
        assert (event["appointment_id"], event["version"], event["path"]) == (booked["appointment_id"], booked["version"], "assisted")
        stored = "SELECT count(*) FROM proposal WHERE request_id = $1 AND shown_to = $2"
        assert await desk.sql(stored, qualified.request_id, desk.secretary.principal.sub) == len(shown)


async def test_a_second_booking_of_a_request_gets_its_appointment(open_desk: Opened) -> None:
    async with open_desk() as desk:
        qualified = a_qualified()
        first, second, *_ = await desk.proposals(qualified)
        booked = await desk.book(qualified, first["slot_id"])
        with pytest.raises(RecoursError) as refused:
            await desk.book(qualified, second["slot_id"])
        assert refused.value.code == "already_booked"
        assert refused.value.extra["appointment"]["appointment_id"] == booked["appointment_id"]


async def test_a_repeated_key_books_once(open_desk: Opened) -> None:
    async with open_desk() as desk:
        qualified = a_qualified()
        [first, *_] = await desk.proposals(qualified)
        command = {"request_id": str(qualified.request_id), "qualified": body(qualified), "slot_id": first["slot_id"]}
        answers = [await desk.secretary.post("/appointments", json=command, idempotency_key="k1") for _ in range(2)]
        assert answers[0] == answers[1]
        assert len(await desk.recorded(BOOKED)) == 1


async def test_a_held_slot_is_for_its_caller_and_expires(open_desk: Opened) -> None:
    async with open_desk() as desk:
        qualified, other = a_qualified(), a_qualified()
        [first, second, *_] = await desk.proposals(qualified)
        held = await desk.secretary.post("/holds", json={"request_id": str(qualified.request_id), "slot_id": first["slot_id"]})
        colleague = desk.service.client(["secretary"], initials="MB")
        with pytest.raises(RecoursError) as taken:
            await desk.book(other, first["slot_id"], by=colleague)
        assert (taken.value.code, taken.value.extra["taken_by_initials"]) == ("slot_taken", "SG")
        assert taken.value.extra["proposals"][0]["slot_id"] != first["slot_id"]
        with pytest.raises(RecoursError) as held_by_other:
            await colleague.post("/holds", json={"request_id": str(other.request_id), "slot_id": first["slot_id"]})
        assert held_by_other.value.extra["taken_by_initials"] == "SG"
        again = await desk.proposals(qualified)
        assert next(item for item in again if item["slot_id"] == first["slot_id"])["held_by_initials"] == "SG"
        # another slot for the same caller gives the first back
        await desk.secretary.post("/holds", json={"request_id": str(qualified.request_id), "slot_id": second["slot_id"]})
        assert [event["cause"] for event in await desk.recorded(RELEASED)] == ["given_back"]
        assert held["expires_at"] == (SEVEN + timedelta(minutes=3)).isoformat().replace("+00:00", "Z")
        await desk.tick(SEVEN + timedelta(minutes=3, seconds=1))
        assert [event["cause"] for event in await desk.recorded(RELEASED)] == ["given_back", "expired"]
        assert (await desk.book(other, second["slot_id"], by=colleague))["booked_by_initials"] == "MB"


async def test_an_expired_hold_is_in_nobodys_way_before_the_timer_runs(open_desk: Opened) -> None:
    async with open_desk() as desk:
        qualified = a_qualified()
        [first, *_] = await desk.proposals(qualified)
        await desk.secretary.post("/holds", json={"request_id": str(new_id()), "slot_id": first["slot_id"]})
        async with desk.service.database.transaction() as tx:  # the timer never comes
            await tx.sql.execute("DELETE FROM due_work")
        desk.clock.stand_at(SEVEN + timedelta(minutes=4))
        assert first["slot_id"] in [item["slot_id"] for item in await desk.proposals(qualified)]
        await desk.book(qualified, first["slot_id"])
        assert [event["cause"] for event in await desk.recorded(RELEASED)] == ["expired"]


async def test_booking_the_held_slot_ends_the_hold_without_a_release(open_desk: Opened) -> None:
    async with open_desk() as desk:
        qualified = a_qualified()
        [first, *_] = await desk.proposals(qualified)
        hold = await desk.secretary.post("/holds", json={"request_id": str(qualified.request_id), "slot_id": first["slot_id"]})
        await desk.book(qualified, first["slot_id"])
        assert await desk.recorded(RELEASED) == []
        with pytest.raises(NotFound):
            await desk.secretary.delete(f"/holds/{hold['hold_id']}")
        await desk.tick(SEVEN + timedelta(minutes=5))
        assert await desk.sql("SELECT blocked_until = 'infinity' FROM slot WHERE id = $1", UUID(first["slot_id"]))


async def test_a_slot_after_the_clinical_limit_is_refused(open_desk: Opened) -> None:
    async with open_desk() as desk:
        late = (await desk.free_slots("surgery", TITULAIRE))[-1]
        qualified = a_qualified(urgency="same_day", see_by=SEVEN + timedelta(hours=2))
        with pytest.raises(RecoursError) as refused:
            await desk.book(qualified, late["slot_id"])
        assert refused.value.code == "too_late"
        with pytest.raises(RecoursError) as wrong_mode:
            await desk.book(a_qualified(modes=["teleconsultation"]), late["slot_id"])
        assert (wrong_mode.value.code, wrong_mode.value.extra["rule"]) == ("not_feasible", "mode_not_asked")


async def test_a_visit_is_told_as_a_window_and_two_visits_never_share_a_place(open_desk: Opened) -> None:
    async with open_desk() as desk:
        taken: set[str] = set()
        for _ in range(11):  # 4 + 3 + 4 places
            qualified = a_qualified(modes=["visit"], see_by=SEVEN + timedelta(hours=13), flags=["reduced_mobility"])
            [first, *_] = await desk.proposals(qualified)
            booked = await desk.book(qualified, first["slot_id"])
            assert booked["window_starts_at"] < booked["starts_at"] < booked["window_ends_at"]
            assert booked["window_starts_at"] <= booked["planned_at"] <= booked["window_ends_at"]
            assert booked["travel_minutes"] >= 10
            taken.add(first["slot_id"])
        assert len(taken) == 11
        full = a_qualified(modes=["visit"], see_by=SEVEN + timedelta(hours=13))
        shown = await desk.secretary.post(f"/requests/{full.request_id}/proposals", json={"qualified": body(full)})
        assert (shown["items"], shown["total"], shown["none_before"] is not None) == ([], 0, True)
        day = (await desk.gp(ADJOINT).get(f"/practitioners/{ADJOINT}/day", params={"on": "2026-03-02"}))["items"]
        assert len(day) == 3 and [item["planned_at"] for item in day] == sorted(item["planned_at"] for item in day)
        assert {item["supervisor_name"] for item in day} == {"Dr Aube Martel"}
        assert {item["billing_practitioner_id"] for item in day} == {str(TITULAIRE)}


async def test_twelve_videos_a_day_for_a_billing_doctor(open_desk: Opened) -> None:
    async with open_desk() as desk:
        today = SEVEN + timedelta(hours=13)
        doctors = []
        for _ in range(24):  # the adjoint's count on the titulaire's number
            qualified = a_qualified(modes=["teleconsultation"], see_by=today)
            [first, *_] = await desk.proposals(qualified)
            doctors.append((await desk.book(qualified, first["slot_id"]))["billing_practitioner_id"])
        assert {doctor: doctors.count(doctor) for doctor in doctors} == dict.fromkeys(doctors, 12)
        one_more = a_qualified(modes=["teleconsultation"], see_by=today)
        assert await desk.proposals(one_more) == []
        [left, *_] = await desk.free_slots("teleconsultation", TITULAIRE)
        with pytest.raises(RecoursError) as capped:
            await desk.book(one_more, left["slot_id"])
        assert capped.value.extra["rule"] == "video_cap"


async def test_cancelling_frees_the_slot_for_the_next(open_desk: Opened) -> None:
    async with open_desk() as desk:
        qualified, other = a_qualified(), a_qualified()
        [first, *_] = await desk.proposals(qualified)
        booked = await desk.book(qualified, first["slot_id"])
        for _ in range(2):
            gone = await desk.secretary.post(f"/appointments/{booked['appointment_id']}/cancel", json={"cause": "by_patient"})
            assert (gone["state"], gone["cancel_cause"]) == ("cancelled", "by_patient")
        assert [e["cause"] for e in await desk.recorded("scheduling.AppointmentCancelled.v1")] == ["by_patient"]
        assert (await desk.book(other, first["slot_id"]))["slot_id"] == first["slot_id"]
        assert (await desk.book(qualified, (await desk.proposals(qualified))[0]["slot_id"]))["version"] == 3


async def test_a_doctor_who_cancels_leaves_nobody_without_a_slot(open_desk: Opened) -> None:
    async with open_desk() as desk:
        qualified = a_qualified()
        [first, *_] = await desk.proposals(qualified)
        booked = await desk.book(qualified, first["slot_id"])
        await desk.secretary.post(f"/appointments/{booked['appointment_id']}/cancel", json={"cause": "by_practitioner"})
        now = await desk.secretary.get(f"/requests/{qualified.request_id}/appointment")
        assert (now["state"], now["path"]) == ("booked", "automatic") and now["appointment_id"] != booked["appointment_id"]


async def test_another_territory_finds_nothing(open_desk: Opened) -> None:
    async with open_desk() as desk:
        qualified = a_qualified()
        [first, *_] = await desk.proposals(qualified)
        booked = await desk.book(qualified, first["slot_id"])
        hold = await desk.secretary.post(
            "/holds", json={"request_id": str(new_id()), "slot_id": (await desk.free_slots("surgery"))[0]["slot_id"]}
        )
        stranger = desk.service.client(["secretary", "gp", "admin"], territory="ailleurs", practitioner_id=TITULAIRE)
        appointment, there = f"/appointments/{booked['appointment_id']}", f"/practitioners/{TITULAIRE}"
        command = {"request_id": str(qualified.request_id), "slot_id": first["slot_id"]}
        foreign = qualified.model_copy(update={"territory_id": "ailleurs"})
        for method, path, arguments in (
            ("get", appointment, {}), ("get", f"/requests/{qualified.request_id}/appointment", {}), ("get", there, {}),
            ("get", f"{there}/day", {"params": {"on": "2026-03-02"}}), ("delete", f"/holds/{hold['hold_id']}", {}),
            ("post", f"{appointment}/cancel", {"json": {"cause": "by_patient"}}),
            ("post", f"{appointment}/outcome", {"json": {"outcome": "seen"}}),
            ("post", "/holds", {"json": {"request_id": str(new_id()), "slot_id": first["slot_id"]}}),
            ("post", "/appointments", {"json": command | {"qualified": body(qualified)}}),
            ("post", "/appointments", {"json": command | {"qualified": body(foreign)}}),
            ("put", f"{there}/availabilities", {"json": {"items": []}}), ("get", "/agenda/free", {}),
        ):  # fmt: skip
            with pytest.raises(NotFound):
                await getattr(stranger, method)(path, **arguments)
        assert (await stranger.get("/practitioners"))["items"] == []


async def test_who_may_do_what(open_desk: Opened) -> None:
    async with open_desk() as desk:
        qualified = a_qualified()
        [first, *_] = await desk.proposals(qualified)
        booked = await desk.book(qualified, first["slot_id"])
        arm, coordinator = desk.service.client(["arm"]), desk.service.client(["coordinator"])
        with pytest.raises(Forbidden):
            await desk.book(a_qualified(), first["slot_id"], by=arm)
        with pytest.raises(Forbidden):
            await coordinator.post("/holds", json={"request_id": str(new_id()), "slot_id": first["slot_id"]})
        with pytest.raises(Forbidden):
            await desk.secretary.post(f"/appointments/{booked['appointment_id']}/outcome", json={"outcome": "seen"})
        with pytest.raises(Forbidden):
            await desk.secretary.put(f"/practitioners/{TITULAIRE}/availabilities", json={"items": []})
        with pytest.raises(Forbidden):
            await desk.secretary.get("/tariff")
        patient = desk.service.client(["patient", "telephony"])
        for path in (f"/appointments/{booked['appointment_id']}", "/practitioners", "/agenda/free", "/rota/duty"):
            with pytest.raises(Forbidden):
                await patient.get(path)
        today = {"on": "2026-03-02"}
        with pytest.raises(Forbidden):
            await desk.gp(OTHER).get(f"/practitioners/{TITULAIRE}/day", params=today)
        assert (await desk.gp(TITULAIRE).get(f"/practitioners/{ADJOINT}/day", params=today))["items"] is not None


@pytest.mark.parametrize("dead", [{"RECOURS_KAFKA_BOOTSTRAP": "127.0.0.1:9"}, {"RECOURS_REDIS_URL": "redis://127.0.0.1:9/0"}])
async def test_a_caller_is_booked_with_the_broker_or_redis_away(open_desk: Opened, dead: dict[str, str]) -> None:
    async with open_desk(**dead) as desk:
        qualified = a_qualified()
        [first, *_] = await desk.proposals(qualified)
        await desk.secretary.post("/holds", json={"request_id": str(qualified.request_id), "slot_id": first["slot_id"]})
        assert (await desk.book(qualified, first["slot_id"]))["state"] == "booked"
        assert len(await desk.recorded(BOOKED)) == 1
