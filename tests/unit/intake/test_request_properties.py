"""Any sequence of commands, facts and timers: an open request has owner and hour, versions count events, only a doctor lowers."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.domain import follow, qualifying, steps
from services.intake.domain.deadlines import rank
from services.intake.domain.request import DESK_OUTCOMES, OPEN, TERMINAL, Request, Step, timers_of
from services.intake.domain.screening import Vital
from shared.errors import Refused
from shared.events.regulation import AdviceGiven, CaseAcknowledged, CaseDecided, CaseReceived
from shared.events.scheduling import RequestUnallocated
from tests.unit.intake.given import (
    DOCTOR,
    PARIS,
    TUESDAY_10,
    a_booking,
    a_cancellation,
    a_patient,
    a_received_request,
    an_act,
    an_assessment,
)

ANSWER = st.sampled_from(["yes", "no", "unknown", None])
LEVEL = st.sampled_from(["planned", "within_48h", "same_day", "advice", "red_flag"])
DUTY = st.sampled_from([DOCTOR, None])
OUTCOME = st.sampled_from(
    [
        "seen",
        "missed",
        "door_closed",
        "needs_exam",
        "impossible",
        "refused",
        "already_taken",
        "called_15",
    ]
)
BY_A_DOCTOR = {"decide", "advice_given", "case_decided"}

Draw = Callable[[Any], Any]


def _step0(request: Request, draw: Draw, now: datetime) -> Step:
    vital = Vital(draw(ANSWER), draw(ANSWER), draw(ANSWER), draw(st.booleans()), draw(ANSWER))
    return steps.answer_step0(
        request,
        vital,
        age_value=draw(st.integers(0, 100)),
        age_unit=draw(st.sampled_from(["years", "months"])),
        sex=None,
        commune=None,
        asked_since=now,
        now=now,
    )


def _qualify(request: Request, draw: Draw, now: datetime) -> Step:
    level = draw(LEVEL)
    floor = qualifying.floor_of(request)
    if floor is not None and rank(floor) > rank(level):
        level = floor  # the protocol is told the floor
    return qualifying.qualify(
        request,
        a_patient(),
        an_assessment(level),
        raised_to=None,
        assisted=draw(st.booleans()),
        zone=PARIS,
        duty_doctor_id=draw(DUTY),
        now=now,
    )


def _unallocated(request: Request, draw: Draw, now: datetime) -> Step:
    see_by = request.qualified.see_by if request.qualified is not None and draw(st.booleans()) else now
    fact = RequestUnallocated(
        territory_id="bievre", version=1, occurred_at=now, request_id=request.id, see_by=see_by, cause="no_slot_in_time"
    )
    return follow.unallocated(request, fact, duty_doctor_id=draw(DUTY), now=now)


def _booked(request: Request, draw: Draw, now: datetime) -> Step:
    return follow.booked(request, a_booking(request, version=draw(st.integers(1, 6)), at=now + timedelta(hours=2)))


def _act(request: Request, draw: Draw, now: datetime) -> Step:
    return follow.act_closed(request, an_act(a_booking(request), draw(OUTCOME), version=draw(st.integers(1, 6))), now=now)


def _appointment_cancelled(request: Request, draw: Draw, now: datetime) -> Step:
    cause = draw(st.sampled_from(["by_patient", "by_practitioner", "requalified", "request_cancelled", "taken_by_15"]))
    booking = a_booking(request)
    if request.appointment is not None and draw(st.booleans()):
        booking = booking.model_copy(update={"appointment_id": request.appointment.appointment_id})
    return follow.appointment_cancelled(request, a_cancellation(booking, cause, version=draw(st.integers(1, 6))), now=now)


def _decide(request: Request, draw: Draw, now: datetime) -> Step:
    word = qualifying.DoctorsWord(draw(st.sampled_from(["advice_only", "appointment", "fifteen"])), DOCTOR, now, draw(LEVEL))
    return qualifying.decide(request, word, zone=PARIS, duty_doctor_id=draw(DUTY), now=now)


def _advice_given(request: Request, draw: Draw, now: datetime) -> Step:
    fact = AdviceGiven(
        territory_id="bievre",
        version=1,
        occurred_at=now,
        request_id=request.id,
        decided_by=DOCTOR,
        decision=draw(st.sampled_from(["advice_only", "appointment", "fifteen"])),
        urgency=draw(LEVEL),
    )
    return follow.advice_given(request, fact, zone=PARIS, duty_doctor_id=draw(DUTY), now=now)


def _case_decided(request: Request, draw: Draw, now: datetime) -> Step:
    decision = draw(st.sampled_from(["taken_by_15", "smur_sent", "advice", "emergency_department", "booked", "returned"]))
    fact = CaseDecided(territory_id="bievre", version=1, occurred_at=now, request_id=request.id, decision=decision, decided_by=DOCTOR)
    return follow.case_decided(request, fact, now=now)


def _case_acknowledged(request: Request, draw: Draw, now: datetime) -> Step:
    fact = CaseAcknowledged(territory_id="bievre", version=1, occurred_at=now, request_id=request.id, role="arm", acknowledged_by=DOCTOR)
    return follow.case_acknowledged(request, fact, console_counts=draw(st.booleans()), now=now)


def _case_received(request: Request, draw: Draw, now: datetime) -> Step:
    fact = CaseReceived(territory_id="bievre", version=1, occurred_at=now, request_id=request.id, inbox="fifteen", urgency="red_flag")
    return follow.case_received(request, fact)


MOVES: dict[str, Callable[[Request, Draw, datetime], Step]] = {
    "step0": _step0,
    "qualify": _qualify,
    "hand_over": lambda request, draw, now: steps.hand_over(
        request, channel="voice", dialled_at=now, by=uuid4(), caller_on_line=draw(st.booleans()), now=now
    ),
    "answer_15": lambda request, draw, now: steps.answer_hand_over(request, channel="voice", now=now),
    "cut": lambda request, draw, now: steps.cut_hand_over(request, now=now),
    "rung": lambda request, draw, now: steps.climb_rung(request, draw(st.sampled_from([1, 2])), now=now),
    "advice_late": lambda request, draw, now: steps.advice_is_late(request, now=now),
    "raise": lambda request, draw, now: qualifying.raise_level(request, draw(LEVEL), zone=PARIS, duty_doctor_id=draw(DUTY), now=now),
    "decide": _decide,
    "delegate": lambda request, draw, now: steps.delegate(request, now=now),
    "callback": lambda request, draw, now: steps.promise_callback(request, now + timedelta(minutes=draw(st.integers(-5, 60))), now=now),
    "wait": lambda request, draw, now: steps.accept_wait(request, now=now),
    "cancel": lambda request, draw, now: steps.cancel(request, "by_patient", now=now),
    "close": lambda request, draw, now: steps.close(
        request, draw(st.sampled_from([*sorted(DESK_OUTCOMES), "nonsense"])), duty_doctor_id=draw(DUTY), now=now
    ),
    "call_ended": lambda request, draw, now: steps.call_ended(request, now=now),
    "not_reached": lambda request, draw, now: steps.not_reached(request, duty_doctor_id=draw(DUTY), now=now),
    "reached": lambda request, draw, now: steps.reached(
        request, draw(st.sampled_from([None, "other_care"])), duty_doctor_id=draw(DUTY), now=now
    ),
    "booked": _booked,
    "appointment_cancelled": _appointment_cancelled,
    "unallocated": _unallocated,
    "act": _act,
    "case_received": _case_received,
    "case_acknowledged": _case_acknowledged,
    "case_decided": _case_decided,
    "advice_given": _advice_given,
}
# A refusal of these would be a dead letter or a timer that fails for ever.
NEVER_REFUSED = {
    "booked",
    "appointment_cancelled",
    "act",
    "case_received",
    "case_acknowledged",
    "case_decided",
    "advice_given",
    "unallocated",
    "rung",
    "advice_late",
    "call_ended",
}


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_whatever_happens_somebody_owns_an_open_request(data: st.DataObject) -> None:
    now = TUESDAY_10
    request = a_received_request(now=now)
    for name in data.draw(st.lists(st.sampled_from(sorted(MOVES)), max_size=25)):
        now += timedelta(minutes=data.draw(st.integers(0, 90)))
        try:
            step = MOVES[name](request, data.draw, now)
        except Refused as refused:
            assert refused.code != "refused", "a refusal has a code of its own"
            assert name not in NEVER_REFUSED, refused.code
            continue
        _check(name, request, step)
        request = step.request


def _check(name: str, before: Request, step: Step) -> None:
    after = step.request
    assert after.state in OPEN | TERMINAL
    assert (after.state in TERMINAL) == (after.owner is None) == (after.due_at is None)
    assert after.version == before.version + len(step.events)
    assert [event.version for event in step.events] == list(range(before.version + 1, after.version + 1))
    assert (after.id, after.territory_id, after.rang_at, after.contract_deadline) == (
        before.id,
        before.territory_id,
        before.rang_at,
        before.contract_deadline,
    )
    if before.state in TERMINAL and after.state != before.state:
        assert name == "case_decided", "only the regulator's « returned » reopens"
        assert (before.outcome, after.state) == ("handed_15", "recontact_due")
    if before.urgency is not None and after.open and name not in BY_A_DOCTOR:
        confirmed = name == "step0" and after.screened is not None and after.screened.result == "advice"
        assert confirmed or (after.urgency is not None and rank(after.urgency) >= rank(before.urgency)), "only a doctor lowers"
    if after.state in TERMINAL:
        assert timers_of(after) == {}
    if after.state == "handed_over":
        assert after.handover is not None
    if after.state == "qualified":
        assert after.qualified is not None
        assert after.qualified.urgency not in ("red_flag", "advice")
