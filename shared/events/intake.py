"""What intake tells the others: calls, the progress of requests, patients without a single direct identifier."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.base import AgeBand, Answer, Cell, Code, Event, InseeCode, Mode, Reason, Sex, Urgency

CALLS = "intake.calls"
REQUESTS = "intake.requests"
PATIENTS = "intake.patients"
MESSAGES = "intake.messages"


class CallReceived(Event):
    """The line rings. Recorded before anybody picks up: an unanswered call is part of the demand."""

    type: ClassVar = "intake.CallReceived.v1"
    topic: ClassVar = CALLS
    keyed_by: ClassVar = "call_id"

    call_id: UUID
    number_known: bool = Field(description="a number was shown; the number itself stays in intake")


class CallAnswered(Event):
    """A secretary picked up. `waited_seconds` counts from the first ring, business time."""

    type: ClassVar = "intake.CallAnswered.v1"
    topic: ClassVar = CALLS
    keyed_by: ClassVar = "call_id"

    call_id: UUID
    waited_seconds: int = Field(ge=0)
    answered_by: UUID = Field(description="account of the secretary")


class CallAbandoned(Event):
    """The caller hung up before anybody answered; a task to ring back stands in intake when the number is known."""

    type: ClassVar = "intake.CallAbandoned.v1"
    topic: ClassVar = CALLS
    keyed_by: ClassVar = "call_id"

    call_id: UUID
    waited_seconds: int = Field(ge=0)


class CallEnded(Event):
    """The secretary hung up. `outcome` only when the call opened no request (information, changed, abuse_or_error…)."""

    type: ClassVar = "intake.CallEnded.v1"
    topic: ClassVar = CALLS
    keyed_by: ClassVar = "call_id"

    call_id: UUID
    request_ids: list[UUID]
    outcome: Code | None = None
    talked_seconds: int = Field(ge=0)


class RequestReceived(Event):
    """A person needs care: the 48 h of the contract run from `rang_at`, not from now."""

    type: ClassVar = "intake.RequestReceived.v1"
    topic: ClassVar = REQUESTS
    keyed_by: ClassVar = "request_id"

    request_id: UUID
    call_id: UUID | None = None
    origin: Literal["patient", "professional", "sas"]
    rang_at: AwareDatetime
    contract_deadline: AwareDatetime


class RequestScreened(Event):
    """Step 0 is answered: the three vital questions, then who and what age if said."""

    type: ClassVar = "intake.RequestScreened.v1"
    topic: ClassVar = REQUESTS
    keyed_by: ClassVar = "request_id"

    request_id: UUID
    breathing: Answer
    consciousness: Answer
    chest_or_collapse: Answer
    result: Literal["clear", "red_flag", "advice"]
    rule: Code | None = Field(default=None, description="rule by age or state that decided, when it was not an answer")
    age_band: AgeBand | None = None
    sex: Sex | None = None
    commune: InseeCode | None = None
    screened_in_seconds: int = Field(ge=0, description="from pick-up to the last vital answer")
    question_set: str = Field(max_length=40)


class RequestQualified(Event):
    """Self-sufficient: all that scheduling needs to find a slot. A higher version replaces a lower one."""

    type: ClassVar = "intake.RequestQualified.v1"
    topic: ClassVar = REQUESTS
    keyed_by: ClassVar = "request_id"

    request_id: UUID
    patient_id: UUID
    urgency: Urgency
    reason: Reason
    modes: list[Mode] = Field(min_length=1, max_length=3, description="in order of preference")
    earliest: AwareDatetime
    see_by: AwareDatetime
    contract_deadline: AwareDatetime
    commune: InseeCode
    cell: Cell | None = None
    age_band: AgeBand
    flags: list[Code] = Field(
        default_factory=list, description="reduced_mobility, isolated, interpreter, pregnant, anticoagulant, immunosuppressed…"
    )
    without_mt: bool
    previous_practitioner_id: UUID | None = None
    allocation: Literal["assisted", "automatic"]
    assist_until: AwareDatetime | None = None
    protocol: str = Field(max_length=40, description="name and version of the protocol that decided")
    lowered_by: UUID | None = Field(default=None, description="practitioner or regulator whose traced decision lowered the level")


class RequestHandedOver(Event):
    """The 15 is being called, by voice or console. What may be empty is empty: nothing delays the 15."""

    type: ClassVar = "intake.RequestHandedOver.v1"
    topic: ClassVar = REQUESTS
    keyed_by: ClassVar = "request_id"

    request_id: UUID
    urgency: Urgency
    channel: Literal["voice", "console", "hub"]
    dialled_at: AwareDatetime
    handed_by: UUID
    breathing: Answer | None = None
    consciousness: Answer | None = None
    chest_or_collapse: Answer | None = None
    age_band: AgeBand | None = None
    sex: Sex | None = None
    commune: InseeCode | None = None
    reason: Reason | None = None
    flags: list[Code] = Field(default_factory=list)
    caller_on_line: bool = True


class HandOverAnswered(Event):
    """« L'ARM a répondu »: a person of the 15 talks to the caller. The safety timer stops."""

    type: ClassVar = "intake.HandOverAnswered.v1"
    topic: ClassVar = REQUESTS
    keyed_by: ClassVar = "request_id"

    request_id: UUID
    channel: Literal["voice", "console", "hub"]
    dialled_at: AwareDatetime
    seconds_to_voice: int = Field(ge=0)


class HandOverOverdue(Event):
    """Nobody of the 15 answered in time: `rung` 1 is the second line or the 112 (60 s), 2 the duty doctor's mobile (120 s)."""

    type: ClassVar = "intake.HandOverOverdue.v1"
    topic: ClassVar = REQUESTS
    keyed_by: ClassVar = "request_id"

    request_id: UUID
    rung: Literal[1, 2]


class AdviceRequested(Event):
    """A doctor must say, before `due_at` (10 min). Goes to the duty doctor, or to the SAS by voice when there is none."""

    type: ClassVar = "intake.AdviceRequested.v1"
    topic: ClassVar = REQUESTS
    keyed_by: ClassVar = "request_id"

    request_id: UUID
    patient_id: UUID | None = None
    duty_doctor_id: UUID | None = None
    asked_at: AwareDatetime
    due_at: AwareDatetime
    cause: Literal["screening", "protocol", "unallocated", "missed", "raised"]
    reason: Reason | None = None
    age_band: AgeBand | None = None
    sex: Sex | None = None
    commune: InseeCode | None = None
    flags: list[Code] = Field(default_factory=list)


class AdviceOverdue(Event):
    """Ten minutes without a doctor's word: the secretary calls the 15 (« avis médical, demandé à … »)."""

    type: ClassVar = "intake.AdviceOverdue.v1"
    topic: ClassVar = REQUESTS
    keyed_by: ClassVar = "request_id"

    request_id: UUID
    asked_at: AwareDatetime


class CallbackPromised(Event):
    """The caller was told « avant hh:mm »."""

    type: ClassVar = "intake.CallbackPromised.v1"
    topic: ClassVar = REQUESTS
    keyed_by: ClassVar = "request_id"

    request_id: UUID
    due_at: AwareDatetime


class AllocationDelegated(Event):
    """« Allouer sans moi »: scheduling may now allocate without waiting for the secretary."""

    type: ClassVar = "intake.AllocationDelegated.v1"
    topic: ClassVar = REQUESTS
    keyed_by: ClassVar = "request_id"

    request_id: UUID


class RequestCancelled(Event):
    """The need is gone or the caller gave up; a live appointment is freed, in any order of arrival."""

    type: ClassVar = "intake.RequestCancelled.v1"
    topic: ClassVar = REQUESTS
    keyed_by: ClassVar = "request_id"

    request_id: UUID
    cause: Code


class RequestClosed(Event):
    """The request ended at the desk with a code of the closed list (operations.md §5), without an act."""

    type: ClassVar = "intake.RequestClosed.v1"
    topic: ClassVar = REQUESTS
    keyed_by: ClassVar = "request_id"

    request_id: UUID
    outcome: Code


class PatientRegistered(Event):
    """A person is known to intake. No name, no birth date: what the matching and the indicators need."""

    type: ClassVar = "intake.PatientRegistered.v1"
    topic: ClassVar = PATIENTS
    keyed_by: ClassVar = "patient_id"

    patient_id: UUID
    age_band: AgeBand
    sex: Sex
    commune: InseeCode
    cell: Cell | None = None
    without_mt: bool
    flags: list[Code] = Field(default_factory=list, description="ald, c2s, disability, pregnant…")


class MtHelpAnswered(Event):
    """« Voulez-vous qu'on vous aide à trouver un médecin traitant ? » A yes is the consent, stored with its instant."""

    type: ClassVar = "intake.MtHelpAnswered.v1"
    topic: ClassVar = PATIENTS
    keyed_by: ClassVar = "patient_id"

    patient_id: UUID
    request_id: UUID
    answer: Literal["yes", "no", "later"]
