"""What the facts of other services do to a request. Nothing is published for them, any order between topics is fine, none goes back.

The exceptions publish a decision of intake's own: asking a doctor when nothing fits, and closing what a regulator took.
"""

from dataclasses import replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from services.intake.domain import deadlines, steps
from services.intake.domain.qualifying import DoctorsWord, decide
from services.intake.domain.request import Appointment, Request, Step
from shared.events.regulation import AdviceGiven, CaseAcknowledged, CaseDecided, CaseReceived
from shared.events.scheduling import ActClosed, AppointmentBooked, AppointmentCancelled, RequestUnallocated

_WAITS_FOR_A_SLOT = ("received", "screened", "qualified", "waiting_slot", "recontact_due", "unallocated")
_SEEN = ("seen", "seen_again", "seen_ed", "called_15", "phone_only", "death")
_FRAGILE_AGES = ("0-2m", "3-11m", "1-5y", "75-79y", "80y+")
_FRAGILE_FLAGS = frozenset({"pregnant", "postpartum", "interpreter", "psychiatric"})


def fragile(request: Request) -> bool:
    """Groups of H6: a no-show is not an end for them."""
    return (
        (request.qualified is not None and request.qualified.urgency == "same_day")
        or (request.appointment is not None and request.appointment.mode == "visit")
        or request.age_band in _FRAGILE_AGES
        or not _FRAGILE_FLAGS.isdisjoint(request.flags)
        or (request.assessed is not None and request.assessed.reason == "Q11")
    )


def booked(request: Request, fact: AppointmentBooked) -> Step:
    """Never leaves a terminal state, nor takes a question away from a doctor or the 15: those keep the appointment beside it.

    Who was promised a call and got his slot without the desk is still called: he does not know it yet.
    """
    known = request.appointment
    if known is not None and known.fact_version >= fact.version:
        return Step(request)
    held = replace(
        request,
        appointment=Appointment(
            appointment_id=fact.appointment_id,
            fact_version=fact.version,
            practitioner_id=fact.practitioner_id,
            mode=fact.mode,
            starts_at=fact.starts_at,
            ends_at=fact.ends_at,
            window_starts_at=fact.window_starts_at,
            window_ends_at=fact.window_ends_at,
        ),
    )
    if request.state == "screened" and request.urgency == "red_flag":
        return Step(held)
    told_by_desk = request.state == "callback_promised" and fact.path == "assisted"
    if told_by_desk or request.state in (*_WAITS_FOR_A_SLOT, "booked"):
        return Step(replace(held, tries=0).waits("booked", "practitioner", fact.window_ends_at or fact.ends_at))
    return Step(held)


def appointment_cancelled(request: Request, fact: AppointmentCancelled, *, now: datetime) -> Step:
    """The slot is gone; a person who had it and still needs it is called."""
    known = request.appointment
    if known is not None and known.fact_version >= fact.version:
        return Step(request)
    if known is not None and known.appointment_id != fact.appointment_id:
        return Step(replace(request, appointment=replace(known, fact_version=fact.version)))
    freed = request if known is None else replace(request, appointment=replace(known, live=False, fact_version=fact.version))
    if request.state == "booked" and fact.cause != "requalified":
        return Step(replace(freed, tries=0).waits("recontact_due", "desk", now + deadlines.DESK_FOLLOW_UP))
    if request.state == "booked":
        return Step(freed.waits("qualified", "scheduling", now + deadlines.DESK_FOLLOW_UP))
    return Step(freed)


def unallocated(request: Request, fact: RequestUnallocated, *, duty_doctor_id: UUID | None, now: datetime) -> Step:
    """Nothing before `see_by`: the duty doctor is asked, once for each limit. A fact about an older limit is stale."""
    if request.state not in ("qualified", "waiting_slot", "callback_promised"):
        return Step(request)
    if request.qualified is None or request.qualified.see_by != fact.see_by:
        return Step(request)
    return steps.ask_advice(request, "unallocated", duty_doctor_id=duty_doctor_id, now=now)


def act_closed(request: Request, fact: ActClosed, *, now: datetime) -> Step:
    """The GP's outcome (§8): an end, or a person to call (H6)."""
    known = request.appointment
    if known is None:
        known = Appointment(
            appointment_id=fact.appointment_id,
            fact_version=0,
            practitioner_id=fact.practitioner_id,
            mode=fact.mode,
            starts_at=fact.starts_at,
            ends_at=fact.starts_at,
        )
    if known.fact_version >= fact.version:
        return Step(request)
    done = replace(request, appointment=replace(known, live=False, act_outcome=fact.outcome, fact_version=fact.version), tries=0)
    if not request.open or request.state == "handed_over":
        return Step(done)
    if fact.outcome in _SEEN:
        return Step(done.ends("honoured", fact.outcome))
    if fact.outcome in ("already_taken", "refused"):
        return Step(done.ends("closed", fact.outcome))
    if fact.outcome == "missed" and not fragile(request):
        return Step(done.ends("missed", "missed"))
    limit = deadlines.MISSED_CALL_WITHIN if fact.outcome == "missed" else deadlines.DESK_FOLLOW_UP
    return Step(done.waits("recontact_due", "desk", now + limit))


def case_received(request: Request, fact: CaseReceived) -> Step:
    return Step(replace(request, case=replace(request.case, received_at=request.case.received_at or fact.occurred_at)))


def case_acknowledged(request: Request, fact: CaseAcknowledged, *, console_counts: bool, now: datetime) -> Step:
    """A grey line, unless the territory's convention says that the console's key is the answer (H1)."""
    seen = replace(request, case=replace(request.case, acknowledged_at=request.case.acknowledged_at or fact.occurred_at))
    if console_counts and seen.state == "handed_over" and seen.handover is not None:
        return steps.end_as_handed(replace(seen, handover=replace(seen.handover, answered_at=now)), now=now)
    return Step(seen)


def case_decided(request: Request, fact: CaseDecided, *, now: datetime) -> Step:
    """The regulator's decision: the case is his, or `returned` gives it back to the desk, even after the voice had answered."""
    if request.case.decided_at is not None:
        return Step(request)
    seen = replace(request, case=replace(request.case, decision=fact.decision, decided_at=fact.occurred_at))
    if fact.decision == "returned":
        if seen.state == "handed_over" or (seen.state == "closed" and seen.outcome == "handed_15"):
            back = replace(seen, outcome=None, check_15_at=None, urgency="advice", tries=0)
            return Step(back.waits("recontact_due", "desk", now + deadlines.UNANSWERED_AFTER_RUNGS))
        return Step(seen)
    if seen.state != "handed_over":
        return Step(seen)
    if fact.decision == "advice":
        return steps.close_as_advised(seen, now=now)
    return steps.end_as_handed(seen, now=now)


def advice_given(request: Request, fact: AdviceGiven, *, zone: ZoneInfo, duty_doctor_id: UUID | None, now: datetime) -> Step:
    """Repairs a decision that the console could not bring itself. What was already decided, ended or asked again since stays as it is."""
    advice = request.advice
    if not request.open or (advice is not None and (advice.decision is not None or fact.occurred_at < advice.asked_at)):
        return Step(request)
    urgency = fact.urgency
    if fact.decision == "appointment" and urgency not in ("same_day", "within_48h", "planned"):
        urgency = "same_day"
    word = DoctorsWord(fact.decision, fact.practitioner_id or fact.decided_by, fact.occurred_at, urgency, tuple(fact.modes or ()))
    return decide(request, word, zone=zone, duty_doctor_id=duty_doctor_id, now=now)
