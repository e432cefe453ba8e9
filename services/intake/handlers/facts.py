"""What other services' facts do here. A fact of a request that intake does not know (the SAS's own) concerns no row of ours."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from services.intake.desk import Desk
from services.intake.domain import follow, steps
from services.intake.domain.request import Request, Step
from services.intake.repository import reads, requests
from shared.db import Tx
from shared.events.regulation import AdviceGiven, CaseAcknowledged, CaseDecided, CaseReceived
from shared.events.scheduling import ActClosed, AppointmentBooked, AppointmentCancelled, DutyDoctorNamed, RequestUnallocated


class Facts:
    """Handlers bound to the desk's data; `consumers.py` says which fact runs which."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def on_appointment_booked(self, event: AppointmentBooked, tx: Tx, *, now: datetime) -> None:
        await _follow(tx, event.territory_id, event.request_id, lambda request: follow.booked(request, event))

    async def on_appointment_cancelled(self, event: AppointmentCancelled, tx: Tx, *, now: datetime) -> None:
        await _follow(tx, event.territory_id, event.request_id, lambda request: follow.appointment_cancelled(request, event, now=now))

    async def on_request_unallocated(self, event: RequestUnallocated, tx: Tx, *, now: datetime) -> None:
        duty = await reads.duty_doctor_at(tx.sql, event.territory_id, now)
        await _follow(
            tx, event.territory_id, event.request_id, lambda request: follow.unallocated(request, event, duty_doctor_id=duty, now=now)
        )

    async def on_act_closed(self, event: ActClosed, tx: Tx, *, now: datetime) -> None:
        await _follow(tx, event.territory_id, event.request_id, lambda request: follow.act_closed(request, event, now=now))

    async def on_duty_doctor_named(self, event: DutyDoctorNamed, tx: Tx, *, now: datetime) -> None:
        await reads.upsert_duty(tx, event)

    async def on_case_received(self, event: CaseReceived, tx: Tx, *, now: datetime) -> None:
        await _follow(tx, event.territory_id, event.request_id, lambda request: follow.case_received(request, event))

    async def on_case_acknowledged(self, event: CaseAcknowledged, tx: Tx, *, now: datetime) -> None:
        await _follow(
            tx,
            event.territory_id,
            event.request_id,
            lambda request: follow.case_acknowledged(
                request, event, console_counts=self._desk.console_acknowledges(event.territory_id), now=now
            ),
        )

    async def on_case_decided(self, event: CaseDecided, tx: Tx, *, now: datetime) -> None:
        await _follow(tx, event.territory_id, event.request_id, lambda request: follow.case_decided(request, event, now=now))

    async def on_advice_given(self, event: AdviceGiven, tx: Tx, *, now: datetime) -> None:
        duty = await reads.duty_doctor_at(tx.sql, event.territory_id, now)
        await _follow(
            tx,
            event.territory_id,
            event.request_id,
            lambda request: follow.advice_given(
                request, event, zone=self._desk.territory(event.territory_id).zone, duty_doctor_id=duty, now=now
            ),
        )


async def climb_rung_1(territory_id: str, subject_id: UUID, tx: Tx, *, now: datetime) -> None:
    await _follow(tx, territory_id, subject_id, lambda request: steps.climb_rung(request, 1, now=now))


async def climb_rung_2(territory_id: str, subject_id: UUID, tx: Tx, *, now: datetime) -> None:
    await _follow(tx, territory_id, subject_id, lambda request: steps.climb_rung(request, 2, now=now))


async def advice_is_late(territory_id: str, subject_id: UUID, tx: Tx, *, now: datetime) -> None:
    await _follow(tx, territory_id, subject_id, lambda request: steps.advice_is_late(request, now=now))


async def _follow(tx: Tx, territory_id: str, request_id: UUID, decide: Callable[[Request], Step]) -> None:
    stored = await requests.find_request(tx.sql, territory_id, request_id, lock=True)
    if stored is not None:
        await requests.save_step(tx, stored.request, decide(stored.request))
