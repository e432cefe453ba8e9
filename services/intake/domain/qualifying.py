"""From answers to a level, and from a level to scheduling, to a doctor or to the 15. Only a doctor's traced decision goes down."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from services.intake.domain import deadlines, steps
from services.intake.domain.deadlines import rank
from services.intake.domain.protocol import Assessment
from services.intake.domain.refusals import AlreadyDecided, DecisionIncomplete, NotScreened, OnlyADoctorLowers, TooLateToday
from services.intake.domain.request import OPEN, AdviceCause, Assessed, Decision, Request, Step
from shared.events.base import AgeBand, Mode, Sex, Urgency
from shared.events.intake import RequestQualified

_BOOKABLE: tuple[Urgency, ...] = ("same_day", "within_48h", "planned")


@dataclass(frozen=True)
class PatientFacts:
    """What of a patient may leave intake."""

    id: UUID
    commune: str
    cell: str | None
    age_band: AgeBand
    sex: Sex
    without_mt: bool
    flags: tuple[str, ...]


def floor_of(request: Request) -> Urgency | None:
    """The level under which the secretary may not go: step 0, what was said before, what she raised. A doctor's decision forgets step 0."""
    said = [level for level in (request.urgency, request.raised_to) if level is not None]
    if request.lowered is None and request.screened is not None and request.screened.result != "clear":
        said.append(request.screened.result)
    return deadlines.most_urgent(*said) if said else None


def qualify(
    request: Request,
    patient: PatientFacts,
    said: Assessment,
    *,
    raised_to: Urgency | None,
    assisted: bool,
    zone: ZoneInfo,
    duty_doctor_id: UUID | None,
    now: datetime,
) -> Step:
    """The reason is known. red_flag: the page goes to the hand-over; advice: a doctor; else scheduling may look for a slot.

    A doctor's decision that already stands fixes the level unless the answers are a red flag. `same_day` asked too late is advice.
    """
    if request.screened is None:
        raise NotScreened("the three vital questions come first")
    request.expect("screened", "qualified", "recontact_due", "callback_promised", "waiting_slot")
    decided = request.lowered
    urgency = said.urgency
    if decided is not None and urgency != "red_flag":
        urgency = deadlines.most_urgent(floor_of(request), raised_to)
    known = replace(
        request,
        patient_id=patient.id,
        age_band=patient.age_band,
        sex=patient.sex,
        commune=patient.commune,
        flags=said.flags,
        urgency=urgency,
        tries=0,
        assessed=Assessed(
            reason=said.reason,
            modes=said.modes,
            protocol=said.protocol,
            causes=said.causes,
            cell=patient.cell,
            without_mt=patient.without_mt,
            assisted=assisted,
        ),
    )
    if urgency == "red_flag":
        return Step(known.waits("screened", "desk", now + deadlines.RED_FLAG_AT_DESK))
    if urgency == "advice":
        return steps.ask_advice(known, _cause(request, said), duty_doctor_id=duty_doctor_id, now=now)
    asked_at = request.rang_at if decided is None or decided.decided_at is None else decided.decided_at
    try:
        limit = deadlines.see_by(urgency, asked_at, zone, now=now)
    except TooLateToday:
        return steps.ask_advice(known, "protocol", duty_doctor_id=duty_doctor_id, now=now)
    modes = decided.modes if decided is not None and decided.modes else said.modes
    return _requalify(known, urgency, modes, limit, assisted=assisted, lowered_by=None if decided is None else decided.decided_by, now=now)


def raise_level(request: Request, urgency: Urgency, *, zone: ZoneInfo, duty_doctor_id: UUID | None, now: datetime) -> Step:
    """One key of the secretary, always up; the same level again changes nothing, save that `advice` asks a doctor who was not asked yet.

    Before the reason it is kept as a floor, except `advice` and `red_flag`, which act at once.
    """
    request.expect(*(OPEN - {"handed_over"}))
    floor = floor_of(request)
    if floor is not None and rank(urgency) < rank(floor):
        raise OnlyADoctorLowers(f"the level is already {floor}", urgency=floor)
    if urgency == floor and (urgency != "advice" or request.state in ("advice_pending", "unallocated")):
        return Step(request)
    raised = replace(request, raised_to=urgency)
    if urgency == "red_flag":
        return Step(replace(raised, urgency="red_flag").waits("screened", "desk", now + deadlines.RED_FLAG_AT_DESK))
    if urgency == "advice":
        return steps.ask_advice(raised, "raised", duty_doctor_id=duty_doctor_id, now=now)
    if request.qualified is None or request.assessed is None:
        return Step(raised)
    try:
        limit = deadlines.see_by(urgency, now, zone, now=now)
    except TooLateToday:
        return steps.ask_advice(raised, "raised", duty_doctor_id=duty_doctor_id, now=now)
    return _requalify(
        replace(raised, urgency=urgency),
        urgency,
        request.assessed.modes,
        limit,
        assisted=request.assessed.assisted,
        lowered_by=None,
        now=now,
    )


@dataclass(frozen=True)
class DoctorsWord:
    """A doctor's traced decision on a request, by HTTP or by `AdviceGiven`."""

    decision: Decision
    decided_by: UUID
    decided_at: datetime
    urgency: Urgency | None = None
    modes: tuple[Mode, ...] = ()


def decide(request: Request, word: DoctorsWord, *, zone: ZoneInfo, duty_doctor_id: UUID | None, now: datetime) -> Step:
    """The doctor's word. The same decision again changes nothing, another one raises AlreadyDecided.

    `appointment` re-qualifies (the only way down) and is allocated automatically; without reason or patient yet the secretary goes on at
    the level he gave. `same_day` when nothing is left today comes back to the doctors as unallocated: never tomorrow.
    """
    advice = request.advice
    if advice is not None and advice.decision is not None:
        if (advice.decision, advice.urgency) == (word.decision, word.urgency) or advice.decision == word.decision != "appointment":
            return Step(request)
        if not request.open or advice.decided_at is None or word.decided_at <= advice.decided_at:
            raise AlreadyDecided(f"decided: {advice.decision}", decision=advice.decision)
    request.expect(*OPEN)
    if word.decision == "appointment" and word.urgency not in _BOOKABLE:
        raise DecisionIncomplete("an appointment needs same_day, within_48h or planned")
    asked = advice or steps.ask_advice(request, "raised", duty_doctor_id=None, now=now).request.advice
    assert asked is not None
    decided = replace(
        asked, decision=word.decision, decided_by=word.decided_by, decided_at=word.decided_at, urgency=word.urgency, modes=word.modes
    )
    known = replace(request, advice=decided, raised_to=None)
    if word.decision == "advice_only":
        return steps.close_as_advised(known, now=now)
    if word.decision == "fifteen":
        if request.state == "handed_over":
            return Step(known)
        return Step(replace(known, urgency="red_flag").waits("screened", "desk", now + deadlines.RED_FLAG_AT_DESK))
    assert word.urgency is not None
    known = replace(known, urgency=word.urgency)
    if known.assessed is None or known.patient_id is None or known.commune is None or known.age_band is None:
        return Step(known.waits("received" if request.screened is None else "screened", "desk", now + deadlines.DESK_FOLLOW_UP))
    try:
        limit = deadlines.see_by(word.urgency, now, zone, now=now)
    except TooLateToday:
        return steps.ask_advice(replace(known, urgency="advice"), "unallocated", duty_doctor_id=duty_doctor_id, now=now)
    return _requalify(known, word.urgency, word.modes or known.assessed.modes, limit, assisted=False, lowered_by=word.decided_by, now=now)


def _requalify(
    request: Request, urgency: Urgency, modes: tuple[Mode, ...], limit: datetime, *, assisted: bool, lowered_by: UUID | None, now: datetime
) -> Step:
    assessed = request.assessed
    assert assessed is not None and request.patient_id is not None and request.commune is not None and request.age_band is not None
    previous = request.appointment.practitioner_id if request.appointment is not None else None
    told = RequestQualified(
        territory_id=request.territory_id,
        version=request.version + 1,
        occurred_at=now,
        request_id=request.id,
        patient_id=request.patient_id,
        urgency=urgency,
        reason=assessed.reason,
        modes=list(modes),
        earliest=now,
        see_by=limit,
        contract_deadline=request.contract_deadline,
        commune=request.commune,
        cell=assessed.cell,
        age_band=request.age_band,
        flags=list(request.flags),
        without_mt=assessed.without_mt,
        previous_practitioner_id=previous,
        allocation="assisted" if assisted else "automatic",
        assist_until=now + deadlines.ASSIST_FOR if assisted else None,
        protocol=assessed.protocol,
        lowered_by=lowered_by,
    )
    waiting = replace(request, version=told.version, urgency=urgency, qualified=told)
    return Step(waiting.waits("qualified", "desk" if assisted else "scheduling", now + deadlines.ASSIST_FOR), (told,))


def _cause(request: Request, said: Assessment) -> AdviceCause:
    first = said.causes[0] if said.causes else ""
    if first == "raised":
        return "raised"
    return "screening" if first == "floor" and request.screened is not None and request.screened.result == "advice" else "protocol"
