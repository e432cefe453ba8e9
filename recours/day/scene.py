"""What all actors share: the stage, the clock, the demand, the draws, and who asked for what under which id."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from recours.day.casting import Cast
from recours.day.conductor import Conductor
from recours.day.draws import Draws
from recours.day.stage import Stage
from recours.demand import Assumptions, Call, Demand, Need
from shared.errors import Refused
from shared.territory import Territory

# What a person at a screen is told when somebody else was quicker, and shrugs at.
_MOVED_ON = frozenset({
    "already_booked", "already_decided", "call_not_in_progress", "case_closed", "illegal_transition", "not_handed_over",
    "only_a_doctor_lowers", "red_flag_stands", "request_ended",
})  # fmt: skip


def tolerate(refusal: Refused) -> None:
    """Raises `refusal` again unless the story simply moved on meanwhile: any other refusal is a bug of the day or of a service."""
    if refusal.code not in _MOVED_ON:
        raise refusal


@dataclass
class Line:
    """A call of the demand on the real line. `taken` once a secretary presses the key; `over` once the caller has hung up."""

    call: Call
    call_id: UUID
    rang_at: datetime
    taken: bool = False
    over: bool = False


@dataclass
class Scene:
    """Ids are minted anew each day; `request_of` and `need_of` say which need they stand for, so that draws are the same in each run."""

    territory: Territory
    assumptions: Assumptions
    demand: Demand
    cast: Cast
    conductor: Conductor
    stage: Stage
    draws: Draws
    closes_at: datetime
    request_of: dict[int, UUID] = field(default_factory=dict)
    need_of: dict[UUID, int] = field(default_factory=dict)
    patient_of: dict[int, UUID] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        return self.conductor.now

    def need(self, number: int | None) -> Need:
        assert number is not None
        return self.demand.needs[number]

    def opens(self, need: Need, request_id: UUID) -> None:
        self.request_of[need.number] = request_id
        self.need_of[request_id] = need.number

    def subject(self, request_id: UUID) -> str:
        """A name for draws about a request: its need, or for one of an earlier day its reference by nothing but itself."""
        number = self.need_of.get(request_id)
        return f"need {number}" if number is not None else f"request {request_id}"
