"""The figures of a day's report, from the stories of its calls and requests."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.pilotage.domain.appointments import AppointmentStory
from services.pilotage.domain.calls import CallStory
from services.pilotage.domain.measures import CONTRACT, answered_within, answered_within_open, late, share, spread
from services.pilotage.domain.stories import NOT_THERE, SEEN, RequestStory
from shared.territory import Territory

MODES = ("visit", "teleconsultation", "surgery")
_URGENCIES = ("red_flag", "advice", "same_day", "within_48h", "planned")
_A_DAY = timedelta(hours=24)
_QUICK_SECONDS = 60


@dataclass(frozen=True)
class Offer:
    """Slots that a practitioner published for the day."""

    practitioner_id: UUID
    visit: int
    teleconsultation: int
    surgery: int

    def of(self, mode: str) -> int:
        return {"visit": self.visit, "teleconsultation": self.teleconsultation, "surgery": self.surgery}.get(mode, 0)


@dataclass(frozen=True)
class Practitioner:
    practitioner_id: UUID
    display_name: str
    status: str


@dataclass(frozen=True)
class DayFacts:
    """What the repository found for a day. `starting` and `closed` are appointments by start and by closing."""

    on: date
    calls: Sequence[CallStory]
    requests: Sequence[RequestStory]
    starting: Sequence[AppointmentStory]
    closed: Sequence[AppointmentStory]
    offers: Sequence[Offer]
    practitioners: Mapping[UUID, Practitioner]
    event_counts: Mapping[str, int]
    searches_opened: int
    searches_active: int
    mt_help: Mapping[str, int]


def figures(facts: DayFacts, territory: Territory, *, now: datetime) -> dict[str, Any]:
    """All counts of the day's report (operations.md §13) as they stand at `now`."""
    return (
        {"on": facts.on.isoformat(), "territory_id": territory.id}
        | _calls(facts.calls)
        | _requests(facts.requests)
        | _answers(facts.requests, territory, now=now)
        | _acts(facts.closed)
        | {
            "searches_opened": facts.searches_opened,
            "searches_active": facts.searches_active,
            "mt_help": {answer: facts.mt_help.get(answer, 0) for answer in ("yes", "no", "later")},
            "load": _load(facts),
            "delays_minutes": _delays(facts.calls, facts.requests),
            "events": sum(facts.event_counts.values()),
            "by_event_type": dict(sorted(facts.event_counts.items())),
        }
    )


def _calls(calls: Sequence[CallStory]) -> dict[str, Any]:
    answered = [call for call in calls if call.answered_at is not None]
    quick = sum(call.answered_within(_QUICK_SECONDS) for call in answered)
    abandoned = sum(call.abandoned_at is not None for call in calls)
    return {
        "calls": len(calls),
        "answered": len(answered),
        "answered_under_60s": quick,
        "abandoned": abandoned,
        "share_answered_under_60s": share(quick, len(calls)),
        "share_abandoned": share(abandoned, len(calls)),
    }


def _requests(requests: Sequence[RequestStory]) -> dict[str, Any]:
    booked = [one for one in requests if one.booked_at is not None]
    states = Counter(one.state for one in requests)
    return {
        "requests": len(requests),
        "by_origin": _count(one.origin for one in requests),
        "by_urgency": _count((one.urgency for one in requests), _URGENCIES),
        "by_reason": _count(one.reason for one in requests),
        "by_commune": _count(one.commune for one in requests),
        "by_age_band": _count(one.age_band for one in requests),
        "by_state": dict(sorted(states.items())),
        "by_outcome": dict(sorted(Counter(one.outcome or "open" for one in requests).items())),
        "red_flags": sum(one.red_flag for one in requests),
        "handed_over": sum(one.handed_over_at is not None for one in requests),
        "acknowledged": sum(one.acknowledged_at is not None for one in requests),
        "voice_answered": sum(one.voice_answered_at is not None for one in requests),
        "advice_asked": sum(one.advice_asked_at is not None for one in requests),
        "advice": sum(one.advice_asked_at is not None for one in requests),
        "advice_given": sum(one.advice_given_at is not None for one in requests),
        "booked": len(booked),
        "by_mode": _count((one.mode for one in booked), MODES, absent=False),
        "by_path": _count((one.path for one in booked), ("assisted", "automatic"), absent=False),
        "unallocated": sum(one.unallocated_at is not None for one in requests),
        "honoured": states["honoured"],
        "missed": sum(one.missed_at is not None for one in requests),
        "cancelled": states["cancelled"],
        "closed": states["closed"],
        "open": sum(one.is_open for one in requests),
    }


def _answers(requests: Sequence[RequestStory], territory: Territory, *, now: datetime) -> dict[str, Any]:
    clinical = [one for one in requests if one.clinical]
    in_48h = sum(answered_within(one, CONTRACT) for one in clinical)
    in_open = sum(answered_within_open(one, CONTRACT, territory) for one in clinical)
    in_24h = sum(answered_within(one, _A_DAY) for one in clinical)
    too_late = sum(late(one, now) for one in clinical)
    same_day = [one for one in clinical if one.qualified_urgency == "same_day"]
    today = sum(one.answered_at is not None and one.see_by is not None and one.answered_at <= one.see_by for one in same_day)
    return {
        "clinical": len(clinical),
        "answered_medically": sum(one.answered_at is not None for one in clinical),
        "answered_24h": in_24h,
        "answered_48h": in_48h,
        "answered_48h_open_hours": in_open,
        "share_answered_24h": share(in_24h, len(clinical)),
        "share_answered_48h": share(in_48h, len(clinical)),
        "share_answered_48h_open_hours": share(in_open, len(clinical)),
        "late_48h": too_late,
        "pending_48h": sum(one.answered_at is None and not late(one, now) for one in clinical),
        "share_answered_48h_of_due": share(in_48h, in_48h + too_late),
        "same_day": len(same_day),
        "same_day_answered": today,
        "share_same_day": share(today, len(same_day)),
    }


def _acts(closed: Sequence[AppointmentStory]) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    amounts: dict[str, Decimal] = {}
    for one in closed:
        for act in one.acts:
            counts[act["code"]] += 1
            amounts[act["code"]] = amounts.get(act["code"], Decimal(0)) + Decimal(act["amount_euros"])
    return {
        "acts_closed": len(closed),
        "acts_by_outcome": _count(one.outcome for one in closed),
        "acts": [{"code": code, "count": counts[code], "amount_euros": _euros(amounts[code])} for code in sorted(counts)],
        "acts_amount_euros": _euros(sum(amounts.values(), Decimal(0))),
        "acts_by_mode": _count((one.mode for one in closed if one.outcome in SEEN), MODES, absent=False),
    }


def _load(facts: DayFacts) -> list[dict[str, Any]]:
    """Every practitioner with an offer or an appointment that day, by name."""
    offers = {offer.practitioner_id: offer for offer in facts.offers}
    taken = [one for one in facts.starting if one.booked_at is not None and one.cancelled_at is None]
    lines = []
    for practitioner_id in offers.keys() | {one.practitioner_id for one in taken}:
        own = [one for one in taken if one.practitioner_id == practitioner_id]
        known, offer = facts.practitioners.get(practitioner_id), offers.get(practitioner_id)
        by_mode = {
            mode: {
                "offered": offer.of(mode) if offer else 0,
                "booked": sum(one.mode == mode for one in own),
                "honoured": sum(one.mode == mode and one.outcome in SEEN for one in own),
            }
            for mode in MODES
        }
        offered = sum(mode["offered"] for mode in by_mode.values())
        lines.append({
            "practitioner_id": str(practitioner_id),
            "practitioner_name": known.display_name if known else None,
            "status": known.status if known else None,
            "offered": offered,
            "booked": len(own),
            "honoured": sum(one.outcome in SEEN for one in own),
            "missed": sum(one.outcome in NOT_THERE for one in own),
            "by_mode": by_mode,
            "share_booked": share(len(own), offered),
        })  # fmt: skip
    return sorted(lines, key=lambda line: (line["practitioner_name"] or "", line["practitioner_id"]))


def _delays(calls: Sequence[CallStory], requests: Sequence[RequestStory]) -> dict[str, Any]:
    rang = [(one, one.rang_at) for one in requests if one.rang_at is not None]
    lists: dict[str, Iterable[timedelta]] = {
        "ring_to_answer": (
            timedelta(seconds=call.waited_seconds) for call in calls if call.answered_at and call.waited_seconds is not None
        ),
        "ring_to_booked": (one.booked_at - at for one, at in rang if one.booked_at),
        "ring_to_appointment": (one.starts_at - at for one, at in rang if one.booked_at and one.starts_at),
        "ring_to_medical_answer": (one.answered_at - at for one, at in rang if one.answered_at),
        "dial_to_voice": (timedelta(seconds=one.voice_seconds) for one in requests if one.voice_seconds is not None),
        "advice_asked_to_given": (
            one.advice_given_at - one.advice_asked_at for one in requests if one.advice_asked_at and one.advice_given_at
        ),
    }
    return {name: asdict(spread(durations)) for name, durations in lists.items()}


def _count(values: Iterable[str | None], always: Iterable[str] = (), *, absent: bool = True) -> dict[str, int]:
    """Counts by code; codes of `always` come first, even at zero, and « none » counts what is not known."""
    found = Counter("none" if value is None else value for value in values)
    counted = {code: found.pop(code, 0) for code in always}
    if not absent:
        found.pop("none", None)
    return counted | dict(sorted(found.items()))


def _euros(amount: Decimal) -> str:
    return str(amount.quantize(Decimal("0.01")))
