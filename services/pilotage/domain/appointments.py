"""The appointments of a request and the acts that came of them. `version` orders the facts of scheduling about one request."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from shared.events.base import Event
from shared.events.scheduling import APPOINTMENTS, ActClosed, AppointmentBooked, AppointmentCancelled


@dataclass(frozen=True)
class AppointmentStory:
    """A slot that belonged to a request, and what became of it. Fields are None while only later facts are known."""

    territory_id: str
    appointment_id: UUID
    request_id: UUID
    practitioner_id: UUID
    billing_practitioner_id: UUID | None = None
    slot_id: UUID | None = None
    mode: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    booked_at: datetime | None = None
    path: str | None = None
    rank: int | None = None
    why: str | None = None
    cancelled_at: datetime | None = None
    cancel_cause: str | None = None
    closed_at: datetime | None = None
    outcome: str | None = None
    acts: list[dict[str, str]] = field(default_factory=list)
    tariff: str | None = None

    @property
    def live(self) -> bool:
        """Booked, and neither given back nor closed."""
        return self.booked_at is not None and self.cancelled_at is None and self.closed_at is None

    @property
    def took_the_time(self) -> bool:
        """The doctor's time was or will be spent on it: what a double booking is counted on."""
        return self.booked_at is not None and self.cancelled_at is None and self.outcome != "impossible"


@dataclass(frozen=True)
class Act:
    """A code of the tariff proposed for a closed appointment, billed by `billing_practitioner_id`."""

    territory_id: str
    appointment_id: UUID
    request_id: UUID
    place: int
    practitioner_id: UUID
    billing_practitioner_id: UUID
    mode: str
    closed_at: datetime
    outcome: str
    code: str
    amount_euros: Decimal


def fold_appointments(territory_id: str, request_id: UUID, facts: Iterable[Event]) -> tuple[list[AppointmentStory], list[Act]]:
    """Stories by id, and acts of the last closing of each; `facts` are in the order of their versions inside the topic."""
    found: dict[UUID, AppointmentStory] = {}
    acts: dict[UUID, list[Act]] = {}
    for fact in facts:
        if fact.topic != APPOINTMENTS:  # each class that `match` tries asks the ABC of Pydantic
            continue
        match fact:
            case AppointmentBooked():
                known = found.get(fact.appointment_id)
                found[fact.appointment_id] = AppointmentStory(
                    territory_id=territory_id, appointment_id=fact.appointment_id, request_id=request_id,
                    practitioner_id=fact.practitioner_id, billing_practitioner_id=fact.billing_practitioner_id, slot_id=fact.slot_id,
                    mode=fact.mode, starts_at=fact.starts_at, ends_at=fact.ends_at,
                    booked_at=known.booked_at if known and known.booked_at else fact.occurred_at,
                    path=fact.path, rank=fact.rank, why=fact.why,
                )  # fmt: skip
            case AppointmentCancelled():
                known = found.get(fact.appointment_id) or AppointmentStory(
                    territory_id, fact.appointment_id, request_id, fact.practitioner_id
                )
                found[fact.appointment_id] = replace(known, cancelled_at=fact.occurred_at, cancel_cause=fact.cause)
            case ActClosed():
                known = found.get(fact.appointment_id) or AppointmentStory(
                    territory_id, fact.appointment_id, request_id, fact.practitioner_id, mode=fact.mode, starts_at=fact.starts_at
                )
                found[fact.appointment_id] = replace(
                    known, closed_at=fact.occurred_at, outcome=fact.outcome, billing_practitioner_id=fact.billing_practitioner_id,
                    tariff=fact.tariff, acts=[{"code": act.code, "amount_euros": str(act.amount_euros)} for act in fact.acts],
                )  # fmt: skip
                acts[fact.appointment_id] = [
                    Act(territory_id, fact.appointment_id, request_id, place, fact.practitioner_id, fact.billing_practitioner_id,
                        fact.mode, fact.occurred_at, fact.outcome, act.code, act.amount_euros)
                    for place, act in enumerate(fact.acts)
                ]  # fmt: skip
            case _:
                pass
    return sorted(found.values(), key=lambda one: one.appointment_id), [act for one in sorted(acts) for act in acts[one]]
