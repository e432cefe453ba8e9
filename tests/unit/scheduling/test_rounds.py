"""Rounds: the windows that were announced hold, whoever is added."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduling.domain.refusals import RoundNotFeasible
from services.scheduling.domain.rounds import Round, Stop, plan
from services.scheduling.domain.slots import SlotRules
from services.scheduling.domain.travel import Position, position_of_cell, position_of_degrees, travel_minutes
from tests.unit.scheduling.builders import NINE, an_id

RULES = SlotRules()
TEN = NINE + timedelta(hours=1)
LHAY, RUNGIS = position_of_degrees(2.3374, 48.7760), position_of_degrees(2.3527, 48.7496)
PLACES = [TEN + timedelta(minutes=minutes) for minutes in (10, 50, 90, 130)]


def a_round(**fields: int) -> Round:
    capacity = fields.get("capacity", 4)
    return Round(an_id(800), an_id(1), TEN, TEN + timedelta(hours=3), TEN + timedelta(hours=2, minutes=20), capacity, LHAY)


def stop(number: int, place: int, position: Position | None = LHAY) -> Stop:
    return Stop(an_id(number), PLACES[place], position)


def test_four_visits_nearby_start_when_they_were_told() -> None:
    planned = plan(a_round(), [stop(n, n) for n in range(4)], RULES)
    assert [entry.planned_at for entry in planned] == PLACES
    assert [entry.road_minutes for entry in planned] == [10, 10, 10, 10]
    assert [entry.order for entry in planned] == [1, 2, 3, 4]


def test_a_long_road_moves_the_plan_inside_the_window() -> None:
    planned = plan(a_round(), [stop(0, 0), stop(1, 1, RUNGIS), stop(2, 2)], RULES)
    assert planned[1].road_minutes > 10 and planned[1].planned_at == PLACES[0] + timedelta(minutes=30 + planned[1].road_minutes)
    assert planned[2].planned_at <= PLACES[2] + timedelta(minutes=45)


def test_a_fifth_visit_a_late_start_and_a_broken_window_are_refused() -> None:
    with pytest.raises(RoundNotFeasible) as full:
        plan(a_round(capacity=1), [stop(0, 0), stop(1, 1)], RULES)
    assert full.value.extra["rule"] == "capacity"
    with pytest.raises(RoundNotFeasible) as late:  # far roads eat the slack: the last would start after 12:20
        plan(a_round(), [stop(0, 0, RUNGIS), stop(1, 1), stop(2, 2, RUNGIS), stop(3, 3)], RULES)
    assert late.value.extra["rule"] == "last_start"
    paris = position_of_degrees(2.35, 48.90)
    with pytest.raises(RoundNotFeasible) as broken:
        plan(a_round(), [stop(0, 0, paris)], RULES)
    assert broken.value.extra["rule"] == "window"


positions = st.builds(Position, st.floats(645_000, 660_000), st.floats(6_848_000, 6_860_000)) | st.none()


@given(st.lists(st.tuples(st.sampled_from(range(4)), positions), max_size=6))
def test_a_plan_keeps_every_promise_or_is_refused(wanted: list[tuple[int, Position | None]]) -> None:
    stops = [stop(number, place, position) for number, (place, position) in enumerate(wanted)]
    try:
        planned = plan(a_round(), stops, RULES)
    except RoundNotFeasible:
        return
    told = {each.appointment_id: each for each in stops}
    assert len(planned) == len(stops) <= 4
    free_at = TEN
    for entry in planned:
        announced = told[entry.appointment_id].announced_at
        assert announced <= entry.planned_at <= announced + timedelta(minutes=45)
        assert entry.planned_at >= free_at + timedelta(minutes=entry.road_minutes) and entry.road_minutes >= 10
        free_at = entry.planned_at + timedelta(minutes=30)
    assert free_at <= TEN + timedelta(hours=3)


@given(st.lists(st.tuples(st.sampled_from(range(4)), positions), max_size=4), st.randoms())
def test_the_order_of_arrival_does_not_change_the_plan(wanted: list[tuple[int, Position | None]], random: object) -> None:
    stops = [stop(number, place, position) for number, (place, position) in enumerate(wanted)]
    shuffled = list(stops)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    def outcome(given_: list[Stop]) -> object:
        try:
            return plan(a_round(), given_, RULES)
        except RoundNotFeasible as refused:
            return refused.extra["rule"]

    assert outcome(stops) == outcome(shuffled)


def test_the_projection_is_lambert_93() -> None:
    """The town hall of Paris and the corner of a 200 m square, as IGN's converter gives them."""
    paris = position_of_degrees(2.3522, 48.8566)
    assert (round(paris.x_metres), round(paris.y_metres)) == pytest.approx((652_470, 6_862_036), abs=3)
    assert position_of_cell("651300:6853500") == Position(651_300, 6_853_500)


def test_crossing_the_territory_takes_about_a_quarter_of_an_hour() -> None:
    cachan = position_of_degrees(2.3321, 48.7915)
    assert travel_minutes(LHAY, LHAY) == 3
    assert 15 <= travel_minutes(cachan, RUNGIS) <= 25
    assert travel_minutes(cachan, RUNGIS) == travel_minutes(RUNGIS, cachan)
