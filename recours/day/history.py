"""The day as the log tells it: the facts of each call and each request, gathered by subject. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from shared.events import Event
from shared.events.intake import CallAbandoned, CallAnswered, CallEnded, CallReceived, RequestReceived
from shared.events.scheduling import PractitionerRegistered, SlotsPublished

E = TypeVar("E", bound=Event)


@dataclass
class CallStory:
    received: CallReceived
    answered: CallAnswered | None = None
    abandoned: CallAbandoned | None = None
    ended: CallEnded | None = None


@dataclass
class RequestStory:
    """All facts that name the request, in business time; `of(Kind)` gives those of one kind."""

    received: RequestReceived
    facts: list[Event] = field(default_factory=list)

    def of(self, kind: type[E]) -> list[E]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def has(self, kind: type[Event]) -> bool:
        return any(isinstance(fact, kind) for fact in self.facts)


@dataclass
class DayHistory:
    """Requests received and calls rung between two instants, with all that became of them, and the agenda of the day."""

    calls: list[CallStory]
    requests: list[RequestStory]
    practitioners: dict[UUID, PractitionerRegistered]
    offered: dict[UUID, SlotsPublished]
    facts_of_the_day: list[Event]


def gather(events: Iterable[Event], territory_id: str, starts_at: datetime, ends_at: datetime) -> DayHistory:
    """Facts of one territory; the same fact twice counts once. Requests come in the order of their first ring."""
    seen: set[UUID] = set()
    mine: list[Event] = []
    for event in events:
        if event.territory_id == territory_id and event.event_id not in seen:
            seen.add(event.event_id)
            mine.append(event)
    calls = {
        event.call_id: CallStory(event) for event in mine if isinstance(event, CallReceived) and starts_at <= event.occurred_at < ends_at
    }
    requests = {
        event.request_id: RequestStory(event)
        for event in mine
        if isinstance(event, RequestReceived) and starts_at <= event.rang_at < ends_at
    }
    practitioners: dict[UUID, PractitionerRegistered] = {}
    offers: dict[UUID, list[SlotsPublished]] = defaultdict(list)
    for event in mine:
        if isinstance(event, CallAnswered) and event.call_id in calls:
            calls[event.call_id].answered = event
        elif isinstance(event, CallAbandoned) and event.call_id in calls:
            calls[event.call_id].abandoned = event
        elif isinstance(event, CallEnded) and event.call_id in calls:
            calls[event.call_id].ended = event
        elif isinstance(event, PractitionerRegistered):
            known = practitioners.get(event.practitioner_id)
            practitioners[event.practitioner_id] = event if known is None or known.version < event.version else known
        elif isinstance(event, SlotsPublished):
            offers[event.practitioner_id].append(event)
        request_id = getattr(event, "request_id", None)
        if request_id in requests:
            requests[request_id].facts.append(event)
    for story in requests.values():
        story.facts.sort(key=lambda fact: (fact.occurred_at, fact.topic, fact.version))
    on_the_day = [event for event in mine if starts_at <= event.occurred_at < ends_at]
    return DayHistory(
        calls=sorted(calls.values(), key=lambda call: call.received.occurred_at),
        requests=sorted(requests.values(), key=_order),
        practitioners=practitioners,
        offered={
            practitioner: _last_for(found, starts_at, ends_at)
            for practitioner, found in offers.items()
            if _of_day(found, starts_at, ends_at)
        },
        facts_of_the_day=on_the_day,
    )


def _order(story: RequestStory) -> tuple[datetime, datetime, str]:
    """By the first ring; what distinguishes two of the same second is said, never an id."""
    told = "|".join(fact.type for fact in story.facts)
    return story.received.rang_at, story.received.occurred_at, told


def _of_day(found: Sequence[SlotsPublished], starts_at: datetime, ends_at: datetime) -> list[SlotsPublished]:
    middle = starts_at + (ends_at - starts_at) / 2
    return [event for event in found if event.on == middle.date()]


def _last_for(found: Sequence[SlotsPublished], starts_at: datetime, ends_at: datetime) -> SlotsPublished:
    return max(_of_day(found, starts_at, ends_at), key=lambda event: event.version)
