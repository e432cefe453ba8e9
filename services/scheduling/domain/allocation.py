"""Which slot serves a request best: hard rules first, then one cost. Pure, and the same answer for the same input.

A candidate that breaks a hard rule is never ranked, whatever its cost. Ties go by practitioner id, then by start.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import fmean
from typing import Literal

from services.scheduling.domain.model import SUPERVISED, Slot
from shared.events.base import Mode
from shared.events.intake import RequestQualified
from shared.events.scheduling import PractitionerStatus

UnallocatedCause = Literal["no_slot_in_time", "no_mode_in_time", "no_practitioner"]


@dataclass(frozen=True, slots=True)
class Weights:
    """The cost of one unit of each trouble. The order of modes weighs more than a whole day's lateness of the first mode's slots."""

    lateness: float = 1.0
    load: float = 0.5
    travel: float = 0.6
    mode: float = 0.8
    continuity: float = 0.4
    could_be_mt: float = 0.15
    protected: float = 0.2


@dataclass(frozen=True, slots=True)
class AllocationRules:
    """Limits that are settings. `visit_lead_minutes` leaves the doctor, who is driving, the time to hear of one more stop
    (operations.md H4: a visit of the same day is asked for before 11:30, the last one starts at 12:10)."""

    lead_minutes: int = 10
    visit_lead_minutes: int = 40
    videos_per_billing_day: int = 12
    protected_opens_minutes: int = 120
    weights: Weights = field(default_factory=Weights)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A free slot with what the rules and the cost look at.

    `load` is booked ÷ offered of this doctor on the slot's day; `travel_minutes` is the doctor's road for a visit, the patient's way to
    the surgery otherwise; `videos_booked` counts the billing doctor's day. `round_feasible` only matters for a visit.
    """

    slot: Slot
    status: PractitionerStatus
    has_supervisor: bool
    accepts_as_mt: bool
    load: float
    travel_minutes: int | None
    videos_booked: int
    closed: bool
    round_feasible: bool = True


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate in its place, with the main reason for it."""

    rank: int
    candidate: Candidate
    cost: float
    why: str


WHY_TEXT: dict[str, str] = {
    "only_one_in_time": "Seule place avant la limite",
    "soonest": "Plus tôt que les autres",
    "less_loaded": "Médecin moins chargé ce jour-là",
    "near": "Plus près que les autres",
    "continuity": "Connaît déjà ce patient",
    "could_be_mt": "Peut devenir médecin traitant",
    "preferred_mode": "Mode préféré pour ce motif",
    "next_best": "Place suivante",
    "chosen_by_caller": "Choisi par l'appelant",
}
"""French, eight words at most: the secretary reads it while talking."""

_UNDER_ONE_YEAR = frozenset({"0-2m", "3-11m"})


def broken_rule(request: RequestQualified, candidate: Candidate, rules: AllocationRules, *, now: datetime) -> str | None:
    """The first hard rule that forbids this slot, or None. The codes go into the problem of a refused booking."""
    slot = candidate.slot
    if slot.starts_at > request.see_by:
        return "too_late"
    if slot.starts_at < request.earliest:
        return "too_early"
    if slot.starts_at < now + lead_of(slot, rules):
        return "past"
    if slot.mode not in request.modes:
        return "mode_not_asked"
    # national-rules.md 8: prudent local rule, no video under one year
    if slot.mode == "teleconsultation" and request.age_band in _UNDER_ONE_YEAR:
        return "no_video_under_one_year"
    if candidate.status in SUPERVISED and not candidate.has_supervisor:
        return "no_supervisor"
    if candidate.closed:
        return "closed_day"
    if slot.mode == "teleconsultation" and candidate.videos_booked >= rules.videos_per_billing_day:
        return "video_cap"
    if slot.protected and not may_take_protected(request, slot, rules, now=now):
        return "protected"
    if slot.mode == "visit" and not candidate.round_feasible:
        return "round_not_feasible"
    return None


def lead_of(slot: Slot, rules: AllocationRules) -> timedelta:
    return timedelta(minutes=rules.visit_lead_minutes if slot.mode == "visit" else rules.lead_minutes)


def may_take_protected(request: RequestQualified, slot: Slot, rules: AllocationRules, *, now: datetime) -> bool:
    """Protected slots are for `same_day`; two hours before they open to everybody (operations.md §9)."""
    return request.urgency == "same_day" or slot.starts_at <= now + timedelta(minutes=rules.protected_opens_minutes)


def rank(request: RequestQualified, candidates: Iterable[Candidate], rules: AllocationRules, *, now: datetime) -> list[Ranked]:
    """All feasible candidates, best first."""
    feasible = [candidate for candidate in candidates if broken_rule(request, candidate, rules, now=now) is None]
    parts = [_parts(request, candidate, rules.weights, now=now) for candidate in feasible]
    means = _means_by_mode(feasible, parts)
    costed = [(round(sum(part.values()), 6), candidate, part) for candidate, part in zip(feasible, parts, strict=True)]
    costed.sort(key=lambda entry: (entry[0], entry[1].slot.practitioner_id, entry[1].slot.starts_at, entry[1].slot.id))
    alone = len(costed) == 1
    return [
        Ranked(place, candidate, cost, "only_one_in_time" if alone else _main_reason(candidate, part, means))
        for place, (cost, candidate, part) in enumerate(costed, start=1)
    ]


_TOLD = ("soonest", "continuity", "could_be_mt", "near", "less_loaded")


def _means_by_mode(candidates: Sequence[Candidate], parts: Sequence[dict[str, float]]) -> dict[Mode, dict[str, float]]:
    """What the slots of each mode cost on average: a reason compares like with like."""
    grouped: dict[Mode, list[dict[str, float]]] = {}
    for candidate, part in zip(candidates, parts, strict=True):
        grouped.setdefault(candidate.slot.mode, []).append(part)
    return {mode: {name: fmean(part[name] for part in group) for name in _TOLD} for mode, group in grouped.items()}


def _parts(request: RequestQualified, candidate: Candidate, weights: Weights, *, now: datetime) -> dict[str, float]:
    """The cost of each trouble, named after the reason that a low figure gives."""
    slot = candidate.slot
    time_left = max((request.see_by - max(now, request.earliest)).total_seconds(), 60.0)
    known = request.previous_practitioner_id == slot.practitioner_id
    travel = 0 if slot.mode == "teleconsultation" else candidate.travel_minutes or 0
    return {
        "soonest": weights.lateness * max((slot.starts_at - now).total_seconds(), 0.0) / time_left,
        "less_loaded": weights.load * candidate.load,
        "near": weights.travel * travel / 60,
        "preferred_mode": weights.mode * request.modes.index(slot.mode),
        "continuity": 0.0 if known else weights.continuity,
        "could_be_mt": 0.0 if request.without_mt and candidate.accepts_as_mt else weights.could_be_mt,
        "protected": weights.protected if slot.protected else 0.0,
    }


def _main_reason(candidate: Candidate, part: dict[str, float], means: dict[Mode, dict[str, float]]) -> str:
    """Where this slot is better than the mean of its mode, most of all: a reason is only told when it is true of this slot.

    With nothing better, the mode itself is the reason when it is the preferred of several.
    """
    mean = means[candidate.slot.mode]
    told = [name for name in _TOLD if not (name == "near" and candidate.slot.mode == "teleconsultation")]
    best = max(told, key=lambda name: round(mean[name] - part[name], 9))  # ties: the first of _TOLD
    if round(mean[best] - part[best], 9) > 0:
        return best
    return "preferred_mode" if len(means) > 1 and part["preferred_mode"] == 0 else "next_best"


def why_unallocated(*, pool_has_mode: bool, other_modes_fit: bool) -> UnallocatedCause:
    """The cause of RequestUnallocated: no doctor of these modes, only other modes before `see_by`, or simply no place."""
    if not pool_has_mode:
        return "no_practitioner"
    return "no_mode_in_time" if other_modes_fit else "no_slot_in_time"


def still_fits(request: RequestQualified, *, mode: str, starts_at: datetime) -> bool:
    """A live appointment serves a new qualification when its mode is asked and it starts before the new `see_by`."""
    return mode in request.modes and starts_at <= request.see_by
