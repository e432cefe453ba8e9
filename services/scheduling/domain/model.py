"""The things of the shared agenda: doctors, slots, the copy of a request, appointments, holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from services.scheduling.domain.travel import Position, position_of_cell
from shared.events.base import Mode
from shared.events.intake import RequestQualified
from shared.events.scheduling import ActOutcome, PractitionerStatus

SUPERVISED: frozenset[PractitionerStatus] = frozenset({"adjoint", "docteur_junior"})
"""Statuses that see patients only with a named senior (operations.md A4, §10); a collaborateur or a remplaçant needs none."""

AppointmentState = Literal["booked", "cancelled", "closed"]
CancelCause = Literal["request_cancelled", "taken_by_15", "by_patient", "by_practitioner", "requalified"]
Path = Literal["assisted", "automatic"]


@dataclass(frozen=True, slots=True)
class Profile:
    """What the agenda needs to know of a territory: its zone, its closed days and where its communes are."""

    territory_id: str
    zone: ZoneInfo
    closed_on: Callable[[date], bool]
    centres: Mapping[str, Position]

    def local_day(self, instant: datetime) -> date:
        return instant.astimezone(self.zone).date()

    def position_of(self, request: RequestQualified) -> Position | None:
        """The 200 m cell when intake knows it, else the centre of the commune, else nothing (a patient from elsewhere)."""
        if request.cell is not None:
            return position_of_cell(request.cell)
        return self.centres.get(request.commune)


@dataclass(frozen=True, slots=True)
class Practitioner:
    """A doctor of the pool in one territory. `version` counts the facts of the agenda's stream for this doctor."""

    id: UUID
    display_name: str
    rpps: str
    status: PractitionerStatus
    supervisor_id: UUID | None
    billing_practitioner_id: UUID
    modes: tuple[Mode, ...]
    commune: str
    lon: float
    lat: float
    accepts_as_mt: bool
    version: int


@dataclass(frozen=True, slots=True)
class Slot:
    """A bookable place: a period of the surgery or of video, or one place of a round (`round_id`)."""

    id: UUID
    practitioner_id: UUID
    mode: Mode
    starts_at: datetime
    ends_at: datetime
    on: date
    protected: bool
    round_id: UUID | None


@dataclass(frozen=True, slots=True)
class Request:
    """Scheduling's copy of a request, and the version of its own facts about it.

    `version` is intake's; `own_version` numbers our events under this key; `decided_version` is the qualification that we already
    answered by a booking or by `RequestUnallocated`, so that the same fact arriving later does nothing.
    """

    id: UUID
    version: int
    own_version: int
    decided_version: int
    qualified: RequestQualified | None
    ended_cause: str | None
    paused_cause: str | None

    @property
    def waits_for_us(self) -> bool:
        """There is a qualification that nobody answered, and nothing forbids answering it."""
        return self.qualified is not None and self.decided_version < self.qualified.version and not (self.ended_cause or self.paused_cause)


@dataclass(frozen=True, slots=True)
class Appointment:
    """What was given to a request. `starts_at` is what was said on the phone; a visit's `planned_at` may move inside its window."""

    id: UUID
    request_id: UUID
    patient_id: UUID
    practitioner_id: UUID
    billing_practitioner_id: UUID
    slot_id: UUID
    round_id: UUID | None
    mode: Mode
    starts_at: datetime
    ends_at: datetime
    on: date
    window_starts_at: datetime | None
    window_ends_at: datetime | None
    planned_at: datetime
    travel_minutes: int | None
    position: Position | None
    state: AppointmentState
    cancel_cause: CancelCause | None
    path: Path
    rank: int
    why: str
    booked_at: datetime
    booked_by_initials: str
    qualified_version: int
    version: int
    outcome: ActOutcome | None
    would_be_mt: Literal["yes", "no", "later"] | None
    triage: Literal["right", "too_low", "too_high"] | None
    tariff: str | None


@dataclass(frozen=True, slots=True)
class Hold:
    """A slot kept for the person on the line until `expires_at` (business clock)."""

    territory_id: str
    id: UUID
    slot_id: UUID
    practitioner_id: UUID
    request_id: UUID
    held_by: UUID
    held_by_initials: str
    expires_at: datetime
