"""The two deadlines of a request (design.md): `see_by`, clinical, and `contract_deadline`, for the indicator only."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.intake.domain.refusals import TooLateToday
from shared.events.base import Urgency

SAME_DAY_UNTIL = time(20, 0)  # operations.md H4
WITHIN_48H = timedelta(hours=48)
PLANNED_DAYS = 10
ADVICE_WITHIN = timedelta(minutes=10)  # operations.md H7
CONTRACT = timedelta(hours=48)
ASSIST_FOR = timedelta(minutes=15)
DESK_FOLLOW_UP = timedelta(minutes=15)
RED_FLAG_AT_DESK = timedelta(minutes=1)  # the dial follows the answer
CALL_BACK_AFTER_CUT = timedelta(minutes=2)  # operations.md §4: called back twice while the 15 rings
ON_THE_PHONE = timedelta(minutes=15)  # a conversation that goes on
UNANSWERED_AFTER_RUNGS = timedelta(minutes=5)
RUNG_1 = timedelta(seconds=60)  # operations.md H1
RUNG_2 = timedelta(seconds=120)
CHECK_AFTER_15 = timedelta(minutes=60)
MISSED_CALL_WITHIN = timedelta(hours=1)  # operations.md H6
ABANDONED_TRY_EVERY = timedelta(minutes=15)
ABANDONED_TRIES = 2

_RANK: dict[Urgency, int] = {"planned": 0, "within_48h": 1, "same_day": 2, "advice": 3, "red_flag": 4}


def rank(urgency: Urgency) -> int:
    """Higher is more urgent."""
    return _RANK[urgency]


def most_urgent(*levels: Urgency | None) -> Urgency:
    """The highest of the levels given; at least one must be there."""
    return max((level for level in levels if level is not None), key=rank)


def contract_deadline(rang_at: datetime) -> datetime:
    """48 h after the first ring, whatever was promised."""
    return rang_at + CONTRACT


def see_by(urgency: Urgency, asked_at: datetime, zone: ZoneInfo, *, now: datetime) -> datetime:
    """The clinical limit of a request asked at `asked_at`; raises TooLateToday when `same_day` has no hour left at `now`.

    `same_day` is 20:00 on the wall the day it was asked; `planned` is the same wall time ten days later (so both follow a change of
    the clock); `within_48h` is 48 elapsed hours.
    """
    if urgency == "same_day":
        local = asked_at.astimezone(zone)
        limit = datetime.combine(local.date(), SAME_DAY_UNTIL, tzinfo=zone).astimezone(asked_at.tzinfo)
        if now >= limit:
            raise TooLateToday("nothing is left before 20:00", asked_at=asked_at.isoformat())
        return limit
    if urgency == "within_48h":
        return asked_at + WITHIN_48H
    if urgency == "planned":
        return (asked_at.astimezone(zone) + timedelta(days=PLANNED_DAYS)).astimezone(asked_at.tzinfo)
    if urgency == "advice":
        return asked_at + ADVICE_WITHIN
    return asked_at
