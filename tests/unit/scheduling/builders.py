"""Builders that set only what matters to a test."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from services.scheduling.domain.acts import ActFacts, Line, Tariff
from services.scheduling.domain.allocation import Candidate
from services.scheduling.domain.model import Slot
from services.scheduling.domain.slots import Availability
from shared.events.base import Mode
from shared.events.intake import RequestQualified

PARIS = ZoneInfo("Europe/Paris")
NINE = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""A Monday, 09:00 in Paris."""


def an_id(number: int) -> UUID:
    return UUID(int=(0x019A << 112) | number)


def a_request(**fields: Any) -> RequestQualified:
    values: dict[str, Any] = {
        "territory_id": "bievre", "version": 3, "occurred_at": NINE, "request_id": an_id(900), "patient_id": an_id(901),
        "urgency": "within_48h", "reason": "Q03", "modes": ["surgery"], "earliest": NINE, "see_by": NINE + timedelta(hours=48),
        "contract_deadline": NINE + timedelta(hours=48), "commune": "94016", "age_band": "18-69y", "without_mt": True,
        "allocation": "assisted", "protocol": "demo 1",
    }  # fmt: skip
    return RequestQualified(**values | fields)


def a_slot(
    number: int = 1, *, starts_at: datetime = NINE + timedelta(hours=1), mode: Mode = "surgery", doctor: int = 1, **fields: Any
) -> Slot:
    minutes = {"surgery": 20, "teleconsultation": 15, "visit": 30}[mode]
    values: dict[str, Any] = {
        "id": an_id(100 + number), "practitioner_id": an_id(doctor), "mode": mode, "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=minutes), "on": starts_at.astimezone(PARIS).date(), "protected": False,
        "round_id": an_id(800 + doctor) if mode == "visit" else None,
    }  # fmt: skip
    return Slot(**values | fields)


def a_candidate(slot: Slot | None = None, **fields: Any) -> Candidate:
    values: dict[str, Any] = {
        "slot": slot or a_slot(), "status": "titulaire", "has_supervisor": False, "accepts_as_mt": False, "load": 0.0, "travel_minutes": 10,
        "videos_booked": 0, "closed": False,
    }  # fmt: skip
    return Candidate(**values | fields)


def a_line(mode: Mode = "surgery", start: str = "09:00", end: str = "12:00", *, weekday: int = 1, **fields: Any) -> Availability:
    return Availability(
        weekday, time.fromisoformat(start), time.fromisoformat(end), mode, fields.pop("valid_from", date(2020, 1, 1)), **fields
    )


def some_facts(**fields: Any) -> ActFacts:
    values: dict[str, Any] = {
        "mode": "surgery", "starts_at": NINE, "flags": frozenset(), "without_mt": True, "regulation": None, "snp_this_week": 0,
    }  # fmt: skip
    return ActFacts(**values | fields)


def a_tariff(*lines: Line) -> Tariff:
    return Tariff("test", lines)


def a_tariff_line(code: str = "G", amount: str = "30.00", **fields: Any) -> Line:
    values: dict[str, Any] = {
        "code": code, "label": code, "amount_euros": Decimal(amount), "valid_from": date(2024, 12, 22), "valid_to": None,
        "modes": frozenset({"surgery"}), "base": True, "any_flag": frozenset(), "needs": frozenset(), "not_with": frozenset(),
        "automatic": True, "confidence": "S", "source": "test", "caution": None,
    }  # fmt: skip
    return Line(**values | fields)
