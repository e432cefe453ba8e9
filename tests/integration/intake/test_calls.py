"""A call from the first ring to its end, through HTTP, with real servers."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from services.intake.app import build
from shared.clock import ClockFile
from shared.errors import Forbidden, Malformed, NotFound, Refused, Stale
from shared.events.intake import RequestQualified
from shared.testing.fixtures import RunningService
from tests.integration.intake.given import CALM_Q02, ODETTE, PHONE, Desk, told
from tests.unit.intake.given import TUESDAY_10


async def test_a_call_is_qualified_and_scheduling_gets_all_it_needs(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        desk = Desk.of(intake)
        patient_id = await desk.patient()
        call_id = await desk.ringing()
        taken = await desk.her.post(f"/calls/{call_id}/answer")
        assert (taken["state"], taken["phone"], [match["patient_id"] for match in taken["matches"]]) == ("talking", PHONE, [patient_id])
        request_id = await desk.opened(call_id)
        screened = await desk.step0(request_id)
        assert (screened["state"], screened["screening"]["result"], screened["commune"]) == ("screened", "clear", "94021")
        shown = await desk.qualified(request_id, patient_id, since="hier", limits={"camera": True, "who_opens": "sa fille"})
        told_scheduling = RequestQualified.model_validate(shown["qualified"])
        assert (told_scheduling.urgency, told_scheduling.modes, told_scheduling.without_mt) == (
            "within_48h",
            ["surgery", "teleconsultation"],
            True,
        )
        assert (told_scheduling.commune, told_scheduling.age_band, told_scheduling.allocation) == ("94021", "18-69y", "assisted")
        assert told_scheduling.version == shown["version"] == 3
        assert (shown["state"], shown["owner"], shown["step0"]["words"], shown["who_opens"]) == (
            "qualified",
            "desk",
            "gorge en feu depuis hier, dit Zéphyrine",
            "sa fille",
        )
        assert len(shown["safety_net"]) == 2
        assert shown["protocol_signed"] is False
        await desk.her.post(f"/requests/{request_id}/recap-done")
        await desk.her.post(f"/requests/{request_id}/mt-help", json={"answer": "yes"})
        ended = await desk.her.post(f"/calls/{call_id}/end", json={})
        assert (ended["state"], ended["request_ids"]) == ("ended", [request_id])
        assert await told(intake) == [
            "PatientRegistered",
            "CallReceived",
            "CallAnswered",
            "RequestReceived",
            "RequestScreened",
            "RequestQualified",
            "MtHelpAnswered",
            "AllocationDelegated",
            "CallEnded",
        ]
        assert (await desk.get(request_id))["owner"] == "scheduling"
        counts = await desk.her.get("/desk")
        assert (counts["waiting"], counts["my_calls_today"], counts["tasks_count"]) == (0, 1, 0)


async def test_a_repeated_command_is_done_once(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        desk = Desk.of(intake)
        call_id = await desk.ringing()
        again = await desk.her.post("/hooks/telephony", json={"call_id": call_id, "event": "ringing", "phone": PHONE})
        assert again["state"] == "ringing"
        first = await desk.her.post("/patients", json=ODETTE, idempotency_key="one-patient")
        second = await desk.her.post("/patients", json=ODETTE, idempotency_key="one-patient")
        assert first == second
        await desk.her.post(f"/calls/{call_id}/answer")
        await desk.her.post(f"/calls/{call_id}/answer")
        request_id = await desk.opened(call_id)
        await desk.her.post("/requests", json={"request_id": request_id, "call_id": call_id, "origin": "patient"})
        with pytest.raises(Refused, match="request") as taken:
            await desk.her.post("/requests", json={"request_id": request_id, "call_id": None, "origin": "patient"})
        assert taken.value.code == "request_exists"
        assert await told(intake) == ["CallReceived", "PatientRegistered", "CallAnswered", "RequestReceived"]


async def test_two_secretaries_do_not_take_the_same_call(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        first, second = Desk.of(intake), Desk.of(intake)
        call_id = await first.answered()
        with pytest.raises(Refused) as taken:
            await second.her.post(f"/calls/{call_id}/answer")
        assert (taken.value.code, taken.value.extra["taken_by_initials"]) == ("call_taken", "SM")


async def test_the_confirming_no_stays_with_the_answers_it_confirmed(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        desk = Desk.of(intake)
        request_id = await desk.opened(await desk.answered())
        confirmed = await desk.step0(request_id, breathing="yes", confirmed_not_now=True)
        assert confirmed["screening"]["result"] == "advice"
        edited = await desk.her.put(f"/requests/{request_id}/step0", json={"place": "12 rue Exemple, Fresnes"})
        assert (edited["screening"]["result"], edited["step0"]["place"], edited["commune"]) == (
            "advice",
            "12 rue Exemple, Fresnes",
            "94034",
        )
        worse = await desk.her.put(f"/requests/{request_id}/step0", json={"consciousness": "unknown"})
        assert (worse["screening"]["result"], worse["urgency"]) == ("red_flag", "red_flag")


async def test_the_telephone_system_does_not_read_numbers(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        ring = {"call_id": str(uuid4()), "event": "ringing", "phone": PHONE}
        assert (await intake.client(["telephony"]).post("/hooks/telephony", json=ring))["phone"] is None
        assert (await Desk.of(intake).her.get("/calls"))["items"][0]["phone"] == PHONE


async def test_a_call_does_not_end_with_a_request_left_in_the_air(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        desk = Desk.of(intake)
        call_id = await desk.answered()
        request_id = await desk.opened(call_id)
        await desk.step0(request_id)
        with pytest.raises(Refused) as refused:
            await desk.her.post(f"/calls/{call_id}/end", json={})
        assert (refused.value.code, refused.value.extra["request_ids"]) == ("request_without_outcome", [request_id])
        await desk.her.post("/hooks/telephony", json={"call_id": call_id, "event": "hung_up"})
        assert (await desk.get(request_id))["state"] == "recontact_due"
        (task,) = (await desk.her.get("/tasks"))["items"]
        assert (task["kind"], task["subject_id"]) == ("recontact", request_id)
        await desk.her.post(f"/tasks/recontact/{request_id}/done", json={"note_code": "information"})
        assert (await desk.get(request_id))["outcome"] == "information"


async def test_an_abandoned_call_is_rung_back_twice(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        desk = Desk.of(intake)
        call_id = await desk.ringing()
        hidden = await desk.ringing(None)
        for one in (call_id, hidden):
            await desk.her.post("/hooks/telephony", json={"call_id": one, "event": "hung_up"})
        (task,) = (await desk.her.get("/tasks"))["items"]
        assert (task["kind"], task["call_id"]) == ("abandoned", call_id)
        await desk.her.post(f"/calls/{call_id}/abandoned-done", json={"reached": False})
        assert (await desk.her.get("/calls", params={"state": "abandoned"}))["items"][0]["redial_tries"] == 1
        await desk.her.post(f"/tasks/abandoned/{call_id}/done", json={"note_code": "not_reached"})
        assert (await desk.her.get("/tasks"))["items"] == []


async def test_a_promise_to_call_back_is_a_task_with_its_hour(running_service: RunningService, clock_file: Path) -> None:
    clock = ClockFile(clock_file)
    clock.stand_at(TUESDAY_10)
    async with running_service(build, "intake", RECOURS_CLOCK_FILE=str(clock_file)) as intake:
        desk = Desk.of(intake)
        request_id = await desk.opened(await desk.answered())
        due_at = (TUESDAY_10 + timedelta(minutes=20)).isoformat()
        shown = await desk.her.post(f"/requests/{request_id}/callback", json={"due_at": due_at})
        assert (shown["state"], shown["owner"]) == ("callback_promised", "desk")
        (task,) = (await desk.her.get("/tasks"))["items"]
        assert task["kind"] == "callback"
        await desk.her.post(f"/tasks/callback/{request_id}/done", json={})
        assert (await desk.get(request_id))["state"] == "received"


async def test_lists_are_read_page_by_page_and_edits_need_the_version_seen(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        desk = Desk.of(intake)
        ids = [await desk.opened() for _ in range(5)]
        found: list[str] = []
        after = None
        for _ in range(3):
            page = await desk.her.get("/requests", params={"open": "true", "limit": 2, "after": after})
            found += [item["request_id"] for item in page["items"]]
            after = page["next"]
        assert sorted(found) == sorted(ids)
        assert after is None
        with pytest.raises(Stale):
            await desk.her.post(f"/requests/{ids[0]}/cancel", json={"cause": "by_patient"}, if_match=7)
        await desk.her.post(f"/requests/{ids[0]}/cancel", json={"cause": "by_patient"}, if_match=1)
        stale = await desk.her.get(f"/requests/{ids[1]}", params={"min_version": f"{ids[1]}:2"})
        assert stale["stale"] is True


async def test_who_may_and_where(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        desk = Desk.of(intake)
        shown = await desk.a_qualified_request()
        request_id, patient_id, call_id = shown["request_id"], shown["patient_id"], shown["call_id"]
        gp = intake.client(["gp"])
        assert (await gp.get(f"/requests/{request_id}"))["step0"]["words"] is None
        with pytest.raises(Forbidden):
            await gp.post(f"/requests/{request_id}/cancel", json={"cause": "by_patient"})
        with pytest.raises(Forbidden):
            await gp.post("/patients/search", json={"name": "Marchandeau"})
        with pytest.raises(Forbidden):
            await desk.her.post(f"/requests/{request_id}/decision", json={"decision": "advice_only"})
        with pytest.raises(Forbidden):
            await intake.client(["ops"]).get(f"/patients/{patient_id}")
        foreign = intake.client(["secretary", "duty_doctor", "telephony"], territory="ailleurs")
        for hidden in (f"/requests/{request_id}", f"/calls/{call_id}", f"/patients/{patient_id}", "/protocol"):
            with pytest.raises(NotFound):
                await foreign.get(hidden)
        for path, body in (
            (f"/requests/{request_id}/qualify", {"patient_id": patient_id, "reason": "Q02", "answers": CALM_Q02}),
            (f"/requests/{request_id}/handover", {}),
            (f"/requests/{request_id}/decision", {"decision": "advice_only"}),
            (f"/requests/{request_id}/close", {"outcome": "information"}),
            (f"/requests/{request_id}/mt-help", {"answer": "yes"}),
            (f"/calls/{call_id}/end", {}),
            (f"/tasks/check_15/{request_id}/done", {}),
            ("/hooks/telephony", {"call_id": call_id, "event": "hung_up"}),
        ):
            with pytest.raises(NotFound):
                await foreign.post(path, json=body)
        for path, body in ((f"/patients/{patient_id}", ODETTE), (f"/requests/{request_id}/step0", {"breathing": "no"})):
            with pytest.raises(NotFound):
                await foreign.put(path, json=body)
        assert (await foreign.get("/requests"))["items"] == []
        identities = {"request_ids": [request_id], "patient_ids": [patient_id], "purpose": "test"}
        assert await foreign.post("/identities", json=identities) == {"requests": {}, "patients": {}}
        with pytest.raises(NotFound):
            await desk.her.get(f"/requests/{uuid4()}")
        with pytest.raises(Malformed):
            await desk.her.post("/patients/search", json={"name": " "})
