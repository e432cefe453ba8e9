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

Stories = Mapping[Subject, Sequence[Event]]
"""The facts that the history held about each subject."""


async def take_in(tx: Tx, arrived: Sequence[Arrived], letters: Sequence[Poisoned], positions: Mapping[tuple[str, int], int]) -> int:
    """Returns how many facts were new. A fact that came before changes nothing."""
    requests = {(one.territory_id, one.ids["request_id"]) for one in arrived if "request_id" in one.ids}
    calls = {(one.territory_id, one.ids["call_id"]) for one in arrived if one.topic == CALLS and "call_id" in one.ids}
    # What the history holds is read before the new facts join it: those are in our hands already, parsed.
    told_of_requests = _by_subject(await history.of_requests(tx.sql, requests)) if requests else {}
    told_of_calls = _by_subject(await history.of_calls(tx.sql, calls)) if calls else {}
    new = await history.insert_new(tx, arrived)
    fresh = list({one.event_id: one for one in arrived if one.event_id in new}.values())
    await _fold_requests(tx, fresh, told_of_requests)
    await _fold_calls(tx, fresh, told_of_calls)
    agendas = [one.fact for one in fresh if one.topic == SlotsPublished.topic]
    await projections.keep_offers(tx, _latest(fact for fact in agendas if isinstance(fact, SlotsPublished)))
    await projections.keep_practitioners(tx, [fact for fact in agendas if isinstance(fact, PractitionerRegistered)])
    for letter in letters:
        await history.bury(tx, letter)
    await history.move(tx, positions)
    return len(new)


async def _fold_requests(tx: Tx, fresh: Iterable[Arrived], told: Stories) -> None:
    """Fold again, from all their facts, the requests that `fresh` facts speak of."""
    stories = _joined(((one.territory_id, one.ids["request_id"]), one.fact) for one in fresh if "request_id" in one.ids)
    whole = {subject: [*told.get(subject, ()), *facts] for subject, facts in stories.items()}
    folded = [fold_request(*subject, facts) for subject, facts in whole.items() if facts]
    await projections.replace_requests(tx, [subject for subject in whole if subject in told], folded)


async def _fold_calls(tx: Tx, fresh: Iterable[Arrived], told: Stories) -> None:
    """The same for calls."""
    calls = (one for one in fresh if one.topic == CALLS and "call_id" in one.ids)
    stories = _joined(((one.territory_id, one.ids["call_id"]), one.fact) for one in calls)
    folded = [fold_call(*subject, [*told.get(subject, ()), *facts]) for subject, facts in stories.items()]
    await projections.replace_calls(tx, [subject for subject in stories if subject in told], [one for one in folded if one is not None])


def _joined(pairs: Iterable[tuple[Subject, Event | None]]) -> dict[Subject, list[Event]]:
    """Facts by subject, in one order of subjects for all batches; a type of a later release leaves its subject with one fact less."""
    found: dict[Subject, list[Event]] = defaultdict(list)
    for subject, fact in pairs:
        facts = found[subject]
        if fact is not None:
            facts.append(fact)
    return {subject: found[subject] for subject in sorted(found)}


def _by_subject(told: Iterable[Told]) -> dict[Subject, list[Event]]:
    """Facts of this release's language; what a later release told waits in the history for its own code."""
    return _joined((one.subject, _read(one.type, one.body)) for one in told)


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
