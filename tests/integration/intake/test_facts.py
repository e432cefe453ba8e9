"""Facts of scheduling and regulation, in any order between topics, redelivered or late."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from asyncpg import CheckViolationError

from services.intake.app import build
from services.intake.domain.request import Request
from shared.errors import Refused
from shared.events.regulation import AdviceGiven
from shared.events.scheduling import RequestUnallocated
from shared.testing.fixtures import RunningService
from tests.integration.intake.given import Desk, followed, told
from tests.unit.intake.given import DOCTOR, a_booking, a_received_request, an_act


def _request(request_id: str) -> Request:
    return replace(a_received_request(), id=UUID(request_id))


async def test_a_booking_is_shown_whenever_it_comes_and_nothing_is_published_for_it(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        desk = Desk.of(intake)
        shown = await desk.a_qualified_request()
        before = await told(intake)
        booking = a_booking(_request(shown["request_id"]))
        await followed(intake, booking, booking)
        booked = await desk.get(shown["request_id"])
        assert (booked["state"], booked["owner"], booked["appointment"]["live"]) == ("booked", "practitioner", True)
        assert booked["version"] == shown["version"]
        assert await told(intake) == before
        await followed(intake, an_act(booking, "seen"))
        assert (await desk.get(shown["request_id"]))["state"] == "honoured"
        with pytest.raises(Refused) as ended:
            await desk.her.post(f"/requests/{shown['request_id']}/cancel", json={"cause": "by_patient"})
        assert ended.value.code == "illegal_transition"


async def test_a_booking_that_comes_after_the_cancellation_changes_nothing(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        desk = Desk.of(intake)
        shown = await desk.a_qualified_request()
        await desk.her.post(f"/requests/{shown['request_id']}/cancel", json={"cause": "by_patient"})
        await followed(intake, a_booking(_request(shown["request_id"])))
        late = await desk.get(shown["request_id"])
        assert (late["state"], late["owner"], late["due_at"]) == ("cancelled", None, None)


async def test_nothing_before_see_by_asks_a_doctor_and_his_word_repairs_a_lost_command(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        desk = Desk.of(intake)
        shown = await desk.a_qualified_request()
        request_id = UUID(shown["request_id"])
        see_by = datetime.fromisoformat(shown["qualified"]["see_by"])
        fact = RequestUnallocated(
            territory_id="bievre", version=1, occurred_at=datetime.now(UTC), request_id=request_id, see_by=see_by, cause="no_slot_in_time"
        )
        await followed(intake, fact, fact)
        waiting = await desk.get(shown["request_id"])
        assert (waiting["state"], waiting["owner"], waiting["advice"]["cause"]) == ("unallocated", "desk", "unallocated")
        assert (await told(intake)).count("AdviceRequested") == 1
        word = AdviceGiven(
            territory_id="bievre",
            version=2,
            occurred_at=datetime.now(UTC),
            request_id=request_id,
            practitioner_id=DOCTOR,
            decided_by=DOCTOR,
            decision="advice_only",
        )
        await followed(intake, word)
        closed = await desk.get(shown["request_id"])
        assert (closed["state"], closed["outcome"]) == ("closed", "advice_given")
        doctor = intake.client(["gp"], practitioner_id=DOCTOR)
        await doctor.post(f"/requests/{request_id}/decision", json={"decision": "advice_only", "words": "repos"})
        assert (await desk.get(shown["request_id"]))["advice"]["doctor_words"] == "repos"


async def test_the_database_refuses_an_open_request_without_owner(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        request_id = await Desk.of(intake).opened()
        for spoiled in ("owner = NULL", "due_at = NULL", "owner = NULL, due_at = NULL", "state = 'closed'", "owner = 'nobody'"):
            with pytest.raises(CheckViolationError):
                async with intake.database.transaction() as tx:
                    await tx.sql.execute(f"UPDATE request SET {spoiled} WHERE id = $1", UUID(request_id))  # noqa: S608  # constants above
