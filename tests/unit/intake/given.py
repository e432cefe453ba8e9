"""Builders: they set what a test does not care about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from services.intake.domain import qualifying, steps
from services.intake.domain.protocol import Assessment, Protocol
from services.intake.domain.qualifying import PatientFacts
from services.intake.domain.request import Request
from services.intake.domain.screening import Vital
from services.intake.protocol_file import load_protocol
from shared.events.base import Urgency
from shared.events.scheduling import ActClosed, AppointmentBooked, AppointmentCancelled

PARIS = ZoneInfo("Europe/Paris")
TUESDAY_10 = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)  # 10:00 in Paris
MINUTE = timedelta(minutes=1)
DOCTOR = UUID(int=0xD0C)
ALL_NO = Vital("no", "no", "no")


def the_protocol() -> Protocol:
    return load_protocol(Path(__file__).parents[3] / "deploy" / "territory" / "bievre" / "protocol.yaml")


def a_received_request(*, now: datetime = TUESDAY_10, rang_at: datetime | None = None) -> Request:
    return steps.receive(
        uuid4(), "bievre", rang_at=rang_at or now, call_id=None, origin="patient", by=uuid4(), initials="SM", now=now
    ).request


def a_screened_request(vital: Vital = ALL_NO, *, now: datetime = TUESDAY_10, rang_at: datetime | None = None) -> Request:
    received = a_received_request(now=now, rang_at=rang_at)
    return answered(received, vital, now=now)


def answered(request: Request, vital: Vital, *, age_value: int | None = 41, age_unit: Any = "years", now: datetime = TUESDAY_10) -> Request:
    return steps.answer_step0(
        request, vital, age_value=age_value, age_unit=age_unit, sex="F", commune="94021", asked_since=now, now=now
    ).request


def an_assessment(urgency: Urgency = "within_48h", **other: Any) -> Assessment:
    said = Assessment(reason="Q02", urgency=urgency, modes=("surgery",), flags=(), causes=("usual",), protocol="essai v1")
    return replace(said, **other)


def a_patient(**other: Any) -> PatientFacts:
    known = PatientFacts(id=uuid4(), commune="94021", cell=None, age_band="18-69y", sex="F", without_mt=True, flags=())
    return replace(known, **other)


def a_qualified_request(urgency: Urgency = "within_48h", *, now: datetime = TUESDAY_10, assisted: bool = True, **patient: Any) -> Request:
    return qualifying.qualify(
        a_screened_request(now=now),
        a_patient(**patient),
        an_assessment(urgency),
        raised_to=None,
        assisted=assisted,
        zone=PARIS,
        duty_doctor_id=DOCTOR,
        now=now,
    ).request


def a_booking(request: Request, *, version: int = 1, at: datetime = TUESDAY_10 + timedelta(hours=4), **other: Any) -> AppointmentBooked:
    values: dict[str, Any] = {
        "territory_id": "bievre",
        "version": version,
        "occurred_at": TUESDAY_10,
        "request_id": request.id,
        "appointment_id": uuid4(),
        "patient_id": uuid4(),
        "practitioner_id": DOCTOR,
        "billing_practitioner_id": DOCTOR,
        "mode": "surgery",
        "starts_at": at,
        "ends_at": at + timedelta(minutes=20),
        "path": "assisted",
        "rank": 1,
        "why": "soonest",
    }
    return AppointmentBooked(**{**values, **other})


def an_act(booking: AppointmentBooked, outcome: Any, *, version: int = 2) -> ActClosed:
    return ActClosed(
        territory_id="bievre",
        version=version,
        occurred_at=booking.ends_at,
        request_id=booking.request_id,
        appointment_id=booking.appointment_id,
        patient_id=booking.patient_id,
        practitioner_id=DOCTOR,
        billing_practitioner_id=DOCTOR,
        mode=booking.mode,
        starts_at=booking.starts_at,
        outcome=outcome,
        tariff="essai 2026-01-01",
    )


def a_cancellation(booking: AppointmentBooked, cause: Any = "by_practitioner", *, version: int = 2) -> AppointmentCancelled:
    return AppointmentCancelled(
        territory_id="bievre",
        version=version,
        occurred_at=TUESDAY_10,
        request_id=booking.request_id,
        appointment_id=booking.appointment_id,
        practitioner_id=DOCTOR,
        cause=cause,
    )
