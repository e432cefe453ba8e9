"""Cases handed to the 15 or to the duty doctor: what a fact or a person does to them. Pure.

A `CaseFile` is what regulation knows of one request: at most one case per inbox, the voice's answer, the end. Facts of
intake may come in any order and twice; every function here gives the same file whatever the order (a property of the tests).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Literal, get_args
from uuid import UUID

from shared.errors import Forbidden, NotFound, Refused
from shared.events import Event
from shared.events.base import AgeBand, Answer, Mode, Reason, Sex, Urgency
from shared.events.regulation import AdviceGiven, CaseAcknowledged, CaseDecided, CaseReceived

Inbox = Literal["fifteen", "duty_doctor"]
Channel = Literal["voice", "console", "hub"]
Decision = Literal["taken_by_15", "smur_sent", "advice", "emergency_department", "booked", "returned"]
AdviceDecision = Literal["advice_only", "appointment", "fifteen"]
State = Literal["delivered", "acknowledged", "decided", "closed"]

DANGER: tuple[Urgency, ...] = get_args(Urgency)  # most dangerous first

ADVICE_LIMIT = timedelta(minutes=10)  # operations.md H7: the duty doctor's word, then the SAS by voice
ENDED_AT_THE_15 = frozenset({"handed_15", "no_slot_to_sas"})  # operations.md §5: the desk is done, the 15 is not
ENDING_ACTS = frozenset(  # operations.md §8: the others leave the request open
    {"seen", "seen_again", "seen_ed", "called_15", "phone_only", "refused", "already_taken", "death"}
)
BOOKABLE: tuple[Urgency, ...] = ("same_day", "within_48h", "planned")


class CaseClosed(Refused):
    """The request ended, or somebody else answered: nothing is left to take."""

    code = "case_closed"


class AlreadyDecided(Refused):
    """Another answer stands; `decided_by_initials` says whose."""

    code = "already_decided"


class IncompleteAdvice(Refused):
    """An appointment needs a level that can be booked and at least one mode."""

    code = "incomplete_advice"


@dataclass(frozen=True)
class Person:
    """Who acts: an account, and the doctor behind it when there is one."""

    account_id: UUID
    initials: str
    practitioner_id: UUID | None = None
    regulator: bool = False


@dataclass(frozen=True)
class Handing:
    """What the sender says when he hands a case over. What may be empty is empty: nothing delays the 15.

    `opened_at` is the instant of the dial, or of the question. `provisional`: at the 15, nobody dialled (fall-back, a doctor's
    « le 15 »); with the duty doctor, the instant of the question is unknown. Any handing that is not provisional replaces it.
    `confirmed`: read from intake's event rather than put by the console.
    """

    urgency: Urgency
    opened_at: datetime
    provisional: bool = False
    confirmed: bool = False
    channel: Channel | None = None
    due_at: datetime | None = None
    duty_doctor_id: UUID | None = None
    handed_by: UUID | None = None
    handed_by_initials: str | None = None
    breathing: Answer | None = None
    consciousness: Answer | None = None
    chest_or_collapse: Answer | None = None
    age_band: AgeBand | None = None
    sex: Sex | None = None
    commune: str | None = None
    reason: Reason | None = None
    flags: tuple[str, ...] = ()
    caller_on_line: bool | None = None
    cause: str | None = None


@dataclass(frozen=True)
class Acknowledgement:
    at: datetime
    by: UUID
    initials: str
    role: Literal["arm", "regulator"]


@dataclass(frozen=True)
class Taking:
    """The regulator who answers for the case; the ARM's acknowledgement leaves it to take."""

    at: datetime
    by: UUID
    initials: str


@dataclass(frozen=True)
class Answered:
    """The end of a case in its inbox: a regulator's `Decision`, or a doctor's `AdviceDecision`."""

    decision: Decision | AdviceDecision
    at: datetime
    by: UUID
    initials: str


@dataclass(frozen=True)
class Case:
    """One inbox's view of a request. `overdue_for` is the `asked_at` of the question that stayed ten minutes without a word."""

    inbox: Inbox
    handing: Handing
    received_at: datetime
    acknowledged: Acknowledgement | None = None
    taken: Taking | None = None
    answered: Answered | None = None
    overdue_for: datetime | None = None
    withdrawn_at: datetime | None = None

    @property
    def overdue(self) -> bool:
        return self.overdue_for is not None and self.overdue_for >= self.handing.opened_at

    @property
    def withdrawn(self) -> bool:
        """The other inbox answered what was asked here. A dial to the 15 is never withdrawn: somebody is on the line."""
        if self.withdrawn_at is None:
            return False
        return self.handing.provisional if self.inbox == "fifteen" else self.withdrawn_at >= self.handing.opened_at

    @property
    def done_at(self) -> datetime | None:
        return self.answered.at if self.answered is not None else self.withdrawn_at


@dataclass(frozen=True)
class CaseFile:
    """The aggregate. `request_version` is the highest version of intake's request heard of; the events carry `version`."""

    territory_id: str
    request_id: UUID
    version: int = 0
    request_version: int = 0
    voice_answered_at: datetime | None = None
    ended_as: str | None = None
    ended_at: datetime | None = None
    cases: Mapping[Inbox, Case] = field(default_factory=dict)

    def state(self, inbox: Inbox) -> State:
        """Where the case stands. What is handed over after an end is not closed by it."""
        case = self.cases[inbox]
        ended = self.ended_at is not None and self.ended_at >= case.handing.opened_at
        still_at_the_15 = inbox == "fifteen" and self.ended_as in ENDED_AT_THE_15 and case.answered is None
        if case.withdrawn or (ended and not still_at_the_15):
            return "closed"
        if case.answered is not None:
            return "decided"
        return "acknowledged" if case.acknowledged is not None else "delivered"

    def answered_by_voice(self, inbox: Inbox) -> datetime | None:
        """When a person of the 15 spoke to the caller; an answer to an earlier dial says nothing of this one."""
        at = self.voice_answered_at
        return at if at is not None and at >= self.cases[inbox].handing.opened_at else None

    def is_open(self, inbox: Inbox) -> bool:
        return inbox in self.cases and self.state(inbox) in ("delivered", "acknowledged")


@dataclass(frozen=True)
class Rota:
    """Who answers advice at an instant, and who stands in."""

    practitioner_id: UUID
    deputy_id: UUID | None
    ends_at: datetime


@dataclass(frozen=True)
class Advice:
    """A doctor's word without its words: those are sealed apart."""

    decision: AdviceDecision
    urgency: Urgency | None = None
    modes: tuple[Mode, ...] = ()


Change = tuple[CaseFile, list[Event]]


def combine(known: Handing, said: Handing) -> Handing:
    """The later dial counts; two tellings of one dial fill each other's blanks, intake's event first. Order does not matter."""
    first, second = sorted((known, said), key=lambda one: (not one.provisional, one.opened_at, one.confirmed), reverse=True)
    if first.provisional != second.provisional or first.opened_at != second.opened_at:
        return first
    blanks = {f.name: getattr(second, f.name) for f in fields(Handing) if getattr(first, f.name) in (None, ())}
    return replace(first, **blanks)


def hand_over(file: CaseFile, inbox: Inbox, said: Handing, *, now: datetime) -> Change:
    """The case stands in `inbox`, once. A new dial after the answer opens it again; an old one told late changes nothing."""
    known = file.cases.get(inbox)
    if known is None:
        return _received(file, Case(inbox, said, received_at=now))
    if known.done_at is not None and not said.provisional and said.opened_at > known.done_at:
        return _received(file, Case(inbox, said, received_at=now, overdue_for=known.overdue_for))
    return _with(file, replace(known, handing=combine(known.handing, said))), []


def ask_duty_doctor(file: CaseFile, said: Handing, *, rota: Rota | None, now: datetime) -> Change:
    """Advice is asked: the duty doctor's inbox, and the 15's as well when nobody holds the rota (operations.md H7)."""
    file, events = hand_over(file, "duty_doctor", said, now=now)
    nobody = said.confirmed and said.duty_doctor_id is None and rota is None
    at_the_15 = file.cases.get("fifteen")
    if nobody or (at_the_15 is not None and at_the_15.done_at is None):
        return _fall_back(file, events, now=now)
    return file, events


def doctor_found(file: CaseFile, *, now: datetime) -> CaseFile:
    """The rota was heard of after the question that nobody seemed to hold: the 15 need not look, while the ten minutes last."""
    duty, at_the_15 = file.cases.get("duty_doctor"), file.cases.get("fifteen")
    if duty is None or duty.overdue or not file.is_open("duty_doctor") or at_the_15 is None or not at_the_15.handing.provisional:
        return file
    return _withdraw(file, "fifteen", now=now)


def overdue(file: CaseFile, *, asked_at: datetime, now: datetime) -> Change:
    """Ten minutes without a doctor's word: the 15 sees the case too. A word already given makes this void."""
    events: list[Event] = []
    if "duty_doctor" not in file.cases:
        file, events = hand_over(file, "duty_doctor", Handing("advice", asked_at, provisional=True), now=now)
    case = file.cases["duty_doctor"]
    file = _with(file, replace(case, overdue_for=max(asked_at, case.overdue_for or asked_at)))
    return _fall_back(file, events, now=now) if file.cases["duty_doctor"].overdue else (file, events)


def _fall_back(file: CaseFile, events: list[Event], *, now: datetime) -> Change:
    """The duty doctor's unanswered case, seen by the 15 too; what a dial said there is left as it is."""
    asked, at_the_15 = file.cases["duty_doctor"], file.cases.get("fifteen")
    if asked.answered is not None or asked.withdrawn or (at_the_15 is not None and not at_the_15.handing.provisional):
        return file, events
    if at_the_15 is not None and at_the_15.answered is not None and at_the_15.answered.at >= asked.handing.opened_at:
        return file, events  # the 15 gave it back
    said = replace(asked.handing, provisional=True, confirmed=False)
    if at_the_15 is not None and at_the_15.done_at is None:
        return _with(file, replace(at_the_15, handing=said)), events
    file, more = _received(file, Case("fifteen", said, received_at=now))
    return file, [*events, *more]


def voice_answered(file: CaseFile, *, at: datetime) -> CaseFile:
    """« L'ARM a répondu », told by intake. Known before the case itself or after."""
    if file.voice_answered_at is not None and file.voice_answered_at >= at:
        return file
    return replace(file, version=file.version + 1, voice_answered_at=at)


def end(file: CaseFile, *, outcome: str, at: datetime) -> CaseFile:
    """The request ended at the desk, by its caller or by an act. The latest end counts."""
    if file.ended_at is not None and file.ended_as is not None and (file.ended_at, file.ended_as) >= (at, outcome):
        return file
    return replace(file, version=file.version + 1, ended_at=at, ended_as=outcome)


def heard(file: CaseFile, request_version: int) -> CaseFile:
    """Remember how far intake's request was followed; no change anybody sees, hence no new version."""
    return replace(file, request_version=max(file.request_version, request_version))


def acknowledge(file: CaseFile, person: Person, *, now: datetime) -> Change:
    """« Reçu » by the ARM, « Prendre » by the regulator. The first one counts for the timer; a regulator takes it over from an ARM."""
    case = _case_at_the_15(file)
    if file.state("fifteen") == "closed":
        raise CaseClosed(f"request {file.request_id} ended as {file.ended_as}")
    events: list[Event] = []
    if case.acknowledged is None:
        role: Literal["arm", "regulator"] = "regulator" if person.regulator else "arm"
        case = replace(case, acknowledged=Acknowledgement(now, person.account_id, person.initials, role))
        events.append(CaseAcknowledged(
            territory_id=file.territory_id, version=file.version + 1, occurred_at=now, request_id=file.request_id,
            role=role, acknowledged_by=person.account_id,
        ))  # fmt: skip
    if person.regulator and case.taken is None:
        case = replace(case, taken=Taking(now, person.account_id, person.initials))
    return _with(file, case), events


def decide(file: CaseFile, decision: Decision, person: Person, *, now: datetime) -> Change:
    """The regulator's answer, one of six. It takes the case if nobody had; the duty doctor need not answer any more."""
    if not person.regulator:
        raise Forbidden("an ARM acknowledges, a regulator decides")
    case = _case_at_the_15(file)
    if case.answered is not None:
        if (case.answered.decision, case.answered.by) == (decision, person.account_id):
            return file, []
        raise AlreadyDecided(f"request {file.request_id}", decision=case.answered.decision, decided_by_initials=case.answered.initials)
    file, events = acknowledge(file, person, now=now)
    case = replace(_case_at_the_15(file), answered=Answered(decision, now, person.account_id, person.initials))
    file = replace(file, version=file.version + 1, cases={**file.cases, "fifteen": case})
    events.append(CaseDecided(
        territory_id=file.territory_id, version=file.version, occurred_at=now, request_id=file.request_id,
        decision=decision, decided_by=person.account_id,
    ))  # fmt: skip
    return _withdraw(file, "duty_doctor", now=now) if decision != "returned" else file, events


def holds_rota(practitioner_id: UUID | None, rota: Rota | None) -> bool:
    """The doctor who answers advice now, or the deputy."""
    return rota is not None and practitioner_id is not None and practitioner_id in (rota.practitioner_id, rota.deputy_id)


def may_advise(file: CaseFile, person: Person, rota: Rota | None) -> bool:
    """The doctor of the rota, the deputy, the one named when advice was asked, or any regulator."""
    case = file.cases.get("duty_doctor")
    named = case is not None and person.practitioner_id is not None and case.handing.duty_doctor_id == person.practitioner_id
    return person.regulator or named or holds_rota(person.practitioner_id, rota)


def give_advice(file: CaseFile, advice: Advice, person: Person, rota: Rota | None, *, now: datetime) -> Change:
    """A doctor's word on a request, even on one that we have not heard of yet. The only place where a level goes down.

    Said twice by the same person, it changes nothing (no event comes back); raises AlreadyDecided when another word stands.
    """
    if not may_advise(file, person, rota):
        raise Forbidden(f"advice on request {file.request_id} is for who holds the rota", reason="not_on_duty")
    if advice.decision == "appointment" and not (advice.urgency in BOOKABLE and advice.modes):
        raise IncompleteAdvice("an appointment needs a level that can be booked and at least one mode")
    events: list[Event] = []
    if "duty_doctor" not in file.cases:
        known = file.cases.get("fifteen")
        stub = replace(known.handing if known else Handing("advice", now), urgency="advice", provisional=True, confirmed=False)
        file, events = hand_over(file, "duty_doctor", stub, now=now)
    case = file.cases["duty_doctor"]
    if case.answered is not None:
        if (case.answered.decision, case.answered.by) == (advice.decision, person.account_id):
            return file, []
        raise AlreadyDecided(f"request {file.request_id}", decision=case.answered.decision, decided_by_initials=case.answered.initials)
    if file.state("duty_doctor") == "closed":
        raise CaseClosed(f"request {file.request_id} ended as {file.ended_as}")
    answered = Answered(advice.decision, now, person.account_id, person.initials)
    file = replace(file, version=file.version + 1, cases={**file.cases, "duty_doctor": replace(case, answered=answered)})
    events.append(AdviceGiven(
        territory_id=file.territory_id, version=file.version, occurred_at=now, request_id=file.request_id,
        practitioner_id=person.practitioner_id, decided_by=person.account_id, decision=advice.decision,
        urgency=advice.urgency, modes=list(advice.modes) or None,
    ))  # fmt: skip
    file, more = _after_advice(file, advice, person, now=now)
    return file, [*events, *more]


def _after_advice(file: CaseFile, advice: Advice, person: Person, *, now: datetime) -> Change:
    """What the word does to the 15's inbox: « le 15 » puts the case there; another word answers it, or ends the fall-back."""
    if advice.decision == "fifteen":
        asked = file.cases["duty_doctor"].handing
        return hand_over(file, "fifteen", replace(asked, urgency="red_flag", opened_at=now, provisional=True, confirmed=False), now=now)
    case = file.cases.get("fifteen")
    if case is not None and person.regulator and not case.handing.provisional and file.is_open("fifteen"):
        decision: Decision = "advice" if advice.decision == "advice_only" else "returned"
        return _with(file, replace(case, answered=Answered(decision, now, person.account_id, person.initials))), []
    return _withdraw(file, "fifteen", now=now), []


def _withdraw(file: CaseFile, inbox: Inbox, *, now: datetime) -> CaseFile:
    return _with(file, replace(file.cases[inbox], withdrawn_at=now)) if file.is_open(inbox) else file


def _case_at_the_15(file: CaseFile) -> Case:
    if "fifteen" not in file.cases:
        raise NotFound(f"no case of request {file.request_id} at the 15")
    return file.cases["fifteen"]


def _with(file: CaseFile, case: Case) -> CaseFile:
    """The file with `case`; a new version when that changes something."""
    if file.cases.get(case.inbox) == case:
        return file
    return replace(file, version=file.version + 1, cases={**file.cases, case.inbox: case})


def _received(file: CaseFile, case: Case) -> Change:
    file = _with(file, case)
    if file.state(case.inbox) == "closed":
        return file, []  # it never stood in an inbox: the end was known first
    return file, [CaseReceived(
        territory_id=file.territory_id, version=file.version, occurred_at=case.received_at, request_id=file.request_id,
        inbox=case.inbox, urgency=case.handing.urgency,
    )]  # fmt: skip
