"""Home-visit rounds: which place a visit may take without breaking what was announced to the others.

A visit keeps the time that was said on the phone (`announced_at`); the plan may start it later, inside its window, never earlier and
never after the round's last start. Stops are driven in the order of their announced times: who was told first hears nothing new.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.scheduling.domain.refusals import RoundNotFeasible
from services.scheduling.domain.slots import SlotRules
from services.scheduling.domain.travel import Position, travel_minutes


@dataclass(frozen=True, slots=True)
class Round:
    """A doctor's round; it starts from the surgery (`start`)."""

    id: UUID
    practitioner_id: UUID
    starts_at: datetime
    ends_at: datetime
    last_start_at: datetime
    capacity: int
    start: Position


@dataclass(frozen=True, slots=True)
class Stop:
    """A visit of the round. An unknown position costs the minimum road: better a place than a refusal for a missing cell."""

    appointment_id: UUID
    announced_at: datetime
    position: Position | None


@dataclass(frozen=True, slots=True)
class PlannedStop:
    appointment_id: UUID
    order: int
    planned_at: datetime
    road_minutes: int


def plan(the_round: Round, stops: Iterable[Stop], rules: SlotRules) -> tuple[PlannedStop, ...]:
    """When each visit starts and how long the road to it is; raises RoundNotFeasible and names the first rule that breaks."""
    in_order: Sequence[Stop] = sorted(stops, key=lambda stop: (stop.announced_at, stop.appointment_id))
    if len(in_order) > the_round.capacity:
        raise RoundNotFeasible(f"round {the_round.id} has {the_round.capacity} places", rule="capacity")
    window = timedelta(minutes=rules.window_minutes)
    free_at, here = the_round.starts_at, the_round.start
    planned: list[PlannedStop] = []
    for order, stop in enumerate(in_order, start=1):
        road = max(rules.road_minimum_minutes, travel_minutes(here, stop.position) if stop.position is not None else 0)
        starts_at = max(stop.announced_at, free_at + timedelta(minutes=road))
        if starts_at > stop.announced_at + window:
            raise RoundNotFeasible(f"round {the_round.id}: visit {order} leaves its window", rule="window")
        if starts_at > the_round.last_start_at:
            raise RoundNotFeasible(f"round {the_round.id}: visit {order} starts too late", rule="last_start")
        free_at = starts_at + timedelta(minutes=rules.visit_minutes)
        if free_at > the_round.ends_at:
            raise RoundNotFeasible(f"round {the_round.id}: visit {order} ends after the round", rule="end")
        here = stop.position or here
        planned.append(PlannedStop(stop.appointment_id, order, starts_at, road))
    return tuple(planned)
