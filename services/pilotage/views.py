"""How stories become JSON."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.pilotage.domain import CallStory, RequestStory
from services.pilotage.domain.board import BoardFacts
from services.pilotage.domain.day import Practitioner
from services.pilotage.domain.integrity import DoubleBooking
from services.pilotage.domain.labels import Words, made_by
from services.pilotage.repository.reads import TimelineRow, ToldTwice
from shared.events.base import Event
from shared.events.registry import event_class
from shared.territory import Territory

_ENVELOPE = frozenset({"event_id", "territory_id", "version", "occurred_at", "cell"})


def timeline(
    story: RequestStory, rows: Sequence[TimelineRow], territory: Territory, doctors: Mapping[UUID, Practitioner]
) -> dict[str, Any]:
    """The story with every fact in order of time; facts of one instant in the order in which they were made."""
    words = Words(territory, {key: one.display_name for key, one in doctors.items()})
    ordered = sorted(rows, key=lambda row: (row.occurred_at, row.event_id.int >> 80, row.topic, row.version))
    known = doctors.get(story.practitioner_id) if story.practitioner_id is not None else None
    appointment = {
        "appointment_id": story.appointment_id, "practitioner_id": story.practitioner_id,
        "practitioner_name": known.display_name if known else None, "mode": story.mode, "starts_at": story.starts_at,
        "ends_at": story.ends_at, "outcome": story.act_outcome,
    }  # fmt: skip
    return {
        "request_id": story.request_id, "reference": story.reference, "version": len(ordered), "state": story.state,
        "urgency": story.urgency, "reason": story.reason, "commune": story.commune, "age_band": story.age_band, "sex": story.sex,
        "origin": story.origin, "call_id": story.call_id, "patient_id": story.patient_id, "rang_at": story.rang_at,
        "see_by": story.see_by, "contract_deadline": story.contract_deadline, "answered_at": story.answered_at, "outcome": story.outcome,
        "owner": story.owner, "due_at": story.due_at, "appointment": appointment if story.appointment_id else None,
        "items": [_item(row, words) for row in ordered],
    }  # fmt: skip


def _item(row: TimelineRow, words: Words) -> dict[str, Any]:
    service, name, *_ = row.type.split(".")
    return {
        "event_id": row.event_id, "at": row.occurred_at, "recorded_at": row.recorded_at, "type": name, "service": service,
        "label": words.sentence(_fact(row), row.type), "owner": made_by(row.type), "details": _details(row.body), "version": row.version,
    }  # fmt: skip


def _fact(row: TimelineRow) -> Event | None:
    known = event_class(row.type)
    if known is None:
        return None
    try:
        return known.model_validate(row.body, extra="ignore")
    except ValidationError:
        return None


def _details(body: Mapping[str, Any]) -> dict[str, Any]:
    """Codes, numbers and instants; ids of people and places are left where they are."""
    return {name: value for name, value in body.items() if name not in _ENVELOPE and not _names_somebody(name)}


def _names_somebody(name: str) -> bool:
    return name.endswith(("_id", "_ids")) or (name.endswith("_by") and name != "see_by")


def candidate(story: RequestStory, territory: Territory) -> dict[str, Any]:
    """One of the requests that share a spoken reference."""
    return {
        "request_id": story.request_id, "reference": story.reference,
        "on": territory.local(story.rang_at).date() if story.rang_at else None, "rang_at": story.rang_at, "state": story.state,
        "urgency": story.urgency, "commune": story.commune,
    }  # fmt: skip


def last_event(row: Mapping[str, Any] | None, at: datetime) -> dict[str, Any] | None:
    """Business age: how long ago the last thing happened."""
    if row is None:
        return None
    age = max(0, int((at - row["occurred_at"]).total_seconds()))
    return {"occurred_at": row["occurred_at"], "folded_at": row["folded_at"], "age_seconds": age}


def integrity(
    *, facts: BoardFacts, orphans: Sequence[RequestStory], double: Sequence[DoubleBooking], appointments: int,
    open_calls: Sequence[CallStory], dead_letters: int, twice: Sequence[ToldTwice], events: int, late: int,
) -> dict[str, Any]:  # fmt: skip
    """Sentences that must read 0, each with how much was looked at, then what they found."""
    counts = (
        ("request_without_end_or_deadline", len(orphans), len(facts.requests)),
        ("double_booking", len(double), appointments),
        ("call_open_after_closing", len(open_calls), len(facts.calls)),
        ("dead_letter", dead_letters, events),
        ("event_late_30s", late, events),
        ("fact_told_twice", len(twice), events),
    )
    return {
        "invariants": [{"code": code, "value": value, "read": read} for code, value, read in counts],
        "orphans": [{"request_id": one.request_id, "reference": one.reference, "state": one.state} for one in orphans],
        "double_bookings": [{"practitioner_id": one.practitioner_id, "first": one.first, "second": one.second} for one in double],
        "duplicates": [{"type": one.type, "subject_id": one.subject_id, "count": one.count} for one in twice],
        "calls_open_after_closing": [call.call_id for call in open_calls],
        "checked_requests": len(facts.requests),
        "checked_appointments": appointments,
        "checked_events": events,
    }
