"""Video sessions of booked teleconsultations: opened once, closed once, whatever the order of the facts. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.events import Event
from shared.events.base import Mode
from shared.events.teleconsult import SessionOpened

State = Literal["open", "closed"]


@dataclass(frozen=True)
class Booking:
    """What scheduling said of the appointment; a moved appointment says it again with a higher version."""

    version: int
    practitioner_id: UUID
    mode: Mode
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Session:
    """The aggregate; its id is the appointment's. Without `booking` only an end was heard of so far."""

    territory_id: str
    session_id: UUID
    request_id: UUID
    version: int = 0
    booking: Booking | None = None
    announced: bool = False
    closed_as: str | None = None
    closed_version: int = 0

    @property
    def is_video(self) -> bool:
        """Whether there is a session at all: the appointment is, or was, a teleconsultation."""
        return self.booking is not None and (self.booking.mode == "teleconsultation" or self.announced)

    @property
    def state(self) -> State:
        """Closed by an end, or because the appointment moved to another mode."""
        video = self.booking is not None and self.booking.mode == "teleconsultation"
        return "open" if video and self.closed_as is None else "closed"


def booked(session: Session, booking: Booking, *, now: datetime) -> tuple[Session, list[Event]]:
    """The appointment stands, or stands elsewhere. Announced the first time only, and never once it has ended."""
    if session.booking is not None and session.booking.version >= booking.version:
        return session, []
    after = replace(session, version=session.version + 1, booking=booking)
    if after.state == "closed" or after.announced:
        return after, []
    return replace(after, announced=True), [SessionOpened(
        territory_id=after.territory_id, version=after.version, occurred_at=now, request_id=after.request_id, session_id=after.session_id,
        practitioner_id=booking.practitioner_id, starts_at=booking.starts_at,
    )]  # fmt: skip


def ended(session: Session, *, outcome: str, version: int) -> Session:
    """Cancelled, or the act closed: nobody may enter any more. The end with the highest version is kept; it is never undone."""
    if session.closed_version >= version:
        return session
    return replace(session, version=session.version + 1, closed_as=outcome, closed_version=version)
