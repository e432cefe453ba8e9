"""The search for an order: what a real agenda did is accepted, and one lie in it is found."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.history.linearizable import Operation, TooLong, linearizable, not_linearizable

NEVER = float("inf")
ONE, OTHER = (0.0, 20.0), (10.0, 30.0)
"""Two slots of one doctor that overlap."""


def op(
    kind: str, token: str, at: tuple[float, float], owner: str = "", period: tuple[float, float] = ONE, *, sure: bool = True
) -> Operation:
    return Operation(kind, token, owner or token, "doctor", *period, *at, sure=sure)  # type: ignore[arg-type]  # a short name for tests


def test_two_bookings_of_one_slot_have_no_order() -> None:
    assert not linearizable([op("take", "a", (0, 1)), op("take", "b", (0, 1))])


def test_two_bookings_of_slots_that_overlap_have_no_order() -> None:
    assert not linearizable([op("take", "a", (0, 1)), op("take", "b", (2, 3), period=OTHER)])


def test_a_slot_is_booked_again_once_it_is_given_back() -> None:
    history = [op("take", "a", (0, 1)), op("free", "a", (2, 3)), op("take", "b", (4, 5))]
    assert linearizable(history)
    assert not linearizable([history[0], history[2], replace(history[1], began=6, ended=7)])


def test_commands_under_way_together_may_have_come_in_any_order() -> None:
    assert linearizable([op("take", "b", (0, 9)), op("take", "a", (0, 9)), op("free", "a", (1, 8))])


def test_a_refusal_needs_somebody_who_has_the_slot_meanwhile() -> None:
    refused = op("refused", "r", (4, 5))
    assert not linearizable([refused])
    assert linearizable([op("take", "a", (0, 1)), refused])
    assert not linearizable([op("take", "a", (0, 1)), op("free", "a", (2, 3)), refused])
    assert linearizable([op("take", "a", (0, 1)), op("free", "a", (2, 4.5)), refused])
    assert not linearizable([refused, op("take", "a", (6, 7))])


def test_ones_own_hold_justifies_no_refusal_and_gives_way_to_the_booking() -> None:
    hold = op("hold", "h", (0, 1), "request")
    assert not linearizable([hold, op("refused", "r", (2, 3), "request")])
    assert linearizable([hold, op("take", "a", (2, 3), "request"), op("free", "h", (4, 5))])
    assert not linearizable([hold, op("take", "a", (2, 3), "another")])
    assert linearizable([hold, replace(hold, began=2, ended=3), op("free", "h", (4, 5)), op("take", "a", (6, 7), "another")])


def test_what_nobody_booked_is_not_given_back() -> None:
    assert not linearizable([op("free", "a", (0, 1))])


def test_what_nobody_knows_may_have_happened_late_or_never() -> None:
    unknown = op("take", "u", (0, NEVER), sure=False)
    assert linearizable([unknown, op("take", "a", (1, 2))])
    assert linearizable([unknown, op("refused", "r", (5, 6))])
    assert not linearizable([op("refused", "r", (5, 6)), replace(unknown, began=7)])


def test_doctors_are_judged_apart_and_so_are_periods_that_do_not_touch() -> None:
    there = replace(op("take", "b", (0, 1)), resource="another")
    later = op("take", "c", (0, 1), period=(20.0, 40.0))
    assert not_linearizable([op("take", "a", (0, 1)), there, later]) == []
    [piece] = not_linearizable([op("take", "a", (0, 1)), op("take", "d", (0, 1)), there, later])
    assert {one.token for one in piece} == {"a", "d"}


def test_a_search_that_is_too_long_says_so() -> None:
    undecidable = [op("take", f"{n}", (0, 9)) for n in range(12)]
    with pytest.raises(TooLong):
        linearizable([*undecidable, *(op("free", f"{n}", (0, 9)) for n in range(12)), op("refused", "r", (20, 21))], steps=100)


def a_true_history(seed: int, length: int) -> list[Operation]:
    """A hand-kept agenda of three slots that overlap in part, each step at one instant, and an answer that comes early or late."""
    draw = random.Random(seed)
    periods = [(0.0, 20.0), (10.0, 30.0), (30.0, 40.0)]
    live: dict[str, Operation] = {}
    history: list[Operation] = []
    for number in range(length):
        at = float(number)
        departed, answered = at - draw.uniform(0.01, 3), at + draw.uniform(0.01, 3)
        chosen = draw.choice(["take", "take", "hold", "free"])
        if chosen == "free":
            if live:
                token = draw.choice(sorted(live))
                history.append(replace(live.pop(token), kind="free", began=departed, ended=answered))
            continue
        owner = f"request {draw.randrange(4)}"
        wanted = Operation("take" if chosen == "take" else "hold", f"{number}", owner, "doctor", *draw.choice(periods), departed, answered)
        there = [one for one in live.values() if one.overlaps(wanted)]
        if any(one.kind == "take" or one.owner != owner for one in there):
            history.append(replace(wanted, kind="refused"))
            continue
        for one in there:
            del live[str(one.token)]
            history.append(replace(one, kind="free", began=departed, ended=answered))
        live[str(wanted.token)] = wanted
        lost = draw.random() < 0.1
        history.append(replace(wanted, ended=NEVER, sure=False) if lost else wanted)
    return history


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**9), length=st.integers(1, 40))
def test_what_a_hand_kept_agenda_did_is_accepted(seed: int, length: int) -> None:
    history = a_true_history(seed, length)
    random.Random(seed).shuffle(history)
    assert not_linearizable(history) == []


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**9), length=st.integers(3, 40), data=st.data())
def test_a_double_booking_in_it_is_found(seed: int, length: int, data: st.DataObject) -> None:
    """The second booking comes after the first was answered and before it is given back."""
    history = a_true_history(seed, length)
    booked = [one for one in history if one.kind == "take" and one.sure]
    if not booked:
        return
    first = data.draw(st.sampled_from(booked))
    freed = min((one.began for one in history if one.kind == "free" and one.token == first.token), default=first.ended + 2)
    if freed <= first.ended:
        return
    lie = replace(first, token="lie", owner="somebody else", began=first.ended + (freed - first.ended) / 3, ended=freed)
    lie = replace(lie, ended=lie.began + (freed - lie.began) / 2)
    assert not_linearizable([*history, lie]) != []


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**9), length=st.integers(1, 40))
def test_a_refusal_before_anybody_came_is_found(seed: int, length: int) -> None:
    history = a_true_history(seed, length)
    lie = replace(op("refused", "lie", (-20, -10)), owner="early")
    assert not_linearizable([*history, lie]) != []
