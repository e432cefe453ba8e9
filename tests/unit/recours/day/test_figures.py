"""The figures of a day from a small log written by hand."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from recours.day.figures import Delay, figures
from recours.day.history import gather
from recours.day.words import duration, euros, share
from shared.events import Event
from shared.events.intake import (
    AdviceRequested,
    CallAbandoned,
    CallAnswered,
    CallReceived,
    HandOverAnswered,
    RequestClosed,
    RequestHandedOver,
    RequestReceived,
    RequestScreened,
)
from shared.events.orientation import SearchActivated, SearchOpened
from shared.events.regulation import AdviceGiven, CaseDecided
from shared.events.scheduling import ActClosed, ActOutcome, AppointmentBooked, AppointmentCancelled, ProposedAct, SlotsPublished
from shared.ids import new_id
from shared.territory import Territory

TERRITORY = Territory.load(Path(__file__).parents[4] / "deploy" / "territory" / "bievre")
MONDAY = date(2026, 3, 2)
EIGHT = datetime(2026, 3, 2, 7, tzinfo=UTC)
DOCTOR, PATIENT = new_id(), new_id()
COMMON: dict[str, Any] = {"territory_id": "bievre", "version": 1}


def at(minutes: float) -> datetime:
    return EIGHT + timedelta(minutes=minutes)


def received(request_id: UUID, minutes: float = 0) -> RequestReceived:
    when = at(minutes)
    return RequestReceived(
        **COMMON, occurred_at=when, request_id=request_id, origin="patient", rang_at=when, contract_deadline=when + timedelta(hours=48)
    )


def booked(request_id: UUID, appointment_id: UUID, start: float, mode: Any = "surgery") -> AppointmentBooked:
    return AppointmentBooked(
        **COMMON, occurred_at=at(3), request_id=request_id, appointment_id=appointment_id, patient_id=PATIENT, practitioner_id=DOCTOR,
        billing_practitioner_id=DOCTOR, mode=mode, starts_at=at(start), ends_at=at(start + 20), path="assisted", rank=1, why="soonest",
    )  # fmt: skip


def closed(request_id: UUID, appointment_id: UUID, minutes: float, outcome: ActOutcome = "seen", *acts: tuple[str, str]) -> ActClosed:
    return ActClosed(
        **COMMON, occurred_at=at(minutes), request_id=request_id, appointment_id=appointment_id, patient_id=PATIENT, practitioner_id=DOCTOR,
        billing_practitioner_id=DOCTOR, mode="surgery", starts_at=at(minutes - 20), outcome=outcome, tariff="t",
        acts=[ProposedAct(code=code, amount_euros=Decimal(amount)) for code, amount in acts],
    )  # fmt: skip


def asked(request_id: UUID) -> AdviceRequested:
    return AdviceRequested(**COMMON, occurred_at=at(2), request_id=request_id, asked_at=at(2), due_at=at(12), cause="protocol")


def count(*events: Event) -> dict[str, Any]:
    starts_at, ends_at = TERRITORY.day_bounds(MONDAY)
    return figures(gather(events, "bievre", starts_at, ends_at), TERRITORY, until=at(12 * 60))


def test_the_same_fact_twice_and_other_territories_count_once_and_never() -> None:
    ring = CallReceived(**COMMON, occurred_at=EIGHT, call_id=new_id(), number_known=True)
    elsewhere = CallReceived(territory_id="autre", version=1, occurred_at=EIGHT, call_id=new_id(), number_known=True)
    yesterday = CallReceived(**COMMON, occurred_at=EIGHT - timedelta(days=1), call_id=new_id(), number_known=True)
    found = count(ring, ring, elsewhere, yesterday)
    assert (found["calls"], found["events"]) == (1, 1)


def test_calls_are_answered_or_cut() -> None:
    one, two = new_id(), new_id()
    found = count(
        CallReceived(**COMMON, occurred_at=EIGHT, call_id=one, number_known=True),
        CallAnswered(**COMMON, occurred_at=at(1.5), call_id=one, waited_seconds=90, answered_by=new_id()),
        CallReceived(**COMMON, occurred_at=at(60), call_id=two, number_known=False),
        CallAbandoned(**COMMON, occurred_at=at(62), call_id=two, waited_seconds=120),
    )
    assert (found["calls"], found["calls_answered"], found["calls_abandoned"], found["answered_within_60s"]) == (2, 1, 1, 0)
    assert found["calls_by_hour"] == {"08": {"answered": 1, "abandoned": 0}, "09": {"answered": 0, "abandoned": 1}}


def test_booked_is_not_answered_until_somebody_was_seen() -> None:
    one, appointment = new_id(), new_id()
    waiting = count(received(one), booked(one, appointment, 60))
    assert (waiting["booked"], waiting["answered_48h"], waiting["to_come_within_48h"], waiting["honoured"]) == (1, 0, 1, 0)
    seen = count(received(one), booked(one, appointment, 60), closed(one, appointment, 80, "seen", ("G", "30.00"), ("MCG", "5.00")))
    assert (seen["answered_48h"], seen["to_come_within_48h"], seen["honoured"]) == (1, 0, 1)
    assert seen["acts"] == {"G": {"count": 1, "euros": "30.00"}, "MCG": {"count": 1, "euros": "5.00"}}
    assert seen["acts_euros"] == "35.00"


def test_forty_eight_hours_run_by_the_calendar_and_by_the_open_hours() -> None:
    one, appointment = new_id(), new_id()
    late = count(received(one), booked(one, appointment, 49 * 60), closed(one, appointment, 50 * 60))
    assert (late["answered_48h"], late["answered_48h_open_hours"]) == (0, 1)  # Wednesday 10:00 is 26 open hours after Monday 8:00


def test_an_absence_is_missed_and_answers_nothing() -> None:
    one, appointment = new_id(), new_id()
    found = count(received(one), booked(one, appointment, 60), closed(one, appointment, 80, "missed"))
    assert (found["missed"], found["honoured"], found["answered_48h"]) == (1, 0, 0)


def test_a_doctors_word_answers_unless_it_says_appointment() -> None:
    one, two = new_id(), new_id()
    advised = AdviceGiven(**COMMON, occurred_at=at(8), request_id=one, decided_by=DOCTOR, decision="advice_only")
    to_see = AdviceGiven(
        **COMMON, occurred_at=at(8), request_id=two, decided_by=DOCTOR, decision="appointment", urgency="same_day", modes=["surgery"]
    )
    found = count(received(one), asked(one), advised, received(two, 1), asked(two), to_see)
    assert (found["advice"], found["advice_given"], found["answered_48h"]) == (2, 2, 1)
    assert found["delays"]["advice"] == {"count": 2, "median_seconds": 360.0, "p90_seconds": 360.0}


def test_the_voice_of_the_15_acknowledges_and_its_doctor_answers() -> None:
    one, two = new_id(), new_id()
    screened = RequestScreened(
        **COMMON, occurred_at=at(1), request_id=one, breathing="yes", consciousness="no", chest_or_collapse="no", result="red_flag",
        screened_in_seconds=31, question_set="step0-v1",
    )  # fmt: skip
    handed = RequestHandedOver(
        **COMMON, occurred_at=at(1), request_id=one, urgency="red_flag", channel="voice", dialled_at=at(1), handed_by=DOCTOR
    )
    after_silence = handed.model_copy(update={"event_id": new_id(), "request_id": two, "occurred_at": at(14)})
    voice = HandOverAnswered(**COMMON, occurred_at=at(2), request_id=one, channel="voice", dialled_at=at(1), seconds_to_voice=60)
    taken = CaseDecided(**COMMON, occurred_at=at(9), request_id=one, decision="taken_by_15", decided_by=new_id())
    found = count(received(one), screened, handed, voice, taken, received(two), asked(two), after_silence)
    assert (found["red_flags"], found["handed_over"], found["acknowledged"], found["answered_48h"]) == (1, 2, 1, 1)


def test_what_was_no_care_is_left_out_of_the_share() -> None:
    one, two = new_id(), new_id()
    information = RequestClosed(**COMMON, occurred_at=at(5), request_id=two, outcome="information")
    found = count(received(one), received(two), information)
    assert (found["requests"], found["clinical_requests"]) == (2, 1)


def test_the_mode_is_that_of_the_last_booking_and_a_cancelled_one_gives_its_place_back() -> None:
    one, first, second = new_id(), new_id(), new_id()
    offer = SlotsPublished(
        **COMMON, occurred_at=EIGHT - timedelta(hours=1), practitioner_id=DOCTOR, on=MONDAY, visit=0, teleconsultation=4, surgery=2
    )
    back = AppointmentCancelled(
        **COMMON, occurred_at=at(10), request_id=one, appointment_id=first, practitioner_id=DOCTOR, cause="requalified"
    )
    again = booked(one, second, 90, "teleconsultation").model_copy(update={"occurred_at": at(11)})
    found = count(offer, received(one), booked(one, first, 60), back, again)
    assert found["booked"] == 1
    assert found["by_mode"] == {"visit": 0, "teleconsultation": 1, "surgery": 0}
    assert [(line["booked"], line["offered"]) for line in found["load"]] == [(1, 6)]


def test_a_search_counts_as_active_once_the_person_said_yes() -> None:
    one, search = new_id(), new_id()
    opened = SearchOpened(**COMMON, occurred_at=at(90), patient_id=PATIENT, search_id=search, request_id=one, state="awaiting_consent")
    yes = SearchActivated(**COMMON, occurred_at=at(95), patient_id=PATIENT, search_id=search)
    assert (count(received(one), opened)["searches_opened"], count(received(one), opened)["searches_active"]) == (1, 0)
    assert count(received(one), opened, yes)["searches_active"] == 1


def test_the_digest_ignores_ids_and_sees_decisions() -> None:
    def a_day(start: float) -> str:
        request, appointment = new_id(), new_id()
        return str(count(received(request), booked(request, appointment, start))["decisions_digest"])

    assert a_day(60) == a_day(60)
    assert a_day(60) != a_day(80)


def test_delays_and_words() -> None:
    assert Delay.of([]).body() == {"count": 0, "median_seconds": None, "p90_seconds": None}
    assert Delay.of([float(second) for second in range(1, 101)]).body() == {"count": 100, "median_seconds": 50.5, "p90_seconds": 90.1}
    assert [duration(None), duration(42), duration(360), duration(390), duration(11_520)] == ["–", "42 s", "6 min", "6 min 30", "3 h 12"]
    assert euros("1234.5") == "1 234,50 €"
    assert (share(1, 4), share(1, 0)) == ("25\u00a0%", "–")
