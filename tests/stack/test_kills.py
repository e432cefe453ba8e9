"""Each process killed once while commands go on: nothing accepted is missing, nothing happens twice."""

import asyncio
from typing import Any

import pytest

from recours.stack.stack import TemporaryStack
from shared.errors import NotFound, Unavailable
from shared.testing.fixtures import eventually
from tests.e2e.people import People


async def persistent(people: People, **request: Any) -> str:
    """The same request put again until it is accepted, as the page does."""
    while True:
        try:
            accepted: str = (await people.a_request(**request))["request_id"]
            return accepted
        except Unavailable:
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("victim", ["intake", "scheduling", "kafka", "valkey", "postgres", "regulation", "pilotage"])
async def test_a_killed_process_loses_nothing(victim: str, people: People, stack: TemporaryStack) -> None:
    before = [await persistent(people) for _ in range(2)]
    stack.kill(victim)
    during = [await persistent(people) for _ in range(2)]
    await stack.until_ready(victim)
    after = await persistent(people)
    for request_id in (*before, *during, after):

        async def placed(subject: str = request_id) -> bool:
            try:
                state = (await people.ask("secretary", "intake", "GET", f"/requests/{subject}"))["state"]
            except Unavailable:
                return False
            return state in ("booked", "advice_pending", "unallocated")

        await eventually(placed, within=90, every=0.2)

        async def told(subject: str = request_id) -> bool:
            try:
                story = await people.ask("coordinator", "pilotage", "GET", f"/requests/{subject}/timeline")
            except (Unavailable, NotFound):
                return False
            types = [item["type"] for item in story["items"]]
            return types.count("AppointmentBooked") + types.count("RequestUnallocated") == 1

        await eventually(told, within=90, every=0.2)
