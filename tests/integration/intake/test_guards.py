"""Two hands on one request, one call: the second waits for the row and looks again before it acts."""

import asyncio
from uuid import UUID

from services.intake.app import build
from shared.testing.fixtures import RunningService
from tests.integration.intake.given import Desk, told
from tests.integration.scheduling.test_guards import held_row


async def test_two_hands_that_cancel_one_request_tell_it_once(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        desk = Desk.of(intake)
        request_id = (await desk.a_qualified_request())["request_id"]
        async with held_row(intake.database, UUID(request_id), waiting=2):
            hands = [
                asyncio.create_task(desk.her.post(f"/requests/{request_id}/cancel", json={"cause": "by_patient"})) for _ in range(2)
            ]  # fmt: skip
        assert [answer["state"] for answer in await asyncio.gather(*hands)] == ["cancelled", "cancelled"]
        assert (await told(intake)).count("RequestCancelled") == 1
