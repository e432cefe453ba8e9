"""The session of a booked teleconsultation, from the log to HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.teleconsult.app import build
from shared.errors import NotFound
from shared.events import Event
from shared.events.scheduling import ActClosed, AppointmentBooked, AppointmentCancelled
from shared.ids import new_id
from shared.testing.fixtures import Running, RunningService, eventually
from shared.testing.wire import tell

LATE = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)  # 23:30 in the territory
DOCTOR = new_id()


def booked(appointment_id: UUID, **fields: Any) -> AppointmentBooked:
    given: dict[str, Any] = {
        "territory_id": "bievre", "version": 1, "occurred_at": LATE, "request_id": new_id(), "appointment_id": appointment_id,
        "patient_id": new_id(), "practitioner_id": DOCTOR, "billing_practitioner_id": DOCTOR, "mode": "teleconsultation",
        "starts_at": LATE, "ends_at": LATE + timedelta(minutes=15), "path": "assisted", "rank": 1, "why": "soonest",
    }  # fmt: skip
    return AppointmentBooked(**(given | fields))


def cancelled(booking: AppointmentBooked) -> AppointmentCancelled:
    return AppointmentCancelled(
        territory_id="bievre", version=2, occurred_at=LATE, request_id=booking.request_id, appointment_id=booking.appointment_id,
        practitioner_id=DOCTOR, cause="by_patient",
    )  # fmt: skip


def act_closed(booking: AppointmentBooked) -> ActClosed:
    return ActClosed(
        territory_id="bievre", version=2, occurred_at=LATE, request_id=booking.request_id, appointment_id=booking.appointment_id,
        patient_id=booking.patient_id, practitioner_id=DOCTOR, billing_practitioner_id=DOCTOR, mode=booking.mode,
        starts_at=booking.starts_at, outcome="seen", tariff="base 2026-01-01",
    )  # fmt: skip


async def followed(running: Running, *events: Event) -> None:
    await tell(running, *events)

    async def taken_in() -> bool:
        async with running.database.reading() as sql:
            ids = {event.event_id for event in events}
            found: int = await sql.fetchval("SELECT count(*) FROM inbox WHERE event_id = ANY($1)", list(ids))
        return found == len(ids)

    await eventually(taken_in)


async def opened(running: Running) -> int:
    async with running.database.reading() as sql:
        count: int = await sql.fetchval("SELECT count(*) FROM outbox WHERE event_type = 'teleconsult.SessionOpened.v1'")
        return count


async def test_a_session_lives_from_the_booking_to_the_act(running_service: RunningService) -> None:
    async with running_service(build, "teleconsult") as running:
        gp = running.client(["gp"], practitioner_id=DOCTOR)
        booking, visit = booked(new_id()), booked(new_id(), mode="visit")
        await followed(running, booking, booking, visit)
        session = await gp.get(f"/sessions/{booking.appointment_id}", params={"min_version": f"{booking.appointment_id}:1"})
        assert (session["state"], session["request_id"], session["stale"]) == ("open", str(booking.request_id), False)
        with pytest.raises(NotFound):
            await gp.get(f"/sessions/{visit.appointment_id}")
        with pytest.raises(NotFound):
            await running.client(["gp"], territory="ailleurs").get(f"/sessions/{booking.appointment_id}")
        day = {"practitioner_id": str(DOCTOR), "on": "2026-03-02"}
        assert [item["session_id"] for item in (await gp.get("/sessions", params=day))["items"]] == [str(booking.appointment_id)]
        assert (await gp.get("/sessions", params=day | {"on": "2026-03-03"}))["items"] == []
        await followed(running, act_closed(booking))
        assert (await gp.get(f"/sessions/{booking.appointment_id}"))["closed_as"] == "seen"
        assert await opened(running) == 1


async def test_a_session_cancelled_before_it_was_opened_stays_closed(running_service: RunningService) -> None:
    async with running_service(build, "teleconsult") as running:
        booking = booked(new_id())
        await followed(running, cancelled(booking), booking)
        session = await running.client(["gp"]).get(f"/sessions/{booking.appointment_id}")
        assert (session["state"], session["closed_as"]) == ("closed", "by_patient")
        assert await opened(running) == 0
