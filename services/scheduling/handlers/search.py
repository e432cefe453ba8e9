"""Ranked proposals: the free slots that the rules allow, best first, stored as they were shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from services.scheduling.domain.allocation import Candidate, Ranked, rank
from services.scheduling.domain.model import Profile
from services.scheduling.domain.refusals import RoundNotFeasible
from services.scheduling.domain.rounds import PlannedStop, Round, Stop, plan
from services.scheduling.domain.rules import Rules
from services.scheduling.domain.travel import Position, travel_minutes
from services.scheduling.repository import appointments, requests, slots
from services.scheduling.repository.slots import FreeSlot
from shared.db import Connection, Tx
from shared.events.base import Mode
from shared.events.intake import RequestQualified
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class Offer:
    """A ranked slot with the names that the secretary reads; `proposal_id` once it was stored as shown."""

    proposal_id: UUID
    ranked: Ranked
    free: FreeSlot


@dataclass(frozen=True, slots=True)
class ProposeSlots:
    """The secretary asks what there is. `qualified` comes with the command: no topic has to catch up."""

    qualified: RequestQualified
    asked_by: UUID | None
    at_most: int


async def rank_slots(
    sql: Connection, qualified: RequestQualified, rules: Rules, *, now: datetime, modes: Sequence[Mode] | None = None
) -> list[Offer]:
    """All feasible proposals for `qualified`, or for other `modes` when they are given."""
    wanted = qualified if modes is None else qualified.model_copy(update={"modes": list(modes)})
    profile, limits = rules.profile(wanted.territory_id), rules.allocation
    opened = wanted.see_by if wanted.urgency == "same_day" else now + timedelta(minutes=limits.protected_opens_minutes)
    free = await slots.search_free(
        sql, wanted.territory_id, wanted.request_id, modes=wanted.modes,
        not_before=max(wanted.earliest, now + timedelta(minutes=limits.lead_minutes)),
        not_after=wanted.see_by, protected_until=opened, now=now, per_practitioner=rules.searched_per_practitioner,
    )  # fmt: skip
    round_ids = {f.slot.round_id for f in free if f.slot.round_id is not None}
    rounds = await slots.rounds(sql, wanted.territory_id, round_ids) if round_ids else {}
    stops = await appointments.stops(sql, wanted.territory_id, round_ids) if round_ids else {}
    videos_of = [f for f in free if f.slot.mode == "teleconsultation"]
    videos = (
        await appointments.videos_booked(sql, (f.billing_practitioner_id for f in videos_of), (f.slot.on for f in videos_of))
        if videos_of else {}
    )  # fmt: skip
    where = profile.position_of(wanted)
    by_slot = {f.slot.id: f for f in free}
    ranked = rank(wanted, (_candidate(f, profile, where, rounds, stops, videos, rules) for f in free), limits, now=now)
    return [Offer(new_id(), entry, by_slot[entry.candidate.slot.id]) for entry in ranked]


def _candidate(
    free: FreeSlot, profile: Profile, where: Position | None, rounds: dict[UUID, Round], stops: dict[UUID, list[Stop]],
    videos: dict[tuple[UUID, date], int], rules: Rules,
) -> Candidate:  # fmt: skip
    slot = free.slot
    feasible, travel = True, travel_minutes(where, free.position) if where is not None else None
    if slot.round_id is not None:
        try:
            travel = added_stop(rounds[slot.round_id], stops[slot.round_id], Stop(slot.id, slot.starts_at, where), rules).road_minutes
        except RoundNotFeasible:
            feasible = False
    return Candidate(
        slot=slot, status=free.status, has_supervisor=free.supervisor_name is not None, accepts_as_mt=free.accepts_as_mt, load=free.load,
        travel_minutes=travel, videos_booked=videos.get((free.billing_practitioner_id, slot.on), 0), closed=profile.closed_on(slot.on),
        round_feasible=feasible,
    )  # fmt: skip


def added_stop(the_round: Round, stops: Sequence[Stop], added: Stop, rules: Rules) -> PlannedStop:
    """Where `added` comes in the plan of the round; raises RoundNotFeasible."""
    return next(s for s in plan(the_round, [*stops, added], rules.slots) if s.appointment_id == added.appointment_id)


async def propose_slots(command: ProposeSlots, tx: Tx, *, now: datetime, rules: Rules) -> tuple[list[Offer], int]:
    """The proposals to show, stored as shown, and how many there were. Changes nothing else: asking is not booking."""
    offers = await rank_slots(tx.sql, command.qualified, rules, now=now)
    kept = offers[: command.at_most]
    await store(tx, command.qualified, kept, shown_to=command.asked_by, now=now)
    return kept, len(offers)


async def store(tx: Tx, qualified: RequestQualified, offers: Sequence[Offer], *, shown_to: UUID | None, now: datetime) -> None:
    """Keep what was shown, with its reasons (what the secretary saw at 10:42:17 can be read later)."""
    lines = [
        requests.ShownProposal(
            id=offer.proposal_id, rank=offer.ranked.rank, slot_id=slot.id, practitioner_id=slot.practitioner_id, mode=slot.mode,
            starts_at=slot.starts_at, travel_minutes=offer.ranked.candidate.travel_minutes if slot.mode == "visit" else None,
            cost=offer.ranked.cost, why=offer.ranked.why,
        )
        for offer in offers
        for slot in (offer.ranked.candidate.slot,)
    ]  # fmt: skip
    await requests.store_proposals(tx, qualified.territory_id, qualified.request_id, new_id(), lines, shown_to=shown_to, now=now)
