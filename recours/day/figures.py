"""The figures of a day, computed from its history in the log. Pure; definitions beside each, gathered in docs/day.md."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median, quantiles
from typing import Any
from uuid import UUID

from recours.day.history import DayHistory, RequestStory
from shared.calendar import open_hours_between
from shared.events.intake import (
    AdviceOverdue,
    AdviceRequested,
    HandOverAnswered,
    HandOverOverdue,
    MtHelpAnswered,
    RequestCancelled,
    RequestClosed,
    RequestHandedOver,
    RequestQualified,
    RequestScreened,
)
from shared.events.orientation import SearchActivated, SearchOpened
from shared.events.regulation import AdviceGiven, CaseAcknowledged, CaseDecided
from shared.events.scheduling import ActClosed, AppointmentBooked, AppointmentCancelled, RequestUnallocated
from shared.events.teleconsult import SessionOpened
from shared.territory import Territory

CONTRACT = timedelta(hours=48)
# operations.md §8: somebody was seen, or a doctor answered by phone; `needs_exam` and a closed door are no answer.
SEEN = frozenset({"seen", "seen_again", "seen_ed", "called_15", "phone_only", "death"})
NOT_CLINICAL = frozenset({"information", "changed", "abuse_or_error", "out_of_mission", "professional_note"})  # operations.md §13, 1 and 3
ANSWERED_SOON_SECONDS = 60
MODES = ("visit", "teleconsultation", "surgery")


@dataclass(frozen=True)
class Delay:
    """Seconds: how many, the median, nine of ten."""

    count: int
    median_seconds: float | None
    p90_seconds: float | None

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Delay":
        if not seconds:
            return cls(0, None, None)
        p90 = seconds[0] if len(seconds) == 1 else quantiles(seconds, n=10, method="inclusive")[8]
        return cls(len(seconds), round(median(seconds), 1), round(p90, 1))

    def body(self) -> dict[str, Any]:
        return {"count": self.count, "median_seconds": self.median_seconds, "p90_seconds": self.p90_seconds}


def answered_at(story: RequestStory) -> datetime | None:
    """First seen, or first answer of a doctor, ours or the 15's (operations.md §13, 3).

    Booked is not answered, a doctor who says « appointment » has not answered yet, an ARM's voice is not a doctor's.
    """
    seen = [fact.occurred_at for fact in story.of(ActClosed) if fact.outcome in SEEN]
    told = [fact.occurred_at for fact in story.of(AdviceGiven) if fact.decision != "appointment"]
    regulated = [fact.occurred_at for fact in story.of(CaseDecided) if fact.decision not in ("booked", "returned")]
    return min((*seen, *told, *regulated), default=None)


def is_clinical(story: RequestStory) -> bool:
    return not any(closed.outcome in NOT_CLINICAL for closed in story.of(RequestClosed))


def is_red_flag(story: RequestStory) -> bool:
    """Step 0 or the protocol said so: the 15 was called before any doctor of ours was asked."""
    screened = any(fact.result == "red_flag" for fact in story.of(RequestScreened))
    return screened or (story.has(RequestHandedOver) and not story.has(AdviceRequested))


def live_booking(story: RequestStory) -> AppointmentBooked | None:
    """The booking that stands, or the last one when it was honoured."""
    cancelled = {fact.appointment_id for fact in story.of(AppointmentCancelled)}
    standing = [fact for fact in story.of(AppointmentBooked) if fact.appointment_id not in cancelled]
    return standing[-1] if standing else None


def figures(history: DayHistory, territory: Territory, *, until: datetime) -> dict[str, Any]:
    """All keys that come from the log; counts are of requests unless said otherwise."""
    requests = history.requests
    clinical = [story for story in requests if is_clinical(story)]
    bookings = [booking for booking in map(live_booking, requests) if booking is not None]
    given = [story.of(AppointmentBooked)[-1] for story in requests if story.has(AppointmentBooked)]
    answered = [(story, at) for story in clinical if (at := answered_at(story)) is not None]
    in_time = [story for story, at in answered if at - story.received.rang_at <= CONTRACT]
    in_open_time = [story for story, at in answered if open_hours_between(territory, story.received.rang_at, at) <= CONTRACT]
    acts = [fact for story in requests for fact in story.of(ActClosed)]
    to_come = [booking for booking in bookings if booking.starts_at > until]
    return {
        "calls": len(history.calls),
        "calls_answered": sum(call.answered is not None for call in history.calls),
        "calls_abandoned": sum(call.abandoned is not None for call in history.calls),
        "answered_within_60s": sum(
            call.answered is not None and call.answered.waited_seconds < ANSWERED_SOON_SECONDS for call in history.calls
        ),
        "requests": len(requests),
        "clinical_requests": len(clinical),
        "red_flags": sum(map(is_red_flag, requests)),
        "handed_over": sum(story.has(RequestHandedOver) for story in requests),
        "acknowledged": sum(story.has(HandOverAnswered) for story in requests),
        "acknowledged_on_console": sum(story.has(CaseAcknowledged) for story in requests),
        "hand_over_overdue": sum(story.has(HandOverOverdue) for story in requests),
        "advice": sum(story.has(AdviceRequested) for story in requests),
        "advice_given": sum(story.has(AdviceGiven) for story in requests),
        "advice_overdue": sum(story.has(AdviceOverdue) for story in requests),
        "booked": len(given),
        "booked_automatic": sum(booking.path == "automatic" for booking in given),
        "by_mode": {mode: sum(booking.mode == mode for booking in given) for mode in MODES},
        "unallocated": sum(story.has(RequestUnallocated) for story in requests),
        "cancelled": sum(story.has(RequestCancelled) for story in requests),
        "answered_48h": len(in_time),
        "answered_48h_open_hours": len(in_open_time),
        "answered_48h_share": _share(len(in_time), len(clinical)),
        "answered_48h_open_hours_share": _share(len(in_open_time), len(clinical)),
        "to_come_within_48h": sum(
            booking.starts_at - story.received.rang_at <= CONTRACT
            for story in clinical
            if answered_at(story) is None and (booking := live_booking(story)) is not None
        ),
        "to_come": len(to_come),
        "honoured": sum(any(act.outcome in SEEN for act in story.of(ActClosed)) for story in requests),
        "missed": sum(any(act.outcome in ("missed", "door_closed") for act in story.of(ActClosed)) for story in requests),
        "sessions_opened": sum(len(story.of(SessionOpened)) for story in requests),
        "searches_opened": sum(len(story.of(SearchOpened)) for story in requests),
        "searches_active": _active_searches(history),
        "mt_help": dict(Counter(fact.answer for story in requests for fact in story.of(MtHelpAnswered))),
        "outcomes": dict(sorted(Counter(_end_of(story) for story in requests).items())),
        "act_outcomes": dict(sorted(Counter(act.outcome for act in acts).items())),
        "reasons": dict(sorted(Counter(reason for story in requests if (reason := _reason(story)) is not None).items())),
        "urgencies": dict(Counter(urgency for story in requests if (urgency := _urgency(story)) is not None)),
        "acts": _acts(acts),
        "acts_euros": str(sum((act.amount_euros for closed in acts for act in closed.acts), Decimal("0.00"))),
        "delays": {name: Delay.of(found).body() for name, found in _delays(history).items()},
        "load": _load(history, bookings),
        "calls_by_hour": _by_hour(history, territory),
        "events": len(history.facts_of_the_day),
        "decisions_digest": decisions_digest(history),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def _end_of(story: RequestStory) -> str:
    """Where the request stands at the end of the day, in a word of the closed lists or of the states."""
    acts = story.of(ActClosed)
    if acts and acts[-1].outcome in SEEN | {"already_taken", "refused"}:
        return acts[-1].outcome
    closed = story.of(RequestClosed)
    if closed:
        return closed[-1].outcome
    if story.has(RequestCancelled):
        return "cancelled"
    if acts:
        return acts[-1].outcome
    if live_booking(story) is not None:
        return "booked"
    return "open"


def _reason(story: RequestStory) -> str | None:
    asked = [
        fact.reason for fact in story.facts if isinstance(fact, (RequestQualified, AdviceRequested, RequestHandedOver)) and fact.reason
    ]
    return asked[-1] if asked else None


def _urgency(story: RequestStory) -> str | None:
    if is_red_flag(story):
        return "red_flag"
    if story.has(AdviceRequested):
        return "advice"
    qualified = story.of(RequestQualified)
    return qualified[-1].urgency if qualified else None


def _active_searches(history: DayHistory) -> int:
    """Searches of the day that count: the person had said yes, then or since."""
    opened = {fact.search_id: fact for story in history.requests for fact in story.of(SearchOpened)}
    activated = {fact.search_id for fact in history.facts_of_the_day if isinstance(fact, SearchActivated)}
    return sum(fact.state == "active" or search_id in activated for search_id, fact in opened.items())


def _acts(acts: Sequence[ActClosed]) -> dict[str, dict[str, Any]]:
    """Codes proposed, how many and for how much; amounts are exact decimal euros, written as strings."""
    counts: Counter[str] = Counter()
    amounts: dict[str, Decimal] = {}
    for closed in acts:
        for act in closed.acts:
            counts[act.code] += 1
            amounts[act.code] = amounts.get(act.code, Decimal("0.00")) + act.amount_euros
    return {code: {"count": counts[code], "euros": str(amounts[code])} for code in sorted(counts)}


def _delays(history: DayHistory) -> dict[str, list[float]]:
    """Seconds between two facts, per subject."""
    requests = history.requests
    found: dict[str, list[float]] = {
        "pick_up": [float(call.answered.waited_seconds) for call in history.calls if call.answered is not None]
    }
    found["step_0"] = [float(screened.screened_in_seconds) for story in requests for screened in story.of(RequestScreened)[:1]]
    found["voice_of_the_15"] = [float(fact.seconds_to_voice) for story in requests for fact in story.of(HandOverAnswered)[:1]]
    found["advice"] = []
    found["ring_to_booked"] = []
    found["ring_to_seen"] = []
    for story in requests:
        asked, given = story.of(AdviceRequested), story.of(AdviceGiven)
        if asked and given:
            found["advice"].append((given[0].occurred_at - asked[0].occurred_at).total_seconds())
        booked = story.of(AppointmentBooked)
        if booked:
            found["ring_to_booked"].append((booked[0].occurred_at - story.received.rang_at).total_seconds())
        seen = [act for act in story.of(ActClosed) if act.outcome in SEEN]
        if seen:
            found["ring_to_seen"].append((seen[0].starts_at - story.received.rang_at).total_seconds())
    return {name: sorted(seconds) for name, seconds in found.items()}


def _load(history: DayHistory, bookings: Sequence[AppointmentBooked]) -> list[dict[str, Any]]:
    """Booked and offered places of the day per doctor; an over-slot counts as booked."""
    booked: Counter[tuple[UUID, str]] = Counter()
    for booking in bookings:
        if any(offer.on == booking.starts_at.date() for offer in history.offered.values()):
            booked[booking.practitioner_id, booking.mode] += 1
    lines = []
    for practitioner_id, offer in history.offered.items():
        known = history.practitioners.get(practitioner_id)
        modes = {mode: {"booked": booked[practitioner_id, mode], "offered": getattr(offer, mode)} for mode in MODES}
        lines.append({
            "practitioner_id": str(practitioner_id),
            "name": known.display_name if known is not None else "",
            "status": known.status if known is not None else "",
            "booked": sum(mode["booked"] for mode in modes.values()),
            "offered": sum(mode["offered"] for mode in modes.values()),
            "modes": modes,
        })  # fmt: skip
    return sorted((line for line in lines if line["offered"] or line["booked"]), key=lambda line: line["practitioner_id"])


def _by_hour(history: DayHistory, territory: Territory) -> dict[str, dict[str, int]]:
    hours: dict[str, dict[str, int]] = {}
    for call in history.calls:
        hour = hours.setdefault(f"{territory.local(call.received.occurred_at).hour:02d}", {"answered": 0, "abandoned": 0})
        hour["answered" if call.answered is not None else "abandoned"] += 1
    return dict(sorted(hours.items()))


def decisions_digest(history: DayHistory) -> str:
    """What was decided for whom, without ids nor instants of machines: the same seed gives the same digest."""
    decisions = [_decisions(story) for story in history.requests]
    return hashlib.sha256(json.dumps(decisions, sort_keys=True, default=str, ensure_ascii=False).encode()).hexdigest()


def _decisions(story: RequestStory) -> dict[str, Any]:
    return {
        "rang_at": story.received.rang_at.isoformat(),
        "screened": [(fact.result, fact.rule) for fact in story.of(RequestScreened)],
        "qualified": [
            (fact.urgency, fact.reason, fact.modes, fact.see_by.isoformat(), fact.allocation) for fact in story.of(RequestQualified)
        ],
        "handed_over": len(story.of(RequestHandedOver)),
        "regulated": [fact.decision for fact in story.of(CaseDecided)],
        "advice": [(fact.decision, fact.urgency, fact.modes, fact.practitioner_id) for fact in story.of(AdviceGiven)],
        "booked": [
            (fact.practitioner_id, fact.mode, fact.starts_at.isoformat(), fact.path, fact.rank, fact.why)
            for fact in story.of(AppointmentBooked)
        ],
        "cancelled": [fact.cause for fact in story.of(AppointmentCancelled)],
        "unallocated": [fact.cause for fact in story.of(RequestUnallocated)],
        "acts": [
            (fact.practitioner_id, fact.outcome, fact.would_be_mt, [(act.code, str(act.amount_euros)) for act in fact.acts])
            for fact in story.of(ActClosed)
        ],
        "mt_help": [fact.answer for fact in story.of(MtHelpAnswered)],
        "searches": [fact.state for fact in story.of(SearchOpened)],
        "end": _end_of(story),
    }
