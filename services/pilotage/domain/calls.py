"""The story of a call, from the first ring to the end."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from shared.events.base import Event
from shared.events.intake import CallAbandoned, CallAnswered, CallEnded, CallReceived


@dataclass(frozen=True)
class CallStory:
    """`waited_seconds` counts from the first ring to the answer or to the hanging up."""

    territory_id: str
    call_id: UUID
    rang_at: datetime
    answered_at: datetime | None
    waited_seconds: int | None
    abandoned_at: datetime | None
    ended_at: datetime | None
    talked_seconds: int | None
    outcome: str | None
    request_count: int
    event_count: int

    def waits(self, at: datetime) -> bool:
        """It rings at `at` and nobody has picked up."""
        over = self.answered_at or self.abandoned_at or self.ended_at
        return self.rang_at <= at and (over is None or over > at)

    def open(self, at: datetime) -> bool:
        """Neither ended nor abandoned at `at`."""
        over = self.ended_at or self.abandoned_at
        return self.rang_at <= at and (over is None or over > at)

    def answered_within(self, seconds: int) -> bool:
        return self.answered_at is not None and self.waited_seconds is not None and self.waited_seconds < seconds


def fold_call(territory_id: str, call_id: UUID, facts: Iterable[Event]) -> CallStory | None:
    """The story as far as the facts tell it; None without one of ours. A call whose ring is not known yet rang when its wait began."""
    known = sorted((fact for fact in facts if isinstance(fact, _FACTS)), key=lambda fact: (fact.version, fact.occurred_at, fact.event_id))
    received = next((fact for fact in known if isinstance(fact, CallReceived)), None)
    answered = next((fact for fact in known if isinstance(fact, CallAnswered)), None)
    abandoned = next((fact for fact in known if isinstance(fact, CallAbandoned)), None)
    ended = next((fact for fact in known if isinstance(fact, CallEnded)), None)
    if not known:
        return None
    waited = answered or abandoned
    if received is not None:
        rang_at = received.occurred_at
    elif waited is not None:
        rang_at = waited.occurred_at - timedelta(seconds=waited.waited_seconds)
    else:
        rang_at = known[0].occurred_at
    return CallStory(
        territory_id=territory_id, call_id=call_id, rang_at=rang_at,
        answered_at=answered.occurred_at if answered else None,
        waited_seconds=waited.waited_seconds if waited else None,
        abandoned_at=abandoned.occurred_at if abandoned and not answered else None,
        ended_at=ended.occurred_at if ended else None,
        talked_seconds=ended.talked_seconds if ended else None,
        outcome=ended.outcome if ended else None,
        request_count=len(set(ended.request_ids)) if ended else 0,
        event_count=len(known),
    )  # fmt: skip


_FACTS = (CallReceived, CallAnswered, CallAbandoned, CallEnded)
