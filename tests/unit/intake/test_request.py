"""The life of a request: each step, and what other services' facts do, in any order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.intake.domain import follow, qualifying, refusals, steps
from services.intake.domain.qualifying import DoctorsWord
from services.intake.domain.request import Request, timers_of
from services.intake.domain.screening import Vital
from shared.events.intake import AdviceRequested, HandOverAnswered, HandOverOverdue, RequestClosed, RequestQualified
from shared.events.regulation import AdviceGiven, CaseAcknowledged, CaseDecided
from shared.events.scheduling import RequestUnallocated
from tests.unit.intake.given import (
    DOCTOR,
    MINUTE,
    PARIS,
    TUESDAY_10,
    a_booking,
    a_cancellation,
    a_patient,
    a_qualified_request,
    a_received_request,
    a_screened_request,
    an_act,
    an_assessment,
    answered,
)


def dialled(request: Request) -> Request:
    return steps.hand_over(request, channel="voice", dialled_at=TUESDAY_10, by=uuid4(), caller_on_line=True, now=TUESDAY_10).request


def decided(request: Request, decision: str, urgency: str | None = None, *, at: datetime = TUESDAY_10 + 5 * MINUTE) -> Request:
    word = DoctorsWord(decision, DOCTOR, at, urgency)  # type: ignore[arg-type]  # codes of the closed lists
    return qualifying.decide(request, word, zone=PARIS, duty_doctor_id=DOCTOR, now=at).request


def unallocated(request: Request) -> RequestUnallocated:
    assert request.qualified is not None
    return RequestUnallocated(
        territory_id="bievre",
        version=1,
        occurred_at=TUESDAY_10,
        request_id=request.id,
        see_by=request.qualified.see_by,
        cause="no_slot_in_time",
    )


# Hand-over: voice before machine (H1)


def test_a_red_flag_is_handed_over_from_any_open_state_with_what_is_known() -> None:
    step = steps.hand_over(a_received_request(), channel="voice", dialled_at=TUESDAY_10, by=uuid4(), caller_on_line=True, now=TUESDAY_10)
    assert (step.request.state, step.request.owner, step.request.due_at) == ("handed_over", "fifteen", TUESDAY_10 + MINUTE)
    assert timers_of(step.request) == {"handover_rung_1": TUESDAY_10 + MINUTE, "handover_rung_2": TUESDAY_10 + 2 * MINUTE}


def test_the_ladder_climbs_until_somebody_answers() -> None:
    first = steps.climb_rung(dialled(a_screened_request()), 1, now=TUESDAY_10 + MINUTE)
    assert [type(event) for event in first.events] == [HandOverOverdue]
    assert first.request.owner == "desk"
    second = steps.climb_rung(first.request, 2, now=TUESDAY_10 + 2 * MINUTE)
    assert second.request.owner == "duty_doctor"
    assert timers_of(second.request) == {}
    assert steps.climb_rung(second.request, 2, now=TUESDAY_10 + 3 * MINUTE).events == ()


def test_the_voice_of_the_15_stops_the_timer_and_leaves_a_question_for_later() -> None:
    step = steps.answer_hand_over(dialled(a_screened_request()), channel="voice", now=TUESDAY_10 + MINUTE / 2)
    answer, closed = step.events
    assert isinstance(answer, HandOverAnswered)
    assert isinstance(closed, RequestClosed)
    assert (answer.seconds_to_voice, closed.outcome, closed.version) == (30, "handed_15", answer.version + 1)
    assert (step.request.state, step.request.outcome) == ("closed", "handed_15")
    assert step.request.check_15_at == TUESDAY_10 + MINUTE / 2 + timedelta(hours=1)
    assert timers_of(step.request) == {}
    assert steps.climb_rung(step.request, 1, now=TUESDAY_10 + MINUTE).events == ()
    assert steps.answer_hand_over(step.request, channel="voice", now=TUESDAY_10 + MINUTE).events == ()


def test_the_console_does_not_stop_the_voice_timer_unless_a_convention_says_so() -> None:
    fact = CaseAcknowledged(
        territory_id="bievre", version=2, occurred_at=TUESDAY_10, request_id=uuid4(), role="arm", acknowledged_by=uuid4()
    )
    seen = follow.case_acknowledged(dialled(a_screened_request()), fact, console_counts=False, now=TUESDAY_10)
    assert (seen.request.state, seen.events, len(timers_of(seen.request))) == ("handed_over", (), 2)
    taken = follow.case_acknowledged(dialled(a_screened_request()), fact, console_counts=True, now=TUESDAY_10)
    assert (taken.request.state, timers_of(taken.request)) == ("closed", {})


def test_a_cut_line_stays_open_at_the_desk_and_may_be_dialled_again() -> None:
    cut = steps.cut_hand_over(dialled(a_screened_request()), now=TUESDAY_10 + MINUTE / 2).request
    assert (cut.state, cut.owner, cut.outcome) == ("handed_over", "desk", "handed_15_cut")
    assert len(timers_of(cut)) == 2
    again = steps.hand_over(cut, channel="voice", dialled_at=TUESDAY_10 + MINUTE, by=uuid4(), caller_on_line=False, now=TUESDAY_10 + MINUTE)
    assert (again.request.owner, again.request.outcome, len(again.events)) == ("fifteen", None, 1)


def test_a_case_that_the_regulator_returns_comes_back_to_the_desk() -> None:
    closed = steps.answer_hand_over(dialled(a_screened_request()), channel="voice", now=TUESDAY_10).request
    fact = CaseDecided(
        territory_id="bievre", version=3, occurred_at=TUESDAY_10, request_id=closed.id, decision="returned", decided_by=uuid4()
    )
    back = follow.case_decided(closed, fact, now=TUESDAY_10 + MINUTE).request
    assert (back.state, back.owner, back.check_15_at) == ("recontact_due", "desk", None)


# Levels: up by the desk, down by a doctor only


def test_a_red_flag_found_by_the_protocol_waits_for_the_dial_and_cannot_be_booked_away() -> None:
    step = qualifying.qualify(
        a_screened_request(),
        a_patient(),
        an_assessment("red_flag"),
        raised_to=None,
        assisted=True,
        zone=PARIS,
        duty_doctor_id=DOCTOR,
        now=TUESDAY_10,
    )
    assert (step.events, step.request.state, step.request.urgency) == ((), "screened", "red_flag")
    with pytest.raises(refusals.RedFlagStands):
        steps.cancel(step.request, "by_patient", now=TUESDAY_10)
    with pytest.raises(refusals.RedFlagStands):
        steps.close(step.request, "pharmacy", duty_doctor_id=None, now=TUESDAY_10)
    with pytest.raises(refusals.RedFlagStands):
        steps.promise_callback(step.request, TUESDAY_10 + MINUTE, now=TUESDAY_10)


def test_a_refused_red_flag_is_a_doctor_who_calls_back() -> None:
    red = answered(a_received_request(), Vital("no", "yes", "no"))
    step = steps.close(red, "refused_by_patient", duty_doctor_id=DOCTOR, now=TUESDAY_10)
    assert (step.request.state, step.request.owner) == ("advice_pending", "duty_doctor")


def test_the_reason_comes_after_the_vital_questions() -> None:
    with pytest.raises(refusals.NotScreened):
        qualifying.qualify(
            a_received_request(),
            a_patient(),
            an_assessment(),
            raised_to=None,
            assisted=True,
            zone=PARIS,
            duty_doctor_id=None,
            now=TUESDAY_10,
        )


def test_a_qualified_request_tells_scheduling_everything() -> None:
    request = a_qualified_request("same_day")
    told = request.qualified
    assert told is not None
    assert told.see_by == datetime(2026, 3, 3, 19, 0, tzinfo=UTC)
    assert told.contract_deadline == TUESDAY_10 + timedelta(hours=48)
    assert (told.allocation, told.assist_until, told.version) == ("assisted", TUESDAY_10 + 15 * MINUTE, request.version)
    assert (request.owner, request.due_at) == ("desk", TUESDAY_10 + 15 * MINUTE)


def test_same_day_after_20_00_is_a_doctors_word() -> None:
    late = datetime(2026, 3, 3, 19, 5, tzinfo=UTC)
    assert a_qualified_request("same_day", now=late).state == "advice_pending"


def test_advice_goes_to_the_duty_doctor_or_to_the_desk_without_one() -> None:
    assert (a_qualified_request("advice").owner, timers_of(a_qualified_request("advice"))) == (
        "duty_doctor",
        {"advice": TUESDAY_10 + 10 * MINUTE},
    )
    alone = qualifying.qualify(
        a_screened_request(),
        a_patient(),
        an_assessment("advice"),
        raised_to=None,
        assisted=True,
        zone=PARIS,
        duty_doctor_id=None,
        now=TUESDAY_10,
    )
    assert alone.request.owner == "desk"
    (told,) = alone.events
    assert isinstance(told, AdviceRequested)
    assert told.duty_doctor_id is None


def test_ten_minutes_without_a_word_bring_it_back_to_the_desk() -> None:
    late = steps.advice_is_late(a_qualified_request("advice"), now=TUESDAY_10 + 10 * MINUTE)
    assert (late.request.state, late.request.owner, len(late.events)) == ("advice_pending", "desk", 1)
    assert steps.advice_is_late(late.request, now=TUESDAY_10 + 20 * MINUTE).events == ()


def test_a_level_goes_up_with_one_key_and_never_down() -> None:
    request = a_qualified_request("within_48h")
    step = qualifying.raise_level(request, "same_day", zone=PARIS, duty_doctor_id=DOCTOR, now=TUESDAY_10 + MINUTE)
    (told,) = step.events
    assert isinstance(told, RequestQualified)
    assert (told.urgency, told.version, told.lowered_by) == ("same_day", request.version + 1, None)
    with pytest.raises(refusals.OnlyADoctorLowers):
        qualifying.raise_level(step.request, "planned", zone=PARIS, duty_doctor_id=DOCTOR, now=TUESDAY_10)


def test_an_advice_of_step_0_asks_the_doctor_at_once_when_the_secretary_wants() -> None:
    doubtful = answered(a_received_request(), Vital("yes", "no", "no", confirmed_not_now=True))
    step = qualifying.raise_level(doubtful, "advice", zone=PARIS, duty_doctor_id=DOCTOR, now=TUESDAY_10)
    assert (step.request.state, len(step.events)) == ("advice_pending", 1)
    assert qualifying.raise_level(step.request, "advice", zone=PARIS, duty_doctor_id=DOCTOR, now=TUESDAY_10).events == ()


def test_only_a_doctors_decision_lowers_and_its_author_is_told() -> None:
    request = decided(a_qualified_request("advice"), "appointment", "within_48h")
    assert request.qualified is not None
    assert (request.state, request.urgency, request.qualified.lowered_by) == ("qualified", "within_48h", DOCTOR)
    assert request.qualified.see_by == TUESDAY_10 + 5 * MINUTE + timedelta(hours=48)
    assert request.qualified.allocation == "automatic"


def test_a_decision_before_the_identity_fixes_the_level_of_what_follows() -> None:
    red = answered(a_received_request(), Vital("yes", "no", "no"))
    lifted = decided(red, "appointment", "same_day")
    assert (lifted.state, lifted.urgency) == ("screened", "same_day")
    floor = qualifying.floor_of(lifted)
    step = qualifying.qualify(
        lifted,
        a_patient(),
        an_assessment("within_48h"),
        raised_to=None,
        assisted=True,
        zone=PARIS,
        duty_doctor_id=None,
        now=TUESDAY_10 + 6 * MINUTE,
    )
    assert step.request.qualified is not None
    assert (floor, step.request.qualified.urgency, step.request.qualified.lowered_by) == ("same_day", "same_day", DOCTOR)
    again_red = qualifying.raise_level(lifted, "red_flag", zone=PARIS, duty_doctor_id=None, now=TUESDAY_10).request
    still = qualifying.qualify(
        again_red, a_patient(), an_assessment("red_flag"), raised_to=None, assisted=True, zone=PARIS, duty_doctor_id=None, now=TUESDAY_10
    )
    assert still.request.urgency == "red_flag"


def test_a_decision_comes_once_whoever_brings_it_first() -> None:
    asked = a_qualified_request("advice")
    fact = AdviceGiven(
        territory_id="bievre",
        version=2,
        occurred_at=TUESDAY_10 + MINUTE,
        request_id=asked.id,
        practitioner_id=DOCTOR,
        decided_by=uuid4(),
        decision="advice_only",
    )
    by_event = follow.advice_given(asked, fact, zone=PARIS, duty_doctor_id=DOCTOR, now=TUESDAY_10 + MINUTE).request
    assert (by_event.state, by_event.outcome) == ("closed", "advice_given")
    assert decided(by_event, "advice_only") == by_event
    with pytest.raises(refusals.AlreadyDecided):
        decided(by_event, "appointment", "within_48h")
    by_hand = decided(asked, "appointment", "within_48h")
    assert follow.advice_given(by_hand, fact, zone=PARIS, duty_doctor_id=DOCTOR, now=TUESDAY_10 + 6 * MINUTE).request == by_hand


def test_a_word_given_before_the_doctor_was_asked_again_is_stale() -> None:
    asked = steps.ask_advice(a_qualified_request("advice"), "raised", duty_doctor_id=DOCTOR, now=TUESDAY_10 + 9 * MINUTE).request
    old = AdviceGiven(
        territory_id="bievre", version=2, occurred_at=TUESDAY_10 + MINUTE, request_id=asked.id, decided_by=uuid4(), decision="advice_only"
    )
    assert follow.advice_given(asked, old, zone=PARIS, duty_doctor_id=DOCTOR, now=TUESDAY_10 + 9 * MINUTE).request == asked


def test_the_doctor_who_says_fifteen_gives_it_to_the_desk_to_dial() -> None:
    request = decided(a_qualified_request("advice"), "fifteen")
    assert (request.state, request.owner, request.urgency) == ("screened", "desk", "red_flag")


# What scheduling tells


def test_a_booking_is_followed_and_publishes_nothing() -> None:
    request = a_qualified_request()
    step = follow.booked(request, a_booking(request))
    assert (step.events, step.request.version) == ((), request.version)
    assert (step.request.state, step.request.owner) == ("booked", "practitioner")


def test_a_booking_never_leaves_a_terminal_state() -> None:
    request = steps.cancel(a_qualified_request(), "by_patient", now=TUESDAY_10).request
    late = follow.booked(request, a_booking(request)).request
    assert (late.state, late.owner) == ("cancelled", None)


def test_a_request_handed_over_keeps_its_appointment() -> None:
    request = dialled(follow.booked(a_qualified_request(), a_booking(a_qualified_request())).request)
    assert request.state == "handed_over"
    assert request.appointment is not None
    assert request.appointment.live


def test_a_booking_does_not_take_a_question_away_from_the_doctor() -> None:
    request = a_qualified_request("advice")
    held = follow.booked(request, a_booking(request)).request
    assert (held.state, held.owner, timers_of(held)) == ("advice_pending", "duty_doctor", timers_of(request))
    assert held.appointment is not None


def test_who_was_promised_a_call_is_called_to_hear_of_a_slot_found_without_the_desk() -> None:
    promised = steps.promise_callback(a_qualified_request(), TUESDAY_10 + 30 * MINUTE, now=TUESDAY_10).request
    found = follow.booked(promised, a_booking(promised, path="automatic")).request
    assert (found.state, found.owner) == ("callback_promised", "desk")
    assert steps.reached(found, None, duty_doctor_id=None, now=TUESDAY_10 + 20 * MINUTE).request.state == "booked"
    assert follow.booked(promised, a_booking(promised, path="assisted")).request.state == "booked"


def test_a_late_booking_does_not_undo_its_own_cancellation() -> None:
    request = a_qualified_request()
    booking = a_booking(request, version=3)
    cancelled = follow.appointment_cancelled(
        follow.booked(request, booking).request, a_cancellation(booking, version=4), now=TUESDAY_10
    ).request
    assert (cancelled.state, cancelled.owner) == ("recontact_due", "desk")
    assert follow.booked(cancelled, booking).request == cancelled


def test_nothing_in_time_is_the_duty_doctors_and_asked_once() -> None:
    request = a_qualified_request("same_day")
    fact = unallocated(request)
    step = follow.unallocated(request, fact, duty_doctor_id=DOCTOR, now=TUESDAY_10 + MINUTE)
    (told,) = step.events
    assert isinstance(told, AdviceRequested)
    assert (step.request.state, step.request.owner, told.cause) == ("unallocated", "duty_doctor", "unallocated")
    assert follow.unallocated(step.request, fact, duty_doctor_id=DOCTOR, now=TUESDAY_10 + 2 * MINUTE).events == ()
    again = decided(step.request, "appointment", "within_48h")
    assert follow.unallocated(again, fact, duty_doctor_id=DOCTOR, now=TUESDAY_10 + 6 * MINUTE).request == again


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("seen", "honoured"),
        ("seen_again", "honoured"),
        ("seen_ed", "honoured"),
        ("called_15", "honoured"),
        ("phone_only", "honoured"),
        ("death", "honoured"),
        ("already_taken", "closed"),
        ("refused", "closed"),
        ("missed", "missed"),
        ("door_closed", "recontact_due"),
        ("needs_exam", "recontact_due"),
        ("impossible", "recontact_due"),
    ],
)
def test_each_outcome_of_the_gp_ends_or_calls(outcome: str, state: str) -> None:
    request = a_qualified_request("within_48h")
    booking = a_booking(request)
    closed = follow.act_closed(follow.booked(request, booking).request, an_act(booking, outcome), now=booking.ends_at).request
    assert closed.state == state
    assert (closed.owner == "desk") == (state == "recontact_due")


@pytest.mark.parametrize(
    "why", [{"age_band": "80y+"}, {"age_band": "1-5y"}, {"urgency": "same_day"}, {"mode": "visit"}, {"flags": ("interpreter",)}]
)
def test_a_fragile_person_who_does_not_come_is_called_within_an_hour(why: dict[str, object]) -> None:
    request = a_qualified_request("same_day" if "urgency" in why else "within_48h")
    request = replace(request, **{name: value for name, value in why.items() if name in ("age_band", "flags")})  # type: ignore[arg-type]
    booking = a_booking(request, mode=why.get("mode", "surgery"))
    missed = follow.act_closed(follow.booked(request, booking).request, an_act(booking, "missed"), now=booking.ends_at).request
    assert (missed.state, missed.due_at) == ("recontact_due", booking.ends_at + timedelta(hours=1))
    once = steps.not_reached(missed, duty_doctor_id=DOCTOR, now=booking.ends_at).request
    twice = steps.not_reached(once, duty_doctor_id=DOCTOR, now=booking.ends_at).request
    assert (once.state, twice.state, twice.owner) == ("recontact_due", "advice_pending", "duty_doctor")
    well = steps.reached(missed, None, duty_doctor_id=DOCTOR, now=booking.ends_at).request
    assert (well.state, well.outcome) == ("closed", "missed")


def test_a_caller_who_hangs_up_too_early_is_called_again_and_a_waiting_one_is_allocated() -> None:
    assert steps.call_ended(a_screened_request(), now=TUESDAY_10).request.state == "recontact_due"
    delegated = steps.call_ended(a_qualified_request(), now=TUESDAY_10)
    assert (delegated.request.owner, len(delegated.events)) == ("scheduling", 1)
    automatic = a_qualified_request(assisted=False)
    assert steps.call_ended(automatic, now=TUESDAY_10).events == ()
