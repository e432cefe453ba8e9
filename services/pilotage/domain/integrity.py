"""What must always read 0, computed from the history alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

from services.pilotage.domain.appointments import AppointmentStory
from services.pilotage.domain.stories import RequestStory


@dataclass(frozen=True)
class DoubleBooking:
    """Two appointments that want the same doctor at the same time, or the same request twice."""

    practitioner_id: UUID
    first: UUID
    second: UUID


def orphans(requests: Iterable[RequestStory]) -> list[RequestStory]:
    """Open requests that nobody owns or that have no hour, and facts about requests that nobody received."""
    return [one for one in requests if one.is_open and (one.owner is None or one.due_at is None or one.received_at is None)]


def double_bookings(appointments: Sequence[AppointmentStory]) -> list[DoubleBooking]:
    """Overlaps of one practitioner's time, save two visits of a round, whose order is the round's; and two live ones of a request."""
    found: set[tuple[UUID, UUID, UUID]] = set()
    by_doctor: dict[UUID, list[AppointmentStory]] = {}
    by_request: dict[UUID, list[AppointmentStory]] = {}
    by_slot: dict[UUID, list[AppointmentStory]] = {}
    for one in appointments:
        if not one.took_the_time or one.starts_at is None or one.ends_at is None:
            continue
        by_doctor.setdefault(one.practitioner_id, []).append(one)
        if one.live:
            by_request.setdefault(one.request_id, []).append(one)
        if one.slot_id is not None:
            by_slot.setdefault(one.slot_id, []).append(one)
    for group in by_doctor.values():
        ordered = sorted(group, key=lambda one: (one.starts_at, one.appointment_id))
        for place, first in enumerate(ordered):
            for second in ordered[place + 1 :]:
                assert first.ends_at is not None and second.starts_at is not None
                if second.starts_at >= first.ends_at:
                    break
                if not first.mode == second.mode == "visit":
                    found.add(_pair(first, second))
    for same in (*by_request.values(), *by_slot.values()):
        for first, second in pairwise(same):
            found.add(_pair(first, second))
    return [DoubleBooking(*pair) for pair in sorted(found)]


def _pair(one: AppointmentStory, other: AppointmentStory) -> tuple[UUID, UUID, UUID]:
    first, second = sorted((one, other), key=lambda each: each.appointment_id)
    return first.practitioner_id, first.appointment_id, second.appointment_id
