"""The request: where it stands, who owns it and until when. Frozen; the steps are in `steps.py` and `follow.py`."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from services.intake.domain.ages import AgeUnit, SaidAge
from services.intake.domain.deadlines import RUNG_1, RUNG_2
from services.intake.domain.refusals import IllegalTransition
from services.intake.domain.screening import Result, Vital
from shared.events.base import AgeBand, Event, Mode, Sex, Urgency
from shared.events.intake import RequestQualified

State = Literal[
    "received",
    "screened",
    "qualified",
    "booked",
    "honoured",
    "missed",
    "cancelled",
    "closed",
    "handed_over",
    "advice_pending",
    "callback_promised",
    "waiting_slot",
    "recontact_due",
    "unallocated",
]
Owner = Literal["desk", "duty_doctor", "fifteen", "scheduling", "practitioner"]
Channel = Literal["voice", "console", "hub"]
AdviceCause = Literal["screening", "protocol", "unallocated", "missed", "raised"]
Decision = Literal["advice_only", "appointment", "fifteen"]
Origin = Literal["patient", "professional", "sas"]

TERMINAL: frozenset[State] = frozenset({"honoured", "missed", "cancelled", "closed"})
OPEN: frozenset[State] = frozenset(
    {
        "received",
        "screened",
        "qualified",
        "booked",
        "handed_over",
        "advice_pending",
        "callback_promised",
        "waiting_slot",
        "recontact_due",
        "unallocated",
    }
)

# Outcomes of operations.md §5 that the desk may close a request with; the others are made by their own steps.
DESK_OUTCOMES: frozenset[str] = frozenset(
    {
        "no_slot_to_sas",
        "own_doctor",
        "pharmacy",
        "other_care",
        "changed",
        "information",
        "professional_note",
        "refused_by_patient",
        "abandoned",
        "out_of_mission",
        "abuse_or_error",
    }
)
# A call that opened no request ends with one of these (operations.md §5), or without a word.
CALL_OUTCOMES: frozenset[str] = frozenset(
    {
        "changed",
        "information",
        "professional_note",
        "out_of_mission",
        "abuse_or_error",
        "abandoned",
        "own_doctor",
        "pharmacy",
        "other_care",
    }
)


@dataclass(frozen=True)
class Screened:
    """Step 0 as decided."""

    result: Result
    rule: str | None
    question_set: str
    at: datetime


@dataclass(frozen=True)
class Assessed:
    """What the protocol said, kept for a later decision of the doctor."""

    reason: str
    modes: tuple[Mode, ...]
    protocol: str
    causes: tuple[str, ...]
    cell: str | None
    without_mt: bool
    assisted: bool


@dataclass(frozen=True)
class HandOver:
    """The 15 by voice or console; the safety timer runs from `dialled_at` until `answered_at`."""

    channel: Channel
    dialled_at: datetime
    handed_by: UUID
    answered_at: datetime | None = None
    rungs: int = 0
    cut_at: datetime | None = None
    caller_on_line: bool = True


@dataclass(frozen=True)
class Advice:
    """One round of asking a doctor; a new round forgets the decision of the last."""

    asked_at: datetime
    due_at: datetime
    cause: AdviceCause
    duty_doctor_id: UUID | None
    overdue: bool = False
    decision: Decision | None = None
    decided_by: UUID | None = None
    decided_at: datetime | None = None
    urgency: Urgency | None = None
    modes: tuple[Mode, ...] = ()


@dataclass(frozen=True)
class Appointment:
    """Copy of scheduling's live appointment; `fact_version` is of the last fact taken over."""

    appointment_id: UUID
    fact_version: int
    practitioner_id: UUID
    mode: Mode
    starts_at: datetime
    ends_at: datetime
    window_starts_at: datetime | None = None
    window_ends_at: datetime | None = None
    live: bool = True
    act_outcome: str | None = None


@dataclass(frozen=True)
class CaseCopy:
    """What regulation said of its case: a grey second line beside the voice."""

    received_at: datetime | None = None
    acknowledged_at: datetime | None = None
    decision: str | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True)
class Request:
    """No free text and no identity here: those are sealed (`sealed.py`). `version` counts the events recorded.

    `tries` counts calls without answer while a call-back or a recontact is due; `check_15_at` is the « pris en charge ? » of H1.
    """

    id: UUID
    territory_id: str
    version: int
    state: State
    owner: Owner | None
    due_at: datetime | None
    origin: Origin
    rang_at: datetime
    contract_deadline: datetime
    received_at: datetime
    opened_by: UUID
    secretary_initials: str = ""
    call_id: UUID | None = None
    patient_id: UUID | None = None
    caller_role: Literal["patient", "other", "professional"] | None = None
    with_patient_now: bool | None = None
    age_value: int | None = None
    age_unit: AgeUnit | None = None
    sex: Sex | None = None
    age_band: AgeBand | None = None
    commune: str | None = None
    vital: Vital = field(default_factory=Vital)
    screened: Screened | None = None
    urgency: Urgency | None = None
    raised_to: Urgency | None = None
    flags: tuple[str, ...] = ()
    assessed: Assessed | None = None
    qualified: RequestQualified | None = None
    handover: HandOver | None = None
    advice: Advice | None = None
    appointment: Appointment | None = None
    case: CaseCopy = field(default_factory=CaseCopy)
    outcome: str | None = None
    tries: int = 0
    check_15_at: datetime | None = None
    recap_done_at: datetime | None = None
    mt_help: Literal["yes", "no", "later"] | None = None

    @property
    def open(self) -> bool:
        return self.state not in TERMINAL

    @property
    def said_age(self) -> SaidAge:
        return SaidAge(self.age_value, self.age_unit)

    @property
    def lowered(self) -> Advice | None:
        """The doctor's decision that now fixes the level, if any."""
        return self.advice if self.advice is not None and self.advice.decision == "appointment" else None

    def expect(self, *states: State) -> None:
        """Raises IllegalTransition unless the request is in one of `states`."""
        if self.state not in states:
            raise IllegalTransition(f"the request is {self.state}", state=self.state)

    def waits(self, state: State, owner: Owner, due_at: datetime) -> Self:
        """Open, with its owner and its hour."""
        return replace(self, state=state, owner=owner, due_at=due_at)

    def ends(self, state: State, outcome: str | None) -> Self:
        """Terminal: nobody owes anything any more."""
        return replace(self, state=state, owner=None, due_at=None, outcome=outcome)


@dataclass(frozen=True)
class Step:
    """The request after a step, and what the others are told, in order; each event carries its version."""

    request: Request
    events: tuple[Event, ...] = ()

    def then(self, other: "Step") -> "Step":
        """`other` was decided from this step's request."""
        return Step(other.request, self.events + other.events)


TimerKind = Literal["handover_rung_1", "handover_rung_2", "advice"]
TIMER_KINDS: tuple[TimerKind, ...] = ("handover_rung_1", "handover_rung_2", "advice")


def timers_of(request: Request) -> dict[TimerKind, datetime]:
    """What must run by itself for this request, and when; derived, so that no step can forget to stop one."""
    timers: dict[TimerKind, datetime] = {}
    handover, advice = request.handover, request.advice
    if request.state == "handed_over" and handover is not None and handover.answered_at is None:
        if handover.rungs < 1:
            timers["handover_rung_1"] = handover.dialled_at + RUNG_1
        if handover.rungs < 2:
            timers["handover_rung_2"] = handover.dialled_at + RUNG_2
    if request.state in ("advice_pending", "unallocated") and advice is not None and advice.decision is None and not advice.overdue:
        timers["advice"] = advice.due_at
    return timers
