"""What the desk and its timers do to a request. Each function returns the step or raises a refusal and changes nothing."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.intake.domain import deadlines
from services.intake.domain.ages import AgeUnit
from services.intake.domain.deadlines import rank
from services.intake.domain.refusals import (
    AppointmentNotToDelegate,
    DeadlineInThePast,
    IllegalTransition,
    NotHandedOver,
    OnlyADoctorLowers,
    OutcomeNeeded,
    RedFlagStands,
    UnknownOutcome,
)
from services.intake.domain.request import (
    DESK_OUTCOMES,
    OPEN,
    Advice,
    AdviceCause,
    Channel,
    HandOver,
    Origin,
    Request,
    Screened,
    State,
    Step,
)
from services.intake.domain.screening import QUESTION_SET, Vital, screen
from shared.events.base import Answer, Sex
from shared.events.intake import (
    AdviceOverdue,
    AdviceRequested,
    AllocationDelegated,
    CallbackPromised,
    HandOverAnswered,
    HandOverOverdue,
    RequestCancelled,
    RequestClosed,
    RequestHandedOver,
    RequestReceived,
    RequestScreened,
)

_TALKING: tuple[State, ...] = ("received", "screened", "qualified", "recontact_due", "callback_promised", "waiting_slot")
MAX_TRIES = 2  # operations.md H6: two failures, then the duty doctor decides


def receive(
    request_id: UUID, territory_id: str, *, rang_at: datetime, call_id: UUID | None, origin: Origin, by: UUID, initials: str, now: datetime
) -> Step:
    """A person needs care; the contract's 48 h run from the first ring."""
    request = Request(
        id=request_id,
        territory_id=territory_id,
        version=1,
        state="received",
        owner="desk",
        due_at=now + deadlines.ON_THE_PHONE,
        origin=origin,
        rang_at=rang_at,
        contract_deadline=deadlines.contract_deadline(rang_at),
        received_at=now,
        opened_by=by,
        secretary_initials=initials,
        call_id=call_id,
    )
    told = RequestReceived(
        territory_id=territory_id,
        version=1,
        occurred_at=now,
        request_id=request_id,
        call_id=call_id,
        origin=origin,
        rang_at=rang_at,
        contract_deadline=request.contract_deadline,
    )
    return Step(request, (told,))


def answer_step0(
    request: Request,
    vital: Vital,
    *,
    age_value: int | None,
    age_unit: AgeUnit | None,
    sex: Sex | None,
    commune: str | None,
    asked_since: datetime,
    now: datetime,
) -> Step:
    """Keep what was said; once it decides, the request is screened. An answer may make it worse at any time, better only once:
    the confirming « là, maintenant ? » after a yes, before the 15 was called."""
    request.expect(*OPEN)
    kept = replace(
        request,
        vital=vital,
        age_value=age_value,
        age_unit=age_unit,
        sex=sex,
        commune=commune or request.commune,
        age_band=request.age_band
        if request.patient_id is not None
        else replace(request, age_value=age_value, age_unit=age_unit).said_age.band,
    )
    found = screen(vital, kept.said_age)
    before = request.screened
    if found is None or (before is not None and found.result == before.result):
        return Step(kept)
    confirming = False
    if before is not None and _screening_rank(found.result) < _screening_rank(before.result):
        confirming = (
            vital.confirmed_not_now and not request.vital.confirmed_not_now and found.result == "advice" and request.state == "screened"
        )
        if not confirming:
            raise OnlyADoctorLowers(f"step 0 said {before.result}", screening=before.result)
    screened = replace(kept, screened=Screened(found.result, found.rule, QUESTION_SET, now), version=request.version + 1)
    told = RequestScreened(
        territory_id=request.territory_id,
        version=screened.version,
        occurred_at=now,
        request_id=request.id,
        breathing=_said(vital.breathing),
        consciousness=_said(vital.consciousness),
        chest_or_collapse=_said(vital.chest_or_collapse),
        result=found.result,
        rule=found.rule,
        age_band=screened.age_band,
        sex=sex,
        commune=screened.commune,
        screened_in_seconds=max(0, int((now - asked_since).total_seconds())),
        question_set=QUESTION_SET,
    )
    if found.result == "red_flag":
        if request.state != "handed_over":
            screened = replace(screened, urgency="red_flag").waits("screened", "desk", now + deadlines.RED_FLAG_AT_DESK)
        return Step(screened, (told,))
    if request.state in ("received", "screened", "recontact_due", "callback_promised"):
        step0_alone = confirming and request.assessed is None
        urgency = None if step0_alone else request.urgency
        screened = replace(screened, urgency=urgency).waits("screened", "desk", now + deadlines.ON_THE_PHONE)
    return Step(screened, (told,))


def hand_over(request: Request, *, channel: Channel, dialled_at: datetime, by: UUID, caller_on_line: bool, now: datetime) -> Step:
    """The 15 rings: from any open state, whatever is missing. The same dial again changes nothing; after a cut it is a new dial."""
    running = request.handover
    if request.state == "handed_over" and running is not None and running.cut_at is None:
        return Step(request)
    request.expect(*OPEN)
    dialled = replace(
        request,
        version=request.version + 1,
        urgency="red_flag",
        outcome=None,
        handover=HandOver(channel=channel, dialled_at=dialled_at, handed_by=by, caller_on_line=caller_on_line),
    ).waits("handed_over", "fifteen", dialled_at + deadlines.RUNG_1)
    told = RequestHandedOver(
        territory_id=request.territory_id,
        version=dialled.version,
        occurred_at=now,
        request_id=request.id,
        urgency="red_flag",
        channel=channel,
        dialled_at=dialled_at,
        handed_by=by,
        breathing=request.vital.breathing,
        consciousness=request.vital.consciousness,
        chest_or_collapse=request.vital.chest_or_collapse,
        age_band=request.age_band,
        sex=request.sex,
        commune=request.commune,
        reason=None if request.assessed is None else request.assessed.reason,
        flags=list(request.flags),
        caller_on_line=caller_on_line,
    )
    return Step(dialled, (told,))


def answer_hand_over(request: Request, *, channel: Channel, now: datetime) -> Step:
    """« L'ARM a répondu »: the timer stops, the request ends as `handed_15`, the +60 min question stands. Repeated = nothing."""
    handover = request.handover
    if handover is None:
        raise NotHandedOver("nobody called the 15 for this request")
    if handover.answered_at is not None:
        return Step(request)
    request.expect("handed_over")
    answered = replace(request, version=request.version + 1, handover=replace(handover, answered_at=now, cut_at=None))
    told = HandOverAnswered(
        territory_id=request.territory_id,
        version=answered.version,
        occurred_at=now,
        request_id=request.id,
        channel=channel,
        dialled_at=handover.dialled_at,
        seconds_to_voice=max(0, int((now - handover.dialled_at).total_seconds())),
    )
    return Step(answered, (told,)).then(end_as_handed(answered, now=now))


def end_as_handed(request: Request, *, now: datetime) -> Step:
    """The 15 has it: `handed_15`, with « Le patient a-t-il été pris en charge ? » an hour later."""
    return _close(replace(request, check_15_at=now + deadlines.CHECK_AFTER_15), "handed_15", now=now)


def cut_hand_over(request: Request, *, now: datetime) -> Step:
    """The line fell before the 15 answered: open, the desk calls back at once while the timers run on."""
    if request.state != "handed_over" or request.handover is None:
        raise NotHandedOver("no hand-over is running")
    cut = replace(request, handover=replace(request.handover, cut_at=now, caller_on_line=False), outcome="handed_15_cut")
    return Step(cut.waits("handed_over", "desk", now + deadlines.CALL_BACK_AFTER_CUT))


def climb_rung(request: Request, rung: int, *, now: datetime) -> Step:
    """Nobody of the 15 answered in time. Late or repeated timers find nothing to do."""
    handover = request.handover
    if request.state != "handed_over" or handover is None or handover.answered_at is not None or handover.rungs >= rung:
        return Step(request)
    limit = handover.dialled_at + (deadlines.RUNG_2 if rung == 1 else deadlines.UNANSWERED_AFTER_RUNGS)
    climbed = replace(request, version=request.version + 1, handover=replace(handover, rungs=rung))
    climbed = climbed.waits("handed_over", "desk" if rung == 1 else "duty_doctor", limit)
    told = HandOverOverdue(
        territory_id=request.territory_id, version=climbed.version, occurred_at=now, request_id=request.id, rung=1 if rung == 1 else 2
    )
    return Step(climbed, (told,))


def ask_advice(request: Request, cause: AdviceCause, *, duty_doctor_id: UUID | None, now: datetime) -> Step:
    """A doctor must say within 10 min. Without a duty doctor the desk owns it and calls the SAS by voice (H7)."""
    due_at = now + deadlines.ADVICE_WITHIN
    advice = Advice(asked_at=now, due_at=due_at, cause=cause, duty_doctor_id=duty_doctor_id)
    asked = replace(request, version=request.version + 1, advice=advice, tries=0, urgency=deadlines.most_urgent("advice", request.urgency))
    asked = asked.waits(
        "unallocated" if cause == "unallocated" else "advice_pending", "desk" if duty_doctor_id is None else "duty_doctor", due_at
    )
    told = AdviceRequested(
        territory_id=request.territory_id,
        version=asked.version,
        occurred_at=now,
        request_id=request.id,
        patient_id=request.patient_id,
        duty_doctor_id=duty_doctor_id,
        asked_at=now,
        due_at=due_at,
        cause=cause,
        reason=None if request.assessed is None else request.assessed.reason,
        age_band=request.age_band,
        sex=request.sex,
        commune=request.commune,
        flags=list(request.flags),
    )
    return Step(asked, (told,))


def advice_is_late(request: Request, *, now: datetime) -> Step:
    """Ten minutes without a word: the desk calls the 15. The doctor may still answer."""
    advice = request.advice
    if request.state not in ("advice_pending", "unallocated") or advice is None or advice.decision is not None or advice.overdue:
        return Step(request)
    late = replace(request, version=request.version + 1, advice=replace(advice, overdue=True)).waits(
        request.state, "desk", now + deadlines.DESK_FOLLOW_UP
    )
    told = AdviceOverdue(
        territory_id=request.territory_id, version=late.version, occurred_at=now, request_id=request.id, asked_at=advice.asked_at
    )
    return Step(late, (told,))


def delegate(request: Request, *, now: datetime) -> Step:
    """« Allouer sans moi ». Nothing to do when nobody waits for the secretary any more."""
    if request.state == "booked":
        return Step(request)
    if request.state != "qualified" or request.qualified is None:
        raise AppointmentNotToDelegate(f"the request is {request.state}", state=request.state)
    if request.owner == "scheduling":
        return Step(request)
    told = AllocationDelegated(territory_id=request.territory_id, version=request.version + 1, occurred_at=now, request_id=request.id)
    return Step(replace(request, version=told.version).waits("qualified", "scheduling", now + deadlines.DESK_FOLLOW_UP), (told,))


def promise_callback(request: Request, due_at: datetime, *, now: datetime) -> Step:
    """The caller was told « avant hh:mm »."""
    _no_red_flag(request)
    request.expect(*_TALKING)
    if due_at <= now:
        raise DeadlineInThePast("a call-back is promised for later")
    told = CallbackPromised(
        territory_id=request.territory_id, version=request.version + 1, occurred_at=now, request_id=request.id, due_at=due_at
    )
    return Step(replace(request, version=told.version, tries=0).waits("callback_promised", "desk", due_at), (told,))


def accept_wait(request: Request, *, now: datetime) -> Step:
    """The caller accepts to wait for a slot before `see_by`; scheduling goes on looking."""
    request.expect("qualified", "waiting_slot")
    if request.qualified is None:
        raise IllegalTransition("nothing was asked of the agenda yet", state=request.state)
    waiting = request.waits("waiting_slot", "scheduling", max(now, request.qualified.see_by))
    if request.state == "qualified" and request.owner == "desk":
        told = AllocationDelegated(territory_id=request.territory_id, version=request.version + 1, occurred_at=now, request_id=request.id)
        return Step(replace(waiting, version=told.version), (told,))
    return Step(waiting)


def cancel(request: Request, cause: str, *, now: datetime) -> Step:
    """The need is gone. Repeated = nothing."""
    if request.state == "cancelled":
        return Step(request)
    request.expect(*OPEN)
    _no_red_flag(request)
    told = RequestCancelled(
        territory_id=request.territory_id, version=request.version + 1, occurred_at=now, request_id=request.id, cause=cause
    )
    return Step(replace(request, version=told.version).ends("cancelled", cause), (told,))


def close(request: Request, outcome: str, *, duty_doctor_id: UUID | None, now: datetime) -> Step:
    """End at the desk with a code of §5. A refused red flag is not an end: a doctor calls back."""
    if outcome not in DESK_OUTCOMES:
        raise UnknownOutcome(outcome)
    if request.state == "closed" and request.outcome == outcome:
        return Step(request)
    request.expect(*OPEN)
    if request.urgency == "red_flag" and outcome == "refused_by_patient":
        return ask_advice(request, "raised", duty_doctor_id=duty_doctor_id, now=now)
    _no_red_flag(request)
    return _close(request, outcome, now=now)


def call_ended(request: Request, *, now: datetime) -> Step:
    """The caller is gone: what waited for the secretary goes to scheduling, what had not come so far is called again at once."""
    if request.state == "qualified":
        return delegate(request, now=now)
    if request.state in ("received", "screened") and request.urgency != "red_flag":
        return Step(replace(request, tries=0).waits("recontact_due", "desk", now + deadlines.CALL_BACK_AFTER_CUT))
    return Step(request)


def not_reached(request: Request, *, duty_doctor_id: UUID | None, now: datetime) -> Step:
    """A call-back or a recontact rang in vain; the second time a doctor decides, or a caller who never said why is let go."""
    request.expect("callback_promised", "recontact_due")
    if request.tries + 1 < MAX_TRIES:
        return Step(replace(request, tries=request.tries + 1).waits(request.state, "desk", now + deadlines.ABANDONED_TRY_EVERY))
    tried = replace(request, tries=MAX_TRIES)
    if request.screened is None:
        return _close(tried, "abandoned", now=now)
    return ask_advice(tried, "missed", duty_doctor_id=duty_doctor_id, now=now)


def reached(request: Request, outcome: str | None, *, duty_doctor_id: UUID | None, now: datetime) -> Step:
    """The person answered. With an outcome the request ends; a no-show who is well ends as `missed`; else the talk goes on."""
    request.expect("callback_promised", "recontact_due")
    if outcome is not None:
        return close(request, outcome, duty_doctor_id=duty_doctor_id, now=now)
    act = None if request.appointment is None else request.appointment.act_outcome
    if request.state == "recontact_due" and act is not None:
        if act != "missed":
            raise OutcomeNeeded(f"say how it goes on after {act}", act_outcome=act)
        return _close(request, "missed", now=now)
    if request.state == "callback_promised" and request.appointment is not None and request.appointment.live:
        return Step(
            replace(request, tries=0).waits("booked", "practitioner", request.appointment.window_ends_at or request.appointment.ends_at)
        )
    state: State = "received" if request.screened is None else "screened"
    return Step(replace(request, tries=0).waits(state, "desk", now + deadlines.ON_THE_PHONE))


def _close(request: Request, outcome: str, *, now: datetime) -> Step:
    told = RequestClosed(
        territory_id=request.territory_id, version=request.version + 1, occurred_at=now, request_id=request.id, outcome=outcome
    )
    return Step(replace(request, version=told.version).ends("closed", outcome), (told,))


def close_as_advised(request: Request, *, now: datetime) -> Step:
    """The doctor's advice was the answer."""
    return _close(request, "advice_given", now=now)


def _no_red_flag(request: Request) -> None:
    if request.urgency == "red_flag":
        raise RedFlagStands("the 15 first; only a doctor lifts a red flag")


def _said(answer: Answer | None) -> Answer:
    """Not asked counts as unknown: a rule by age may decide before the questions."""
    return answer or "unknown"


def _screening_rank(result: str) -> int:
    return {"clear": -1, "advice": rank("advice"), "red_flag": rank("red_flag")}[result]
