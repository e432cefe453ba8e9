"""The live board: six figures with their last four hours, the calls of the day, what is stuck, and what must always read 0."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from services.pilotage.domain.calls import CallStory
from services.pilotage.domain.measures import CONTRACT, answered_within, share
from services.pilotage.domain.stories import RequestStory
from shared.territory import Territory

_QUARTER = timedelta(minutes=15)
_CURVE_POINTS = 17
_RECENT = timedelta(minutes=60)
_QUICK_SECONDS = 60
# A request without a slot has this long left before it is shown as a risk; one with a slot after its deadline is at risk at once.
_RISK_BEFORE = timedelta(hours=24)
_VOICE_LIMIT_SECONDS = 60  # operations.md H1
_CLOSE_AFTER_ACT = timedelta(hours=2)  # operations.md §8: visit not closed at +2 h after its window
_URGENCY_RANK = {"red_flag": 0, "advice": 1, "same_day": 2, "within_48h": 3, "planned": 4, None: 5}
_SHOWN = 50


@dataclass(frozen=True)
class BoardFacts:
    """`calls` since yesterday and all open ones; `requests` open, or ended within the last days."""

    calls: Sequence[CallStory]
    requests: Sequence[RequestStory]


def figures(facts: BoardFacts, territory: Territory, on: date, at: datetime) -> dict[str, Any]:
    """The six numbers with target, verdict and curve, and what lies around them."""
    start, end = territory.day_bounds(on)
    day = [call for call in facts.calls if start <= call.rang_at < end]
    today = [one for one in facts.requests if one.rang_at is not None and start <= one.rang_at < min(end, at) and one.clinical]
    answered = sum(answered_within(one, CONTRACT) and one.answered_by(at) for one in today)
    voiceless = [since for one in facts.requests if (since := without_voice(one, at)) is not None]
    red = _figure(lambda t: sum(without_voice(one, t) is not None for one in facts.requests), at, target=0)
    return {
        "figures": {
            "waiting_calls": _figure(lambda t: sum(call.waits(t) for call in facts.calls), at, target=2),
            "oldest_wait_seconds": _figure(lambda t: _oldest_wait(facts.calls, t), at, target=_QUICK_SECONDS),
            "share_answered_under_60s": _figure(lambda t: _quick(facts.calls, start, t), at, target=0.8, at_least=True),
            "share_abandoned": _figure(lambda t: _abandoned(day, t), at, target=0.05),
            "at_risk_48h": _figure(lambda t: sum(at_risk(one, t) for one in facts.requests), at, target=0),
            "red_flags_without_voice": red
            | {
                "oldest_seconds": max((int((at - since).total_seconds()) for since in voiceless), default=0),
                "limit_seconds": _VOICE_LIMIT_SECONDS,
            },
        },
        "calls_by_quarter": _quarters(day, territory, on, at),
        "calls_today": sum(call.rang_at <= at for call in day),
        "requests_today": sum(one.rang_at is not None and start <= one.rang_at <= min(end, at) for one in facts.requests),
        "answered_48h": {"value": answered, "of": len(today), "share": share(answered, len(today))},
    }


def without_voice(story: RequestStory, at: datetime) -> datetime | None:
    """Since when a red flag waits for a voice of the 15 at `at`: from the dial, or from the danger when nobody has dialled yet."""
    if not story.red_flag or story.ended_by(at) or (story.voice_answered_at is not None and story.voice_answered_at <= at):
        return None
    if story.dialled_at is not None and story.handed_over_at is not None and story.handed_over_at <= at:
        return story.dialled_at if story.dialled_at <= at else story.handed_over_at
    if story.screening == "red_flag" and story.screened_at is not None and story.screened_at <= at:
        return story.screened_at
    return None


def at_risk(story: RequestStory, at: datetime) -> bool:
    """The 48 h of the contract will not be kept by themselves: no slot and less than a day left, or a slot after the deadline."""
    if story.rang_at is None or story.rang_at > at or story.ended_by(at) or story.answered_by(at) or not story.clinical:
        return False
    if story.qualified_urgency == "planned":  # ten days are its limit; the indicators of §13 count it all the same
        return False
    deadline = story.rang_at + CONTRACT
    if story.booked_at is not None and story.booked_at <= at and story.appointment_live and story.starts_at is not None:
        return story.starts_at > deadline
    return deadline - at < _RISK_BEFORE


def stuck(requests: Iterable[RequestStory], at: datetime) -> list[dict[str, Any]]:
    """Open requests that somebody must look at, most urgent first, then by hour of promise."""
    lines = []
    for story in requests:
        cause = stuck_on(story, at)
        if cause is None:
            continue
        lines.append((
            (_URGENCY_RANK.get(story.urgency, 5), story.due_at or at),
            {
                "request_id": str(story.request_id), "reference": story.reference, "urgency": story.urgency, "state": story.state,
                "stuck_on": cause, "commune": story.commune, "age_band": story.age_band, "sex": story.sex, "since_at": story.since_at,
                "due_at": story.due_at, "owner": story.owner, "late": story.due_at is not None and story.due_at < at,
            },
        ))  # fmt: skip
    return [line for _, line in sorted(lines, key=lambda line: line[0])]


def stuck_on(story: RequestStory, at: datetime) -> str | None:
    """What the request waits for, when it should not be waiting any more; None = it goes its way."""
    if not story.is_open or story.rang_at is None or story.rang_at > at:
        return None
    overdue = story.due_at is None or story.due_at < at
    match story.state:
        case _ if without_voice(story, at) is not None:
            return "voice_missing"
        case "handed_over":
            return "voice_missing" if overdue and story.voice_answered_at is None else None
        case "advice_pending":
            return "advice_missing" if overdue else None
        case "unallocated":
            return "unallocated"
        case "qualified":
            return "to_place"
        case "callback_promised":
            return "callback_due" if overdue else None
        case "recontact_due":
            return "recontact_due"
        case "booked":
            return "act_not_closed" if story.ends_at is not None and story.ends_at + _CLOSE_AFTER_ACT < at else None
        case _:
            return "not_qualified" if overdue else None


def shown(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return list(lines[:_SHOWN])


def calls_open_after_closing(calls: Iterable[CallStory], territory: Territory, at: datetime) -> list[CallStory]:
    """Calls that nobody ended although the line has closed since."""
    found = []
    for call in calls:
        hours = territory.opening_on(territory.local(call.rang_at).date())
        closing = hours[1] if hours is not None else territory.day_bounds(territory.local(call.rang_at).date())[1]
        if call.open(at) and at > max(closing, call.rang_at + timedelta(hours=1)):
            found.append(call)
    return found


def _figure(value_at: Callable[[datetime], float | None], at: datetime, *, target: float, at_least: bool = False) -> dict[str, Any]:
    value = value_at(at)
    good = None if value is None else (value >= target if at_least else value <= target)
    instants = [at - _QUARTER * (_CURVE_POINTS - 1 - place) for place in range(_CURVE_POINTS)]
    return {"value": value, "target": target, "good": good, "curve": [{"at": instant, "value": value_at(instant)} for instant in instants]}


def _oldest_wait(calls: Iterable[CallStory], at: datetime) -> int:
    return max((int((at - call.rang_at).total_seconds()) for call in calls if call.waits(at)), default=0)


def _quick(calls: Sequence[CallStory], start: datetime, at: datetime) -> float | None:
    """Share of the last hour's calls that were answered under 60 s; of the day's when that hour had none."""
    over = [call for call in calls if start <= call.rang_at <= at and not call.waits(at)]
    recent = [call for call in over if call.rang_at > at - _RECENT] or over
    return share(sum(call.answered_within(_QUICK_SECONDS) for call in recent), len(recent))


def _abandoned(day: Iterable[CallStory], at: datetime) -> float | None:
    over = [call for call in day if call.rang_at <= at and not call.waits(at)]
    return share(sum(call.abandoned_at is not None for call in over), len(over))


def _quarters(day: Sequence[CallStory], territory: Territory, on: date, at: datetime) -> list[dict[str, Any]]:
    """From opening to closing; a closed day is drawn over the usual hours, for people call all the same."""
    first, last = territory.opening_on(on) or (territory.at(on, time(8)), territory.at(on, time(20)))
    lines = []
    instant = first
    while instant < last:
        inside = [call for call in day if instant <= call.rang_at < instant + _QUARTER and call.rang_at <= at]
        lines.append({
            "at": instant,
            "received": len(inside),
            "answered": sum(call.answered_at is not None and call.answered_at <= at for call in inside),
            "abandoned": sum(call.abandoned_at is not None and call.abandoned_at <= at for call in inside),
            "future": instant > at,
        })  # fmt: skip
        instant += _QUARTER
    return lines
