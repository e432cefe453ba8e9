"""What scheduling tells the others: appointments, what became of them, and the agenda they come from."""

from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.events.base import Code, Event, Mode

APPOINTMENTS = "scheduling.appointments"
AGENDAS = "scheduling.agendas"

PractitionerStatus = Literal["titulaire", "adjoint", "remplacant", "collaborateur", "docteur_junior"]
ActOutcome = Literal[
    "seen",
    "seen_again",
    "seen_ed",
    "called_15",
    "door_closed",
    "missed",
    "needs_exam",
    "phone_only",
    "refused",
    "impossible",
    "already_taken",
    "death",
]


class ProposedAct(BaseModel):
    """A code of the dated tariff with its amount; `proposed` until the doctor confirms it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    code: Annotated[str, Field(pattern=r"^[A-Z]{1,5}$")]
    amount_euros: Decimal = Field(ge=0, max_digits=7, decimal_places=2)


class AppointmentBooked(Event):
    """A slot of the shared agenda now belongs to a request; the caller has been told, or intake will have him told.

    `starts_at` is the time read out on the phone; a visit also has the window that was announced (±45 min).
    `travel_minutes` comes from the territory's travel model, without traffic; None unless `mode` is "visit".
    """

    type: ClassVar = "scheduling.AppointmentBooked.v1"
    topic: ClassVar = APPOINTMENTS
    keyed_by: ClassVar = "request_id"

    request_id: UUID
    appointment_id: UUID
    patient_id: UUID
    practitioner_id: UUID
    billing_practitioner_id: UUID
    slot_id: UUID | None = None
    mode: Mode
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    window_starts_at: AwareDatetime | None = None
    window_ends_at: AwareDatetime | None = None
    travel_minutes: Annotated[int, Field(ge=0, le=180)] | None = None
    path: Literal["assisted", "automatic"]
    rank: int = Field(ge=1, description="place of the chosen slot among the proposals")
    why: Code = Field(
        description="main reason: only_one_in_time, soonest, less_loaded, near, continuity, could_be_mt, preferred_mode, next_best, "
        "chosen_by_caller"
    )


class AppointmentCancelled(Event):
    """The slot is free again."""

    type: ClassVar = "scheduling.AppointmentCancelled.v1"
    topic: ClassVar = APPOINTMENTS
    keyed_by: ClassVar = "request_id"

    request_id: UUID
    appointment_id: UUID
    practitioner_id: UUID
    cause: Literal["request_cancelled", "taken_by_15", "by_patient", "by_practitioner", "requalified"]


class RequestUnallocated(Event):
    """Nothing fits before `see_by`. Never tomorrow instead: the duty doctor owns it now."""

    type: ClassVar = "scheduling.RequestUnallocated.v1"
    topic: ClassVar = APPOINTMENTS
    keyed_by: ClassVar = "request_id"

    request_id: UUID
    see_by: AwareDatetime
    cause: Literal["no_slot_in_time", "no_mode_in_time", "no_practitioner"]


class ActClosed(Event):
    """The GP closed the appointment with a code of operations.md §8; acts are proposals, billed by `billing_practitioner_id`."""

    type: ClassVar = "scheduling.ActClosed.v1"
    topic: ClassVar = APPOINTMENTS
    keyed_by: ClassVar = "request_id"

    request_id: UUID
    appointment_id: UUID
    patient_id: UUID
    practitioner_id: UUID
    billing_practitioner_id: UUID
    mode: Mode
    starts_at: AwareDatetime
    outcome: ActOutcome
    would_be_mt: Literal["yes", "no", "later"] | None = None
    triage: Literal["right", "too_low", "too_high"] | None = None
    acts: list[ProposedAct] = Field(default_factory=list)
    tariff: str = Field(max_length=40, description="name and first day of the tariff used")


class PractitionerRegistered(Event):
    """A doctor of the pool. Names and RPPS of professionals are public; their phone and e-mail are not here."""

    type: ClassVar = "scheduling.PractitionerRegistered.v1"
    topic: ClassVar = AGENDAS
    keyed_by: ClassVar = "practitioner_id"

    practitioner_id: UUID
    display_name: str = Field(max_length=80)
    status: PractitionerStatus
    supervisor_id: UUID | None = None
    modes: list[Mode]


class SlotsPublished(Event):
    """Slots were made from availability for a day of one practitioner, counted by mode. An absence publishes again with fewer."""

    type: ClassVar = "scheduling.SlotsPublished.v1"
    topic: ClassVar = AGENDAS
    keyed_by: ClassVar = "practitioner_id"

    practitioner_id: UUID
    on: date
    visit: int = Field(ge=0)
    teleconsultation: int = Field(ge=0)
    surgery: int = Field(ge=0)


class DutyDoctorNamed(Event):
    """Who answers advice between two instants, and who stands in."""

    type: ClassVar = "scheduling.DutyDoctorNamed.v1"
    topic: ClassVar = AGENDAS
    keyed_by: ClassVar = "practitioner_id"

    practitioner_id: UUID
    deputy_id: UUID | None = None
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class SlotHeld(Event):
    """A secretary keeps a slot for the person on the line; colleagues see it hatched."""

    type: ClassVar = "scheduling.SlotHeld.v1"
    topic: ClassVar = AGENDAS
    keyed_by: ClassVar = "practitioner_id"

    practitioner_id: UUID
    slot_id: UUID
    hold_id: UUID
    held_by: UUID
    expires_at: AwareDatetime


class SlotReleased(Event):
    """The hold ended without a booking: given back, or expired."""

    type: ClassVar = "scheduling.SlotReleased.v1"
    topic: ClassVar = AGENDAS
    keyed_by: ClassVar = "practitioner_id"

    practitioner_id: UUID
    slot_id: UUID
    hold_id: UUID
    cause: Literal["given_back", "expired"]
