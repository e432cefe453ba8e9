"""What regulation tells the others: cases handed to the 15 or to the duty doctor, and what was answered."""

from typing import ClassVar, Literal
from uuid import UUID

from shared.events.base import Event, Mode, Urgency

CASES = "regulation.cases"


class CaseReceived(Event):
    """The case stands in an inbox: delivered to a machine, not yet taken by a person."""

    type: ClassVar = "regulation.CaseReceived.v1"
    topic: ClassVar = CASES
    keyed_by: ClassVar = "request_id"

    request_id: UUID
    inbox: Literal["fifteen", "duty_doctor"]
    urgency: Urgency


class CaseAcknowledged(Event):
    """A person of the 15 pressed the key on the console. Which acknowledgement counts is the territory's setting."""

    type: ClassVar = "regulation.CaseAcknowledged.v1"
    topic: ClassVar = CASES
    keyed_by: ClassVar = "request_id"

    request_id: UUID
    role: Literal["arm", "regulator"]
    acknowledged_by: UUID


class CaseDecided(Event):
    """The regulator's answer, one of six. `returned` gives the request back to the desk."""

    type: ClassVar = "regulation.CaseDecided.v1"
    topic: ClassVar = CASES
    keyed_by: ClassVar = "request_id"

    request_id: UUID
    decision: Literal["taken_by_15", "smur_sent", "advice", "emergency_department", "booked", "returned"]
    decided_by: UUID


class AdviceGiven(Event):
    """A doctor's word on a request: his words stay where free text may be, here only the decision.

    `advice_only` ends it; `appointment` re-qualifies with `urgency` and `modes` (a level goes down only here);
    `fifteen` hands it to the 15.
    """

    type: ClassVar = "regulation.AdviceGiven.v1"
    topic: ClassVar = CASES
    keyed_by: ClassVar = "request_id"

    request_id: UUID
    practitioner_id: UUID | None = None
    decided_by: UUID
    decision: Literal["advice_only", "appointment", "fifteen"]
    urgency: Urgency | None = None
    modes: list[Mode] | None = None
