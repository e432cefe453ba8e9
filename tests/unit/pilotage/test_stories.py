"""The story of a request and of a call: where they stand, who must act, what counts as an answer; in whatever order facts come."""

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.pilotage.domain import fold_call, fold_request
from services.pilotage.domain.stories import RequestStory
from shared.events.base import Event
from shared.events.intake import CALLS, AdviceRequested, CallbackPromised, RequestCancelled
from shared.events.scheduling import AppointmentBooked, AppointmentCancelled, RequestUnallocated
from tests.unit.pilotage.builders import DOCTOR, HOUR, MINUTE, NINE, Story, a_consultation, a_red_flag, an_advice


def of_request(story: Story, facts: list[Event] | None = None) -> RequestStory:
    mine = [fact for fact in (facts if facts is not None else story.facts) if fact.topic != CALLS]
    return fold_request("bievre", story.request_id, mine).story


def a_moved_visit() -> Story:
    story = Story().rings().answered().received().screened().qualified("same_day").booked(starts_after=3 * HOUR)
    story.qualified("within_48h", after=30 * MINUTE).booked(starts_after=30 * HOUR, after=40 * MINUTE, mode="visit")
    return story.act("door_closed", 31 * HOUR)


STORIES = {"red_flag": a_red_flag(), "advice": an_advice(), "consultation": a_consultation(), "moved": a_moved_visit()}


@given(name=st.sampled_from(sorted(STORIES)), seed=st.integers())
def test_no_order_of_arrival_changes_a_story(name: str, seed: int) -> None:
    story = STORIES[name]
    shuffled = random.Random(seed).sample(story.facts, len(story.facts))
    requests = [fact for fact in shuffled if fact.topic != CALLS]
    assert fold_request("bievre", story.request_id, requests) == fold_request(
        "bievre", story.request_id, [fact for fact in story.facts if fact.topic != CALLS]
    )
    assert fold_call("bievre", story.call_id, shuffled) == fold_call("bievre", story.call_id, story.facts)


@pytest.mark.parametrize(
    ("story", "state", "owner", "outcome"),
    [
        (Story().received(), "received", "desk", None),
        (Story().received().screened(), "screened", "desk", None),
        (Story().received().screened("red_flag").handed_over(), "handed_over", "fifteen", None),
        (a_red_flag(), "closed", None, "handed_15"),
        (Story().received().screened().asks_advice(), "advice_pending", "duty_doctor", None),
        (Story().received().screened().asks_advice().advised("appointment"), "qualified", "desk", None),
        (an_advice(), "closed", None, "advice_given"),
        (Story().received().screened().qualified(), "qualified", "scheduling", None),
        (Story().received().screened().qualified().booked(), "booked", "practitioner", None),
        (Story().received().screened().qualified().booked().act("seen_ed"), "honoured", None, "seen_ed"),
        (Story().received().screened().qualified().booked().act("missed", codes=()), "missed", None, "missed"),
        (Story().received().screened().qualified().booked().act("needs_exam", codes=()), "recontact_due", "desk", None),
        (Story().received().screened().closed("pharmacy"), "closed", None, "pharmacy"),
    ],
)
def test_a_request_stands_where_its_facts_say(story: Story, state: str, owner: str | None, outcome: str | None) -> None:
    found = of_request(story)
    assert (found.state, found.owner, found.outcome) == (state, owner, outcome)
    assert found.is_open == (found.due_at is not None) == (found.ended_at is None)


def test_the_duty_doctor_owns_what_fits_nowhere() -> None:
    story = Story().received().screened().qualified("same_day")
    story.tell(RequestUnallocated, NINE + 5 * MINUTE, request_id=story.request_id, see_by=NINE + 10 * HOUR, cause="no_slot_in_time")
    assert (of_request(story).state, of_request(story).due_at) == ("unallocated", NINE + 10 * HOUR)
    story.tell(
        AdviceRequested, NINE + 5 * MINUTE, request_id=story.request_id, duty_doctor_id=DOCTOR, asked_at=NINE + 5 * MINUTE,
        due_at=NINE + 15 * MINUTE, cause="unallocated",
    )  # fmt: skip
    found = of_request(story)
    assert (found.state, found.owner, found.due_at, found.urgency) == ("unallocated", "duty_doctor", NINE + 15 * MINUTE, "same_day")


def test_a_freed_slot_leaves_somebody_to_call() -> None:
    story = Story().received().screened().qualified().booked()
    cancelled = {"request_id": story.request_id, "appointment_id": story.appointment_id, "practitioner_id": DOCTOR}
    story.tell(AppointmentCancelled, NINE + HOUR, **cancelled, cause="by_practitioner")
    assert (of_request(story).state, of_request(story).appointment_live) == ("recontact_due", False)


def test_a_cancelled_request_stays_cancelled_whatever_scheduling_says_after() -> None:
    story = Story().received().screened().qualified()
    story.tell(RequestCancelled, NINE + 3 * MINUTE, request_id=story.request_id, cause="feels_better")
    story.booked(after=4 * MINUTE)
    assert (of_request(story).state, of_request(story).booked_at is not None) == ("cancelled", True)


def test_what_the_15_gives_back_is_open_again() -> None:
    story = Story().received().screened("red_flag").handed_over().voice().closed("handed_15", after=2 * MINUTE)
    story.taken_by_15(decision="returned", after=9 * MINUTE)
    found = of_request(story)
    assert (found.state, found.owner, found.answered_at, found.ended_at) == ("recontact_due", "desk", None, None)


def test_a_new_level_that_the_slot_still_serves_keeps_it() -> None:
    story = Story().received().screened().qualified("within_48h").booked(starts_after=5 * HOUR)
    story.qualified("same_day", after=20 * MINUTE)
    assert of_request(story).state == "booked"
    late = Story().received().screened().qualified("within_48h").booked(starts_after=30 * HOUR).qualified("same_day", after=20 * MINUTE)
    assert of_request(late).state == "qualified"


def test_a_call_back_promised_has_its_hour() -> None:
    story = Story().received().screened()
    story.tell(CallbackPromised, NINE + 3 * MINUTE, request_id=story.request_id, due_at=NINE + HOUR)
    assert (of_request(story).state, of_request(story).due_at) == ("callback_promised", NINE + HOUR)


@pytest.mark.parametrize(
    ("story", "after"),
    [
        (a_consultation(), 5 * HOUR + 15 * MINUTE),
        (an_advice(), 8 * MINUTE),
        (a_red_flag(), 4 * MINUTE),
        (Story().received().screened().qualified().booked(), None),
        (Story().received().screened("red_flag").handed_over().voice(), None),
        (Story().received().screened().asks_advice().advised("appointment"), None),
        (Story().received().qualified().booked().act("needs_exam", codes=()), None),
        (Story().received().qualified().booked().act("phone_only", codes=()), 5 * HOUR + 15 * MINUTE),
    ],
)
def test_an_answer_is_somebody_seen_or_a_doctors_word(story: Story, after: timedelta | None) -> None:
    assert of_request(story).answered_at == (None if after is None else NINE + after)


def test_a_protocols_red_flag_is_known_by_its_hand_over_and_an_unanswered_advice_is_not_one() -> None:
    assert of_request(Story().received().screened().handed_over()).red_flag
    assert not of_request(Story().received().screened().asks_advice().handed_over(after=13 * MINUTE)).red_flag


def test_acts_are_those_of_the_last_closing() -> None:
    story = Story().received().qualified().booked().act("seen", codes=("G",)).act("seen", codes=("G", "MCG"), after=6 * HOUR)
    folded = fold_request("bievre", story.request_id, story.facts)
    assert [(act.code, str(act.amount_euros)) for act in folded.acts] == [("G", "30.00"), ("MCG", "5.00")]
    assert [one.outcome for one in folded.appointments] == ["seen"]


def test_a_call_whose_ring_is_not_known_yet_rang_when_its_wait_began() -> None:
    story = Story().rings().answered().hung_up()
    assert fold_call("bievre", story.call_id, story.facts[1:]) is not None
    late = fold_call("bievre", story.call_id, story.facts[1:])
    assert late is not None and late.rang_at == story.rang_at
    lost = fold_call("bievre", story.call_id, Story().rings().abandoned().facts)
    assert lost is not None and (lost.answered_at, lost.waited_seconds, lost.open(NINE + HOUR)) == (None, 90, False)


def test_a_booking_of_another_release_is_no_obstacle() -> None:
    """A fact without a moment of its own leaves the state alone."""
    story = a_consultation()
    without = [fact for fact in story.facts if not isinstance(fact, AppointmentBooked)]
    assert of_request(story, without).state == "honoured"
