"""From the record and the journal to operations on doctors' time and on requests, ready for the search of `linearizable.py`.

Two views of one history, each judged alone: a doctor's time holds no two people, and a request has no two live appointments. What a
command did is known by the subject that its idempotency key committed with; what the services did by themselves (an allocation, a hold
that expired) lies between the journal's two instants. An unknown command that left no key did not happen; one that did happened between
its departure and the publication of its fact.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from shared.events.scheduling import ActClosed, AppointmentBooked, AppointmentCancelled, SlotHeld, SlotReleased
from tests.history.evidence import Evidence, Journalled, SlotRow
from tests.history.linearizable import Kind, Operation
from tests.history.record import Command

_MARGIN_SECONDS = 0.05
"""Between our reading of the clock and PostgreSQL's."""

_ALWAYS = (0.0, 1.0)
"""The one period of a request: it has one place for a live appointment."""

Interval = tuple[float, float]


class Happened:
    """Which commands had an effect, and when, by route and subject."""

    def __init__(self, commands: Iterable[Command], evidence: Evidence, wall_minus_monotonic: float) -> None:
        self._offset = wall_minus_monotonic
        self.commands = [command for command in commands if command.sent.service == "scheduling"]
        self._by_effect: dict[tuple[str, UUID], list[Command]] = {}
        for command in self.commands:
            subject = evidence.keys.get(command.name)
            if subject is None and command.outcome == "accepted":
                subject = _answered_subject(command)
            if subject is not None and command.outcome != "refused":
                self._by_effect.setdefault((effect_of(command), subject), []).append(command)

    def intervals(self, effect: str, subject: UUID, fact: Journalled | None) -> list[Interval]:
        """When the commands with that effect on `subject` were under way; else when the fact was committed."""
        found = [
            (command.began, self._end(command, fact)) for command in self._by_effect.get((effect, subject), ())
        ]  # fmt: skip
        if not found and fact is not None:
            found = [self.committed(fact)]
        return found

    def asked(self, effect: str, subject: UUID) -> bool:
        return (effect, subject) in self._by_effect

    def subjects(self, effect: str) -> set[UUID]:
        return {subject for name, subject in self._by_effect if name == effect}

    def committed(self, fact: Journalled) -> Interval:
        return fact.recorded_at - self._offset - _MARGIN_SECONDS, fact.published_at - self._offset + _MARGIN_SECONDS

    def _end(self, command: Command, fact: Journalled | None) -> float:
        if command.outcome == "accepted" and command.ended is not None:
            return command.ended
        return float("inf") if fact is None else max(command.began, self.committed(fact)[1])


def effect_of(command: Command) -> str:
    """Its route in one word: book, hold, release, cancel, outcome."""
    parts = command.sent.path.strip("/").split("/")
    if command.sent.method == "DELETE" and parts[0] == "holds":
        return "release"
    return {"appointments": "book", "holds": "hold"}.get(parts[0], "") if len(parts) == 1 else parts[-1]


def on_practitioners(happened: Happened, evidence: Evidence) -> list[Operation]:
    """Takes, holds, releases and `slot_taken`, on the doctor's time or the round's."""
    operations: list[Operation] = []
    owners: dict[UUID, UUID] = {}
    holders = _holders(happened, evidence)
    for token, slot_id, owner, fact in _bookings(happened, evidence):
        owners[token] = slot_id
        operations += _on_slot(evidence, "take", token, owner, slot_id, happened.intervals("book", token, fact), "books")
    held = {fact.event.hold_id: fact for fact in evidence.journal if isinstance(fact.event, SlotHeld)}
    for hold_id in {*held, *happened.subjects("hold")}:
        fact_of_hold = held.get(hold_id)
        slot_id_of_hold, holder = holders.get(hold_id, (None, None))
        if fact_of_hold is not None and isinstance(fact_of_hold.event, SlotHeld):
            slot_id_of_hold = fact_of_hold.event.slot_id
        if slot_id_of_hold is not None:
            owners[hold_id] = slot_id_of_hold
            moments = happened.intervals("hold", hold_id, fact_of_hold)
            operations += _on_slot(evidence, "hold", hold_id, holder or hold_id, slot_id_of_hold, moments, "holds")
    for token, moments in _endings(happened, evidence, outcome_frees=False):
        if token in owners:
            operations += _on_slot(evidence, "free", token, token, owners[token], moments, "frees")
    for command in happened.commands:
        if command.outcome == "refused" and command.code == "slot_taken":
            body = command.sent.body
            moments = [(command.began, command.ended or float("inf"))]
            operations += _on_slot(
                evidence, "refused", command.sent.key, UUID(body["request_id"]), UUID(body["slot_id"]), moments, str(command)
            )
    return operations


def on_requests(happened: Happened, evidence: Evidence) -> list[Operation]:
    """A request takes one live appointment, until it is cancelled or closed; `already_booked` saw one."""
    operations: list[Operation] = []
    owners: dict[UUID, UUID] = {}
    for token, _, request_id, fact in _bookings(happened, evidence):
        owners[token] = request_id
        operations += [_on_request("take", token, request_id, at, "books") for at in happened.intervals("book", token, fact)]
    for token, moments in _endings(happened, evidence, outcome_frees=True):
        if token in owners:
            operations += [_on_request("free", token, owners[token], at, "frees") for at in moments]
    for command in happened.commands:
        if command.outcome == "refused" and command.code == "already_booked":
            at = (command.began, command.ended or float("inf"))
            operations.append(_on_request("refused", command.sent.key, UUID(command.sent.body["request_id"]), at, str(command)))
    return operations


def _bookings(happened: Happened, evidence: Evidence) -> list[tuple[UUID, UUID, UUID, Journalled | None]]:
    """(appointment, slot, request, fact): each appointment once, told by its fact or, should that be lost, by its answer."""
    found: list[tuple[UUID, UUID, UUID, Journalled | None]] = []
    told: set[UUID] = set()
    for fact in evidence.journal:
        event = fact.event
        if isinstance(event, AppointmentBooked) and event.slot_id is not None and event.appointment_id not in told:
            told.add(event.appointment_id)
            found.append((event.appointment_id, event.slot_id, event.request_id, fact))
    for command in happened.commands:
        subject = _answered_subject(command) if command.outcome == "accepted" and effect_of(command) == "book" else None
        if subject is not None and subject not in told:
            told.add(subject)
            found.append((subject, UUID(command.sent.body["slot_id"]), UUID(command.sent.body["request_id"]), None))
    return found


def _holders(happened: Happened, evidence: Evidence) -> dict[UUID, tuple[UUID, UUID]]:
    """Slot and request of each hold that a command asked for; the fact does not name the request."""
    found: dict[UUID, tuple[UUID, UUID]] = {}
    for command in happened.commands:
        if effect_of(command) == "hold" and command.outcome != "refused":
            subject = evidence.keys.get(command.name) or _answered_subject(command)
            if subject is not None:
                found[subject] = (UUID(command.sent.body["slot_id"]), UUID(command.sent.body["request_id"]))
    return found


def _endings(happened: Happened, evidence: Evidence, *, outcome_frees: bool) -> list[tuple[UUID, list[Interval]]]:
    """What was cancelled or released, and when: by its commands, and by its fact where no command asked for it."""
    moments: dict[UUID, list[Interval]] = {}
    facts: dict[UUID, Journalled] = {}
    for fact in evidence.journal:
        event = fact.event
        if isinstance(event, SlotReleased):
            moments.setdefault(event.hold_id, []).append(happened.committed(fact))
        elif isinstance(event, AppointmentCancelled):
            facts[event.appointment_id] = fact
            if not event.cause.startswith("by_") or not happened.asked("cancel", event.appointment_id):
                moments.setdefault(event.appointment_id, []).append(happened.committed(fact))
        elif isinstance(event, ActClosed) and outcome_frees:
            moments.setdefault(event.appointment_id, []).extend(happened.intervals("outcome", event.appointment_id, fact))
    for subject in happened.subjects("cancel"):
        moments.setdefault(subject, []).extend(happened.intervals("cancel", subject, facts.get(subject)))
    return list(moments.items())


def _answered_subject(command: Command) -> UUID | None:
    told = command.answer.get("appointment_id") or command.answer.get("hold_id")
    return None if told is None else UUID(str(told))


def _on_slot(
    evidence: Evidence, kind: Kind, token: object, owner: object, slot_id: UUID, moments: Sequence[Interval], words: str
) -> list[Operation]:
    slot: SlotRow | None = evidence.slots.get(slot_id)
    if slot is None:
        return []
    # A take happens once: of two commands that were answered with one appointment, the first to depart made it.
    chosen = sorted(moments)[:1] if kind == "take" else moments
    return [
        Operation(kind, token, owner, slot.resource, slot.starts_at, slot.ends_at, began, ended, label=f"{words} {token} slot {slot_id}")
        for began, ended in chosen
    ]


def _on_request(kind: Kind, token: object, request_id: UUID, at: Interval, words: str) -> Operation:
    return Operation(kind, token, token, request_id, *_ALWAYS, *at, label=f"{words} {token} request {request_id}")
