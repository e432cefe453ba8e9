"""What teleconsult tells the others: the life of a video session."""

from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from shared.events.base import Event

SESSIONS = "teleconsult.sessions"


class SessionOpened(Event):
    """A booked teleconsultation has its session; its id is the appointment's."""

    type: ClassVar = "teleconsult.SessionOpened.v1"
    topic: ClassVar = SESSIONS
    keyed_by: ClassVar = "request_id"

    request_id: UUID
    session_id: UUID
    practitioner_id: UUID
    starts_at: AwareDatetime
