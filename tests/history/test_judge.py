"""The judge finds each kind of lie, and only lies."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recours.day.stage import Sent
from shared.errors import NotFound, Refused, Unavailable
from shared.events.scheduling import AppointmentBooked
from shared.ids import new_id
from tests.history.evidence import AppointmentRow, Evidence, Journalled
from tests.history.judge import Violations, judged
from tests.history.record import Command, Recorder
from tests.history.world import World


def a_world(seed: int = 1, steps: int = 0) -> World:
    world = World(seed)
    world.draw.random = lambda: 0.5  # type: ignore[method-assign]  # every line holds: what is accepted is told
    world.play(steps)
    return world


def kinds(commands: list[Command], evidence: Evidence) -> set[str]:
    return set(judged(commands, evidence).kinds)


def booked(world: World) -> tuple[Command, UUID, UUID, UUID]:
    """A first booking: command, appointment, request, slot."""
    request, slot = next(subject for kind, subject in world.rows if kind == "request"), next(iter(world.slots))
    command = world.book(request, slot)
    return command, world.keys[command.name], request, slot


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 10**9), steps=st.integers(0, 50))
def test_a_true_history_is_accepted(seed: int, steps: int) -> None:
    world = World(seed)
    world.play(steps)
    verdict = judged(world.commands, world.evidence())
    assert verdict.total == 0, str(verdict)


def lost_altogether(world: World) -> Evidence:
    """The transaction was never durable: neither key, nor row, nor fact."""
    command, appointment, request, _ = booked(world)
    del world.keys[command.name], world.appointments[appointment], world.periods[appointment]
    world.journal = [fact for fact in world.journal if getattr(fact.event, "appointment_id", None) != appointment]
    world.own[request] -= 1
    return world.evidence()


def lost_fact(world: World) -> Evidence:
    """The row is there, the fact was never journalled."""
    _, appointment, _, _ = booked(world)
    world.journal = [fact for fact in world.journal if getattr(fact.event, "appointment_id", None) != appointment]
    return world.evidence()


def lost_row(world: World) -> Evidence:
    _, appointment, _, _ = booked(world)
    del world.appointments[appointment], world.periods[appointment]
    return world.evidence()


def lost_on_the_log(world: World) -> Evidence:
    """Marked as published, and on no broker."""
    booked(world)
    evidence = world.evidence()
    return replace(evidence, log=dict.fromkeys(list(evidence.log)[:-1], 1))


def two_bodies(world: World) -> Evidence:
    booked(world)
    evidence = world.evidence()
    return replace(evidence, log={**evidence.log, next(iter(evidence.log)): 2})


def published_but_rolled_back(world: World) -> Evidence:
    evidence = world.evidence()
    return replace(evidence, log={**evidence.log, new_id(): 1})


def refused_that_committed(world: World) -> Evidence:
    """Told « slot taken », and the agenda has it."""
    booked(world)
    refused = world.said("scheduling", "POST", "/holds", {"request_id": str(new_id()), "slot_id": str(next(iter(world.slots)))},
                         "refused", "slot_taken", {})  # fmt: skip
    return replace(world.evidence(), keys={**world.keys, refused.name: new_id()})


def refused_whose_fact_is_told(world: World) -> Evidence:
    """No key is left of it, only its appointment."""
    _, _, request, slot = booked(world)
    ghost, other = new_id(), list(world.slots)[1]
    world.said("scheduling", "POST", "/appointments", {"request_id": str(request), "slot_id": str(other)}, "refused", "already_booked", {})
    world.appointments[ghost] = AppointmentRow(request, other, "booked", None)
    world.periods[ghost] = (slot, request)
    tell(world, world.booked(ghost, request, other))
    return world.evidence()


def unknown_that_happened_twice(world: World) -> Evidence:
    """Its line broke; it was done, and its repeat was done again."""
    command, appointment, request, slot = booked(world)
    world.commands[world.commands.index(command)] = replace(command, outcome="unknown", ended=None, answer={})
    tell(world, world.booked(appointment, request, slot))
    return world.evidence()


def double_booking(world: World) -> Evidence:
    """Two people are told the same quarter of an hour, the rows say so too."""
    _, _, _, slot = booked(world)
    other = [subject for kind, subject in world.rows if kind == "request"][1]
    appointment = new_id()
    command = world.said("scheduling", "POST", "/appointments", {"request_id": str(other), "slot_id": str(slot)}, "accepted", None,
                         {"appointment_id": str(appointment)})  # fmt: skip
    world.keys[command.name] = appointment
    world.appointments[appointment] = AppointmentRow(other, slot, "booked", None)
    world.periods[appointment] = (slot, other)
    tell(world, world.booked(appointment, other, slot))
    return world.evidence()


def two_live_appointments(world: World) -> Evidence:
    _, _, request, _ = booked(world)
    slot, appointment = list(world.slots)[2], new_id()
    command = world.said("scheduling", "POST", "/appointments", {"request_id": str(request), "slot_id": str(slot)}, "accepted", None,
                         {"appointment_id": str(appointment)})  # fmt: skip
    world.keys[command.name] = appointment
    world.appointments[appointment] = AppointmentRow(request, slot, "booked", None)
    world.periods[appointment] = (slot, request)
    tell(world, world.booked(appointment, request, slot))
    return world.evidence()


def refused_for_nothing(world: World) -> Evidence:
    world.said("scheduling", "POST", "/holds", {"request_id": str(new_id()), "slot_id": str(list(world.slots)[1])}, "refused", "slot_taken",
               {})  # fmt: skip
    return world.evidence()


def cancelled_in_words_only(world: World) -> Evidence:
    _, appointment, request, slot = booked(world)
    world.cancel(appointment)
    world.appointments[appointment] = AppointmentRow(request, slot, "booked", None)
    return world.evidence()


def tell(world: World, event: AppointmentBooked) -> None:
    world.journal.append(Journalled(event.event_id, event, event.key, world.at, world.at + 0.01))


LIES: list[tuple[Callable[[World], Evidence], str]] = [
    (lost_altogether, "lost"), (lost_fact, "lost"), (lost_row, "lost"), (lost_on_the_log, "log"), (two_bodies, "log"),
    (published_but_rolled_back, "log"), (refused_that_committed, "refused_happened"), (refused_whose_fact_is_told, "nobody_asked"),
    (unknown_that_happened_twice, "happened_twice"), (double_booking, "agenda"), (two_live_appointments, "request"),
    (refused_for_nothing, "agenda"), (cancelled_in_words_only, "lost"),
]  # fmt: skip


@pytest.mark.parametrize(("lie", "kind"), LIES, ids=[lie.__name__ for lie, _ in LIES])
def test_each_lie_is_found_and_named(lie: Callable[[World], Evidence], kind: str) -> None:
    world = a_world()
    evidence = lie(world)
    assert kind in kinds(world.commands, evidence)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**9), steps=st.integers(0, 30), lie=st.sampled_from([lie for lie, _ in LIES]))
def test_one_lie_in_a_long_true_history_is_found(seed: int, steps: int, lie: Callable[[World], Evidence]) -> None:
    world = World(seed)
    world.play(steps)
    for appointment in [one for one, row in world.appointments.items() if row.state == "booked"]:
        world.cancel(appointment)
    for hold in sorted(world.holds):
        world.give_back(hold)
    world.at += 10
    world.draw.random = lambda: 0.5  # type: ignore[method-assign]  # the lie itself is told
    assert judged(world.commands, lie(world)).total > 0


def test_a_command_is_one_over_all_its_attempts() -> None:
    instants = iter(range(100))
    recorder = Recorder(lambda: float(next(instants)))
    sent, other, gone = (Sent("intake", "POST", "/requests", new_id(), key, {}) for key in ("k1", "k2", "k3"))
    for attempt in (Unavailable("away"), ConnectionError()):
        recorder.sent(sent)
        recorder.failed(sent, attempt)
    recorder.sent(sent)
    recorder.answered(sent, {"version": 1})
    recorder.sent(other)
    recorder.failed(other, Refused("no", by="rule"))
    recorder.sent(gone)
    first, second, third = recorder.commands()
    assert (first.outcome, first.began, first.ended, first.answer) == ("accepted", 0.0, 5.0, {"version": 1})
    assert (second.outcome, second.code, second.answer) == ("refused", "refused", {"by": "rule"})
    assert (third.outcome, third.ended) == ("unknown", None)
    assert len(recorder.lines) == 9


def test_what_is_not_found_was_refused_and_a_fault_is_unknown() -> None:
    recorder = Recorder()
    sent, broken = (Sent("scheduling", "POST", "/holds", new_id(), key, {}) for key in ("k1", "k2"))
    recorder.sent(sent)
    recorder.failed(sent, NotFound("slot"))
    recorder.sent(broken)
    recorder.failed(broken, ZeroDivisionError())
    assert [command.outcome for command in recorder.commands()] == ["refused", "unknown"]


def test_the_verdict_says_what_was_looked_at() -> None:
    world = a_world(steps=10)
    verdict: Violations = judged(world.commands, world.evidence())
    assert verdict.looked_at["commands"] == len(world.commands) and verdict.total == 0
    assert str(verdict).startswith(f"commands {len(world.commands)}")
