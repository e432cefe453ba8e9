"""Two hundred at once, through the real HTTP API: the database is the judge, and the losers get something to say."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from shared.auth import Principal
from shared.ids import new_id
from shared.testing.fixtures import ISSUER
from tests.integration.scheduling.conftest import MONDAY, Desk, Opened, a_qualified, body

CALLERS = 200
TUESDAY = MONDAY + timedelta(days=1)


async def call_and_book(http: httpx.AsyncClient, desk: Desk, slot_ids: list[str], caller: int) -> httpx.Response:
    """One secretary per caller; she tries the slot she was told, then the next proposal, as the page does. The last answer."""
    qualified = a_qualified()
    sender = Principal(new_id(), frozenset({"secretary"}), "bievre", None, f"{caller:03}")
    headers = {"Authorization": f"Bearer {ISSUER.issue(sender, 'scheduling')}"}
    command = {"request_id": str(qualified.request_id), "qualified": body(qualified), "slot_id": slot_ids[caller % len(slot_ids)]}
    return await http.post("/appointments", json=command, headers=headers)


async def all_at_once(desk: Desk, slot_ids: list[str]) -> list[httpx.Response]:
    async with httpx.AsyncClient(
        base_url=desk.service.url, timeout=120, limits=httpx.Limits(max_connections=CALLERS), trust_env=False
    ) as http:
        return await asyncio.gather(*(call_and_book(http, desk, slot_ids, caller) for caller in range(CALLERS)))


def refusals(answers: list[httpx.Response]) -> list[dict[str, Any]]:
    return [answer.json() for answer in answers if answer.status_code == 409]


async def test_two_hundred_callers_one_slot(open_desk: Opened) -> None:
    async with open_desk() as desk:
        [slot, *_] = await desk.free_slots("surgery")
        answers = await all_at_once(desk, [slot["slot_id"]])
        assert Counter(answer.status_code for answer in answers) == {200: 1, 409: CALLERS - 1}
        [winner] = [answer.json() for answer in answers if answer.status_code == 200]
        for problem in refusals(answers):
            assert problem["type"] == "urn:recours:slot_taken"
            assert problem["taken_by_initials"] == winner["booked_by_initials"]
            assert problem["proposals"] and all(item["slot_id"] != slot["slot_id"] for item in problem["proposals"])
        assert [event["appointment_id"] for event in await desk.recorded("scheduling.AppointmentBooked.v1")] == [winner["appointment_id"]]
        assert await desk.sql("SELECT count(*) FROM period WHERE slot_id = $1", UUID(slot["slot_id"])) == 1


async def test_two_hundred_callers_for_the_same_ten_slots(open_desk: Opened) -> None:
    async with open_desk() as desk:
        nine, tomorrow = await desk.free_slots("surgery"), await desk.free_slots("surgery", on=TUESDAY)
        slots = [slot["slot_id"] for slot in (*nine, tomorrow[0])]
        assert len(slots) == 10
        answers = await all_at_once(desk, slots)
        assert Counter(answer.status_code for answer in answers) == {200: 10, 409: CALLERS - 10}
        assert {answer.json()["slot_id"] for answer in answers if answer.status_code == 200} == set(slots)
        for caller, answer in enumerate(answers):
            if answer.status_code == 409:
                assert answer.json()["proposals"] and slots[caller % 10] not in {item["slot_id"] for item in answer.json()["proposals"]}
        # once the rush is over, whoever lost gets the next best slot
        late = a_qualified()
        [next_best, *_] = await desk.proposals(late)
        assert next_best["slot_id"] not in slots and (await desk.book(late, next_best["slot_id"]))["state"] == "booked"


async def test_the_last_place_of_a_round_goes_to_one(open_desk: Opened) -> None:
    async with open_desk() as desk:
        [place, *_] = await desk.free_slots("visit")

        async def visit() -> str:
            try:
                return str((await desk.book(a_qualified(modes=["visit"]), place["slot_id"]))["state"])
            except Exception as refused:
                return str(getattr(refused, "code", refused))

        assert Counter(await asyncio.gather(*(visit() for _ in range(30)))) == {"booked": 1, "slot_taken": 29}


async def test_holds_and_bookings_of_one_slot(open_desk: Opened) -> None:
    async with open_desk() as desk:
        [slot, *_] = await desk.free_slots("surgery")

        async def hold() -> str:
            try:
                await desk.secretary.post("/holds", json={"request_id": str(new_id()), "slot_id": slot["slot_id"]})
                return "held"
            except Exception as refused:
                return str(getattr(refused, "code", refused))

        async def book() -> str:
            try:
                return str((await desk.book(a_qualified(), slot["slot_id"]))["state"])
            except Exception as refused:
                return str(getattr(refused, "code", refused))

        outcomes = Counter(await asyncio.gather(*(attempt() for _ in range(20) for attempt in (hold, book))))
        assert outcomes["held"] + outcomes["booked"] == 1 and outcomes["slot_taken"] == 39, outcomes


async def test_one_request_is_booked_once_by_many_hands(open_desk: Opened) -> None:
    async with open_desk() as desk:
        qualified = a_qualified()
        slots = [slot["slot_id"] for slot in await desk.free_slots("surgery")]

        async def book(slot_id: str) -> str:
            try:
                return str((await desk.book(qualified, slot_id))["state"])
            except Exception as refused:
                return str(getattr(refused, "code", refused))

        outcomes = Counter(await asyncio.gather(desk.hear(qualified), *(book(slot_id) for slot_id in slots)))
        assert (outcomes["booked"], outcomes["already_booked"], outcomes["handled"]) == (1, len(slots) - 1, 1)
        assert len(await desk.recorded("scheduling.AppointmentBooked.v1")) == 1


async def test_a_slot_is_given_back_while_others_want_it(open_desk: Opened) -> None:
    """Nobody waits for another in a circle: each is served or refused, none is told to come back later."""
    async with open_desk() as desk:
        [slot, *_] = await desk.free_slots("surgery")

        async def book() -> str:
            try:
                return str((await desk.book(a_qualified(), slot["slot_id"]))["state"])
            except Exception as refused:
                return str(getattr(refused, "code", refused))

        async def give_back(appointment_id: str) -> str:
            try:
                return str((await desk.secretary.post(f"/appointments/{appointment_id}/cancel", json={"cause": "by_patient"}))["state"])
            except Exception as refused:
                return str(getattr(refused, "code", refused))

        for _ in range(12):
            mine = await desk.book(a_qualified(), slot["slot_id"])
            counted = Counter(await asyncio.gather(book(), book(), give_back(mine["appointment_id"]), book(), book()))
            assert counted["cancelled"] == 1 and counted["booked"] <= 1 and counted["booked"] + counted["slot_taken"] == 4, counted
            if counted["booked"]:
                holder = await desk.sql("SELECT id FROM period WHERE slot_id = $1", UUID(slot["slot_id"]))
                await desk.secretary.post(f"/appointments/{holder}/cancel", json={"cause": "by_patient"})
