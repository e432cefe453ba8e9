"""A call through all services: from the ringing to the search for a médecin traitant, in one story that pilotage can tell."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from recours.stack.stack import TemporaryStack
from shared import telemetry
from shared.errors import NotFound
from shared.ids import new_id
from shared.testing.fixtures import eventually
from tests.e2e.people import People


async def qualified(people: People, call_id: str, **patient: Any) -> dict[str, Any]:
    """The call is answered, step 0 is clear, the reason is a rash that video can show; somebody is on the line."""
    request_id = str(new_id())
    await people.ask("secretary", "intake", "POST", f"/calls/{call_id}/answer")
    await people.ask("secretary", "intake", "POST", "/requests", {"request_id": request_id, "call_id": call_id, "origin": "patient"})
    someone = await people.a_patient(**({"birth_date": "1986-05-14"} | patient))  # under 65: the protocol allows video for a known back
    step0 = {
        "caller_role": "patient", "with_patient_now": True, "place": someone["address"], "callback_number": someone["phone"],
        "age_value": 40, "age_unit": "years", "sex": someone["sex"], "commune": someone["commune"], "words": "Une plaque rouge sur le bras",
        "breathing": "no", "consciousness": "no", "chest_or_collapse": "no",
    }  # fmt: skip
    await people.ask("secretary", "intake", "PUT", f"/requests/{request_id}/step0", step0)
    protocol = await people.ask("secretary", "intake", "GET", "/protocol")
    questions = next(one["questions"] for one in protocol["reasons"] if one["code"] == "Q08")
    told = {"patient_id": someone["patient_id"], "reason": "Q08", "answers": {one["id"]: "no" for one in questions}, "since": "hier",
            "assisted": True, "limits": {"can_move": True, "camera": True}}  # fmt: skip
    return await people.ask("secretary", "intake", "POST", f"/requests/{request_id}/qualify", told)


async def proposals(people: People, request: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await people.ask(
        "secretary", "scheduling", "POST", f"/requests/{request['request_id']}/proposals", {"qualified": request["qualified"]}
    )
    items: list[dict[str, Any]] = answer["items"]
    return items


async def a_video(people: People, request: dict[str, Any]) -> dict[str, Any]:
    """The best proposal by video."""
    offered = await proposals(people, request)
    videos = [one for one in offered if one["mode"] == "teleconsultation"]
    assert videos, f"{request['qualified']['modes']}: {[(one['mode'], one['starts_at']) for one in offered]}"
    return videos[0]


async def book(people: People, request: dict[str, Any], proposal: dict[str, Any]) -> dict[str, Any]:
    command = {"request_id": request["request_id"], "qualified": request["qualified"], "slot_id": proposal["slot_id"]}
    return await people.ask("secretary", "scheduling", "POST", "/appointments", command)


async def state_of(people: People, request_id: str) -> str:
    state: str = (await people.ask("secretary", "intake", "GET", f"/requests/{request_id}"))["state"]
    return state


async def test_a_call_goes_through_all_services(people: People) -> None:
    call_id = await people.a_call()
    request = await qualified(people, call_id, mt="none")
    request_id = request["request_id"]
    video = await a_video(people, request)
    hold = await people.ask("secretary", "scheduling", "POST", "/holds", {"request_id": request_id, "slot_id": video["slot_id"]})
    assert hold["expires_at"]
    appointment = await book(people, request, video)
    await people.ask("secretary", "intake", "POST", f"/requests/{request_id}/mt-help", {"answer": "yes"})
    await people.ask("secretary", "intake", "POST", f"/calls/{call_id}/end", {})

    async def booked() -> bool:
        return await state_of(people, request_id) == "booked"

    await eventually(booked)

    async def session() -> Any:
        try:
            return await people.ask("gp", "teleconsult", "GET", f"/sessions/{appointment['appointment_id']}")
        except NotFound:
            return None

    assert (await eventually(session))["starts_at"] == appointment["starts_at"]

    doctor = people.doctor_of(appointment["practitioner_id"])
    closed = await people.ask(doctor, "scheduling", "POST", f"/appointments/{appointment['appointment_id']}/outcome", {"outcome": "seen"})
    assert [act["code"] for act in closed["acts_proposed"]] == ["TCG"]

    async def search() -> Any:
        try:
            return (await people.ask("coordinator", "orientation", "GET", f"/patients/{request['qualified']['patient_id']}/search"))[
                "search"
            ]
        except NotFound:
            return None

    assert (await eventually(search))["state"] == "active"

    async def story() -> Any:
        told = await people.ask("coordinator", "pilotage", "GET", f"/requests/{request_id}/timeline")
        types = {item["type"] for item in told["items"]}
        wanted = {"RequestReceived", "RequestScreened", "RequestQualified", "AppointmentBooked", "SessionOpened", "ActClosed"}
        return wanted <= types

    await eventually(story)

    async def honoured() -> bool:
        return await state_of(people, request_id) == "honoured"

    await eventually(honoured)


async def test_a_red_flag_is_handed_over_with_everything_empty(people: People) -> None:
    request_id = str(new_id())
    await people.ask("secretary", "intake", "POST", "/requests", {"request_id": request_id, "origin": "patient"})
    handed = await people.ask("secretary", "intake", "POST", f"/requests/{request_id}/handover", {"channel": "voice"})
    put = await people.ask("secretary", "regulation", "PUT", f"/cases/{request_id}", handed["case"])
    assert put["state"] == "delivered"
    taken = await people.ask("arm", "regulation", "POST", f"/cases/{request_id}/acknowledge")
    assert taken["state"] == "acknowledged"
    answered = await people.ask("secretary", "intake", "POST", f"/requests/{request_id}/handover/answer", {})
    assert answered["handover"]["answered_at"]
    boxed = await people.ask("regulator", "regulation", "GET", "/cases", params={"inbox": "fifteen", "state": "all"})
    assert [case["request_id"] for case in boxed["items"]].count(request_id) == 1


async def test_one_trace_joins_the_secretarys_booking_to_the_last_consumer(people: People, stack: TemporaryStack, traces: Path) -> None:
    request = await qualified(people, await people.a_call())
    video = await a_video(people, request)
    trace_id = uuid4().hex
    with telemetry.attached(f"00-{trace_id}-{'b' * 16}-01"):
        await book(people, request, video)

    def services_in_the_trace() -> set[str]:
        spans = (json.loads(line) for line in traces.read_text(encoding="utf-8").splitlines())
        return {span["service"] for span in spans if span["trace_id"] == trace_id}

    await eventually(lambda: {"scheduling", "intake", "teleconsult"} <= services_in_the_trace(), within=15)
