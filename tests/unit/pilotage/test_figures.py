"""The 48 h over a week-end and over a change of the clock, the board's figures, what must read 0."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.pilotage.domain import AppointmentStory, CallStory, RequestStory, fold_call, fold_request
from services.pilotage.domain import board as boards
from services.pilotage.domain.day import DayFacts, Offer, Practitioner, figures
from services.pilotage.domain.integrity import double_bookings, orphans
from services.pilotage.domain.measures import CONTRACT, answered_within, answered_within_open, spread
from shared.events.intake import CALLS
from shared.ids import new_id
from shared.territory import Territory
from tests.unit.pilotage.builders import (
    DOCTOR,
    HOUR,
    MINUTE,
    MONDAY,
    NINE,
    SECOND,
    Story,
    a_consultation,
    a_red_flag,
    an_advice,
)  # fmt: skip


@pytest.fixture(scope="module")
def bievre() -> Territory:
    return Territory.load(Path(__file__).parents[3] / "deploy" / "territory" / "bievre")


def request_of(story: Story) -> RequestStory:
    return fold_request(story.territory, story.request_id, [fact for fact in story.facts if fact.topic != CALLS]).story


def call_of(story: Story) -> CallStory:
    found = fold_call(story.territory, story.call_id, story.facts)
    assert found is not None
    return found


def seen(rang_at: datetime, answered_at: datetime) -> RequestStory:
    story = Story(rang_at=rang_at).received().qualified().booked(starts_after=answered_at - rang_at - 15 * MINUTE)
    return request_of(story.act(after=answered_at - rang_at))


def day_of(stories: Sequence[Story], territory: Territory, now: datetime = NINE + 12 * HOUR) -> dict[str, Any]:
    told = [(one, mine) for one in stories if (mine := [fact for fact in one.facts if fact.topic != CALLS])]
    folded = [fold_request(one.territory, one.request_id, mine) for one, mine in told]
    appointments = [each for one in folded for each in one.appointments]
    facts = DayFacts(
        on=MONDAY, calls=[call_of(one) for one in stories], requests=[one.story for one in folded], starting=appointments,
        closed=[one for one in appointments if one.closed_at is not None], offers=[Offer(DOCTOR, visit=2, teleconsultation=0, surgery=10)],
        practitioners={DOCTOR: Practitioner(DOCTOR, "Dr Ada Bonnet", "titulaire")}, event_counts={"x": 3}, searches_opened=1,
        searches_active=0, mt_help={"yes": 1},
    )  # fmt: skip
    return figures(facts, territory, now=now)


FRIDAY_EVENING = datetime(2026, 3, 6, 18, 0, tzinfo=UTC)  # 19:00 in Paris, an hour before closing
MONDAY_MORNING = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)  # 09:00


def test_a_week_end_counts_in_calendar_hours_and_not_in_open_hours(bievre: Territory) -> None:
    story = seen(FRIDAY_EVENING, MONDAY_MORNING)  # 62 h later; open: 1 h on Friday, 4 h on Saturday, 1 h on Monday
    assert not answered_within(story, CONTRACT)
    assert answered_within_open(story, timedelta(hours=6), bievre)
    assert not answered_within_open(story, timedelta(hours=6) - SECOND, bievre)


def test_48_hours_are_elapsed_hours_when_the_clock_changes(bievre: Territory) -> None:
    spring = datetime(2026, 3, 28, 10, 0, tzinfo=UTC)  # Saturday 11:00 in Paris; on Monday 11:30 on the wall 47 h 30 have gone
    assert answered_within(seen(spring, datetime(2026, 3, 30, 9, 30, tzinfo=UTC)), CONTRACT)
    autumn = datetime(2026, 10, 24, 8, 0, tzinfo=UTC)  # Saturday 10:00; on Monday 09:30 on the wall 48 h 30 have gone
    late = seen(autumn, datetime(2026, 10, 26, 8, 30, tzinfo=UTC))
    assert bievre.local(late.answered_at or autumn).strftime("%H:%M") == "09:30"
    assert not answered_within(late, CONTRACT)


def test_exactly_48_hours_is_kept() -> None:
    assert answered_within(seen(NINE, NINE + CONTRACT), CONTRACT)
    assert not answered_within(seen(NINE, NINE + CONTRACT + SECOND), CONTRACT)


def test_the_day_counts_each_request_once(bievre: Territory) -> None:
    lost = Story(rang_at=NINE + 3 * HOUR).rings().abandoned()
    told = Story(rang_at=NINE + 4 * HOUR).rings().answered(70 * SECOND).received().closed("information").hung_up()
    waiting = Story(rang_at=NINE + 5 * HOUR).rings().answered().received().screened().qualified("same_day").hung_up()
    found = day_of([a_red_flag(), an_advice(), a_consultation(), told, waiting], bievre)
    assert (found["calls"], found["answered_under_60s"], found["share_answered_under_60s"]) == (5, 4, 0.8)
    assert (found["clinical"], found["answered_48h"], found["pending_48h"], found["late_48h"]) == (4, 3, 1, 0)
    assert (found["same_day"], found["same_day_answered"], found["open"]) == (1, 0, 1)
    assert found["by_outcome"] == {"advice_given": 1, "handed_15": 1, "information": 1, "open": 1, "seen": 1}
    assert (found["acts_amount_euros"], found["load"][0]["share_booked"]) == ("35.00", round(1 / 12, 4))
    assert found["delays_minutes"]["advice_asked_to_given"]["median"] == 6.0
    assert day_of([lost], bievre)["share_abandoned"] == 1.0
    nobody = Story().rings().answered().received().qualified().booked().act("door_closed", codes=()).closed("refused_by_patient", 6 * HOUR)
    assert (day_of([nobody], bievre)["missed"], day_of([nobody], bievre)["by_outcome"]) == (1, {"refused_by_patient": 1})
    assert day_of([waiting], bievre, now=NINE + 60 * HOUR)["late_48h"] == 1
    assert day_of([waiting], bievre)["share_answered_48h_of_due"] is None


def test_a_spread_says_what_nine_of_ten_do_not_exceed() -> None:
    found = spread(timedelta(minutes=minutes) for minutes in range(1, 11))
    assert (found.count, found.median, found.p90, found.longest) == (10, 5.5, 9.0, 10.0)
    assert spread([]).median is None


def test_the_board_shows_who_waits_now(bievre: Territory) -> None:
    calls = [call_of(Story(rang_at=NINE + offset).rings()) for offset in (0 * SECOND, 40 * SECOND)]
    answered = call_of(Story(rang_at=NINE - 10 * MINUTE).rings().answered())
    facts = boards.BoardFacts([*calls, answered], [])
    shown = boards.figures(facts, bievre, MONDAY, NINE + 70 * SECOND)["figures"]
    assert (shown["waiting_calls"]["value"], shown["oldest_wait_seconds"]["value"]) == (2, 70)
    assert (shown["oldest_wait_seconds"]["good"], shown["share_answered_under_60s"]["value"]) == (False, 1.0)
    assert (len(shown["waiting_calls"]["curve"]), shown["waiting_calls"]["curve"][-2]["value"]) == (17, 0)


def test_quarters_cover_the_open_hours_and_say_what_is_to_come(bievre: Territory) -> None:
    facts = boards.BoardFacts([call_of(a_consultation()), call_of(Story(rang_at=NINE + MINUTE).rings().abandoned())], [])
    quarters = boards.figures(facts, bievre, MONDAY, NINE + HOUR)["calls_by_quarter"]
    assert (len(quarters), quarters[0]["at"], sum(one["future"] for one in quarters)) == (48, NINE - HOUR, 39)
    assert [(one["received"], one["answered"], one["abandoned"]) for one in quarters if one["received"]] == [(2, 1, 1)]


def test_a_red_flag_waits_for_a_voice_not_for_a_machine() -> None:
    story = Story().received().screened("red_flag")
    assert boards.without_voice(request_of(story), NINE + MINUTE) == NINE + 50 * SECOND
    story.handed_over(after=MINUTE)
    assert boards.without_voice(request_of(story), NINE + 2 * MINUTE) == NINE + MINUTE
    story.voice(after=3 * MINUTE)
    assert boards.without_voice(request_of(story), NINE + 4 * MINUTE) is None
    assert boards.without_voice(request_of(story), NINE + 2 * MINUTE) == NINE + MINUTE  # the curve remembers


def test_48_hours_are_at_risk_without_a_slot_or_with_one_too_late() -> None:
    nowhere = request_of(Story().received().qualified())
    assert not boards.at_risk(nowhere, NINE + 20 * HOUR)
    assert boards.at_risk(nowhere, NINE + 30 * HOUR)
    assert not boards.at_risk(request_of(Story().received().qualified().booked(starts_after=40 * HOUR)), NINE + 30 * HOUR)
    assert boards.at_risk(request_of(Story().received().qualified().booked(starts_after=50 * HOUR)), NINE + HOUR)
    assert not boards.at_risk(request_of(a_consultation()), NINE + 30 * HOUR)
    assert not boards.at_risk(request_of(Story().received().qualified("planned")), NINE + 30 * HOUR)


def test_what_is_stuck_is_listed_by_urgency() -> None:
    stories = [
        Story().received().qualified("within_48h"), Story().received().screened("red_flag").handed_over(),
        Story().received().screened().asks_advice(), a_consultation(), Story().received().qualified().booked(starts_after=9 * HOUR),
    ]  # fmt: skip
    lines = boards.stuck([request_of(one) for one in stories], NINE + 30 * MINUTE)
    assert [(line["stuck_on"], line["owner"], line["late"]) for line in lines] == [
        ("voice_missing", "fifteen", True), ("advice_missing", "duty_doctor", True), ("to_place", "scheduling", False),
    ]  # fmt: skip
    assert boards.stuck_on(request_of(stories[4]), NINE + 12 * HOUR) == "act_not_closed"


def test_a_call_nobody_ended_shows_after_closing(bievre: Territory) -> None:
    call = call_of(Story().rings().answered())
    assert boards.calls_open_after_closing([call], bievre, NINE + 10 * HOUR) == []
    assert boards.calls_open_after_closing([call], bievre, NINE + 11 * HOUR + SECOND) == [call]


def an_appointment(start: timedelta = 0 * HOUR, *, mode: str = "surgery", doctor: UUID = DOCTOR, **fields: Any) -> AppointmentStory:
    return AppointmentStory(
        "bievre", new_id(), fields.pop("request_id", None) or new_id(), doctor, mode=mode, starts_at=NINE + start,
        ends_at=NINE + start + 20 * MINUTE, booked_at=NINE, **fields,
    )  # fmt: skip


def test_double_bookings_are_found_in_the_history() -> None:
    first = an_appointment()
    assert double_bookings([first, an_appointment(20 * MINUTE)]) == []
    assert len(double_bookings([first, an_appointment(19 * MINUTE)])) == 1
    assert double_bookings([first, an_appointment(doctor=new_id())]) == []
    assert double_bookings([first, an_appointment(cancelled_at=NINE)]) == []
    assert double_bookings([an_appointment(mode="visit"), an_appointment(mode="visit")]) == []
    assert len(double_bookings([an_appointment(mode="visit"), an_appointment()])) == 1
    assert len(double_bookings([an_appointment(request_id=first.request_id, start=5 * HOUR), first])) == 1


def test_a_request_that_nobody_received_is_an_orphan() -> None:
    assert orphans([request_of(one) for one in (a_consultation(), an_advice(), Story().received())]) == []
    only_searched = Story().search_opened()
    assert [one.state for one in orphans([request_of(only_searched)])] == ["unknown"]
