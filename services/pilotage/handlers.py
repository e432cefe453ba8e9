"""What a batch of the log does: keep what is new, fold the stories it touches again, move on. One transaction, whatever is in it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from pydantic import ValidationError

from services.pilotage.domain import fold_call, fold_request
from services.pilotage.records import Arrived, Poisoned
from services.pilotage.repository import history, projections
from services.pilotage.repository.history import Subject, Told
from shared.db import Tx
from shared.events.base import Event
from shared.events.intake import CALLS
from shared.events.registry import event_class
from shared.events.scheduling import PractitionerRegistered, SlotsPublished


async def take_in(tx: Tx, arrived: Sequence[Arrived], letters: Sequence[Poisoned], positions: Mapping[tuple[str, int], int]) -> int:
    """Returns how many facts were new. A fact that came before changes nothing."""
    new = await history.insert_new(tx, arrived)
    await fold(tx, [one for one in arrived if one.event_id in new])
    for letter in letters:
        await history.bury(tx, letter)
    await history.move(tx, positions)
    return len(new)


async def fold(tx: Tx, fresh: Sequence[Arrived]) -> None:
    """Fold again, from all their facts, the subjects that `fresh` facts speak of."""
    requests = sorted({(one.territory_id, one.ids["request_id"]) for one in fresh if "request_id" in one.ids})
    calls = sorted({(one.territory_id, one.ids["call_id"]) for one in fresh if one.topic == CALLS and "call_id" in one.ids})
    if requests:
        facts = _by_subject(await history.of_requests(tx.sql, requests))
        await projections.replace_requests(tx, requests, [fold_request(*subject, told) for subject, told in facts.items() if told])
    if calls:
        facts = _by_subject(await history.of_calls(tx.sql, calls))
        stories = [fold_call(*subject, told) for subject, told in facts.items()]
        await projections.replace_calls(tx, calls, [story for story in stories if story is not None])
    agendas = [one.fact for one in fresh if one.topic == SlotsPublished.topic]
    await projections.keep_offers(tx, _latest(fact for fact in agendas if isinstance(fact, SlotsPublished)))
    await projections.keep_practitioners(tx, [fact for fact in agendas if isinstance(fact, PractitionerRegistered)])


def _by_subject(told: Iterable[Told]) -> dict[Subject, list[Event]]:
    """Facts of this release's language; what a later release told waits in the history for its own code."""
    found: dict[Subject, list[Event]] = defaultdict(list)
    for one in told:
        fact = _read(one.type, one.body)
        if fact is not None:
            found[one.subject].append(fact)
    return found


def _read(event_type: str, body: bytes) -> Event | None:
    known = event_class(event_type)
    if known is None:
        return None
    try:
        return known.read(body)
    except ValidationError:
        return None  # kept raw before this release knew the type, and it is not what we call by that name


def _latest(facts: Iterable[SlotsPublished]) -> list[SlotsPublished]:
    """One fact a practitioner and day."""
    last: dict[tuple[str, UUID, str], SlotsPublished] = {}
    for fact in facts:
        key = (fact.territory_id, fact.practitioner_id, fact.on.isoformat())
        if key not in last or last[key].version < fact.version:
            last[key] = fact
    return list(last.values())
