"""The judgement: what the clients were told against what the databases and the log hold. Pure, but for `judge` which reads them.

An accepted command left its key, its row and its fact; a refused one left nothing; an unknown one happened once or not at all; every
fact is once on the log, and somebody asked for it; and the agenda is the one that an order of these commands makes.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from recours.stack.environment import Access
from shared.events import Event
from shared.events import intake as intake_events
from shared.events import regulation as regulation_events
from shared.events import scheduling as scheduling_events
from tests.history import agenda, linearizable
from tests.history.evidence import Evidence, Journalled, gather
from tests.history.record import Command, Recorder


@dataclass(frozen=True)
class Violation:
    """`kind`: lost, refused_happened, happened_twice, nobody_asked, log, agenda, request, undecided."""

    kind: str
    words: str


@dataclass(frozen=True)
class Violations:
    """All that was found, and how much was looked at."""

    found: Sequence[Violation]
    looked_at: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return len(self.found)

    @property
    def kinds(self) -> Mapping[str, int]:
        return Counter(violation.kind for violation in self.found)

    def __str__(self) -> str:
        lines = [f"{violation.kind}: {violation.words}" for violation in self.found[:50]]
        return "\n".join([", ".join(f"{name} {count}" for name, count in self.looked_at.items()), *lines])


async def judge(access: Access, recorder: Recorder) -> Violations:
    """Judge a settled stack. Raises what a server raises when it is away."""
    return judged(recorder.commands(), await gather(access), recorder.wall_minus_monotonic)


def judged(commands: Sequence[Command], evidence: Evidence, wall_minus_monotonic: float = 0.0) -> Violations:
    """The same, on plain values."""
    happened = agenda.Happened(commands, evidence, wall_minus_monotonic)
    on_practitioners, on_requests = agenda.on_practitioners(happened, evidence), agenda.on_requests(happened, evidence)
    found = [
        *answers_kept(commands, evidence), *facts_once(commands, evidence), *nobody_asked(evidence), *versions(commands, evidence),
        *log_is_the_journal(evidence), *periods_follow(evidence),
        *in_some_order("agenda", on_practitioners), *in_some_order("request", on_requests),
    ]  # fmt: skip
    outcomes = Counter(command.outcome for command in commands)
    return Violations(found, {
        "commands": len(commands), **{name: outcomes[name] for name in ("accepted", "refused", "unknown")},
        "unknown_that_happened": sum(c.outcome == "unknown" and c.name in evidence.keys for c in commands),
        "facts": len(evidence.journal), "agenda_operations": len(on_practitioners), "request_operations": len(on_requests),
    })  # fmt: skip


@dataclass(frozen=True)
class _Promise:
    """A route and the fact that it makes about its subject: exactly once, or `again` when other commands may make it too."""

    service: str
    method: str
    path: re.Pattern[str]
    fact: type[Event]
    subject: str
    again: bool = False

    def made_by(self, command: Command) -> bool:
        sent = command.sent
        return (sent.service, sent.method) == (self.service, self.method) and self.path.fullmatch(sent.path) is not None


def _promise(service: str, method: str, path: str, fact: type[Event], subject: str, *, again: bool = False) -> _Promise:
    return _Promise(service, method, re.compile(path.replace("{id}", "[0-9a-f-]{36}")), fact, subject, again)


_PROMISES = (
    _promise("scheduling", "POST", "/appointments", scheduling_events.AppointmentBooked, "appointment_id"),
    _promise("scheduling", "POST", "/appointments/{id}/cancel", scheduling_events.AppointmentCancelled, "appointment_id"),
    _promise("scheduling", "POST", "/appointments/{id}/outcome", scheduling_events.ActClosed, "appointment_id"),
    _promise("scheduling", "POST", "/holds", scheduling_events.SlotHeld, "hold_id", again=True),
    _promise("scheduling", "DELETE", "/holds/{id}", scheduling_events.SlotReleased, "hold_id"),
    _promise("intake", "POST", "/requests", intake_events.RequestReceived, "request_id"),
    _promise("intake", "POST", "/patients", intake_events.PatientRegistered, "patient_id", again=True),
    _promise("intake", "POST", "/hooks/telephony", intake_events.CallReceived, "call_id"),
    _promise("intake", "POST", "/calls/{id}/answer", intake_events.CallAnswered, "call_id"),
    _promise("intake", "POST", "/calls/{id}/end", intake_events.CallEnded, "call_id"),
    _promise("intake", "POST", "/requests/{id}/cancel", intake_events.RequestCancelled, "request_id"),
    _promise("intake", "POST", "/requests/{id}/close", intake_events.RequestClosed, "request_id", again=True),
    _promise("regulation", "POST", "/cases/{id}/advice", regulation_events.AdviceGiven, "request_id", again=True),
    _promise("regulation", "POST", "/cases/{id}/acknowledge", regulation_events.CaseAcknowledged, "request_id", again=True),
)
# Read with POST: they change nothing, hence keep no key.
_READS = re.compile(r"/requests/[0-9a-f-]{36}/proposals|/patients/search|/identities")


def answers_kept(commands: Iterable[Command], evidence: Evidence) -> Iterable[Violation]:
    """The key of a command is committed with its effect: it is there when the command was accepted, and not when it was refused."""
    for command in commands:
        if _READS.fullmatch(command.sent.path):
            continue
        subject = evidence.keys.get(command.name)
        if command.outcome == "accepted":
            if subject is None:
                yield Violation("lost", f"{command}: no trace in the database")
            else:
                yield from _row_of(command, subject, evidence)
        elif command.outcome == "refused" and subject is not None and not _gone_since(command):
            yield Violation("refused_happened", f"{command}: yet committed on {subject}")


def _gone_since(command: Command) -> bool:
    """A hold that was committed, and over before its repeated command was answered: « not found » is its present state."""
    return command.code == "not_found" and command.sent.path == "/holds"


def _row_of(command: Command, subject: UUID, evidence: Evidence) -> Iterable[Violation]:
    sent = command.sent
    if sent.service == "scheduling" and sent.path.startswith("/appointments"):
        row = evidence.appointments.get(subject)
        effect = agenda.effect_of(command)
        if row is None:
            yield Violation("lost", f"{command}: no appointment {subject}")
        elif effect == "book" and (str(row.request_id), str(row.slot_id)) != (sent.body["request_id"], sent.body["slot_id"]):
            yield Violation("lost", f"{command}: appointment {subject} is of another request or slot")
        elif effect == "cancel" and row.state != "cancelled":
            yield Violation("lost", f"{command}: appointment {subject} is {row.state}")
        elif effect == "outcome" and (row.state, row.outcome) != ("closed", sent.body["outcome"]):
            yield Violation("lost", f"{command}: appointment {subject} is {row.state} {row.outcome}")
    for kind in ("request", "call", "patient"):
        told = command.answer.get("version")
        if sent.service == "intake" and str(subject) == command.answer.get(f"{kind}_id") and isinstance(told, int):
            stored = evidence.rows.get((kind, subject), 0)
            if stored < told:
                yield Violation("lost", f"{command}: answered version {told} of {kind} {subject}, stored {stored}")
            break


def facts_once(commands: Sequence[Command], evidence: Evidence) -> Iterable[Violation]:
    """For each command that happened, its fact; never twice, whatever the number of attempts."""
    told: dict[tuple[type[Event], UUID], int] = Counter()
    wanted: dict[tuple[type[Event], UUID], tuple[_Promise, list[Command]]] = {}
    for fact in evidence.journal:
        for promise in _PROMISES:
            if isinstance(fact.event, promise.fact):
                told[promise.fact, getattr(fact.event, promise.subject)] += 1
    for command in commands:
        promise_made = next((promise for promise in _PROMISES if promise.made_by(command)), None)
        subject = evidence.keys.get(command.name)
        if promise_made is None or subject is None or command.outcome == "refused":
            continue
        if command.sent.path == "/hooks/telephony" and command.sent.body.get("event") != "ringing":
            continue
        wanted.setdefault((promise_made.fact, subject), (promise_made, []))[1].append(command)
    for (fact_type, subject), (promise, asked) in wanted.items():
        count = told[fact_type, subject]
        if count == 0:
            yield Violation("lost", f"{asked[0]}: no {fact_type.__name__} about {subject}")
        elif count > 1 and not promise.again:
            yield Violation("happened_twice", f"{asked[0]}: {count} {fact_type.__name__} about {subject}")
        elif fact_type is scheduling_events.SlotHeld and count > _holds_on(subject, evidence):
            yield Violation("happened_twice", f"{asked[0]}: held {count} times, asked {_holds_on(subject, evidence)} times")


def _holds_on(hold_id: UUID, evidence: Evidence) -> int:
    """How many committed commands of scheduling concern the hold (a giving back concerns it too: an upper bound)."""
    return sum(subject == hold_id for (service, _, _), subject in evidence.keys.items() if service == "scheduling")


def nobody_asked(evidence: Evidence) -> Iterable[Violation]:
    """Facts that only a person's command makes, and whose subject no committed command has: a refused one that happened all the same,
    or one command done twice under two ids."""
    asked = {(service, subject) for (service, _, _), subject in evidence.keys.items()}
    for fact in evidence.journal:
        subject = _only_by_command(fact.event)
        if subject is not None and subject not in asked:
            yield Violation("nobody_asked", f"{type(fact.event).__name__} about {subject[1]} belongs to no committed command")


def _only_by_command(event: Event) -> tuple[str, UUID] | None:
    match event:
        case scheduling_events.AppointmentBooked(path="assisted"):
            return "scheduling", event.appointment_id
        case scheduling_events.AppointmentCancelled(cause="by_patient" | "by_practitioner") | scheduling_events.ActClosed():
            return "scheduling", event.appointment_id
        case scheduling_events.SlotHeld():
            return "scheduling", event.hold_id
        case intake_events.RequestReceived():
            return "intake", event.request_id
        case intake_events.PatientRegistered(version=1):
            return "intake", event.patient_id
        case intake_events.CallReceived():
            return "intake", event.call_id
    return None


_SERIES = {
    intake_events.CALLS: "call", intake_events.REQUESTS: "request", intake_events.PATIENTS: "patient",
    scheduling_events.APPOINTMENTS: "own request", scheduling_events.AGENDAS: None,
}  # fmt: skip


def versions(commands: Iterable[Command], evidence: Evidence) -> Iterable[Violation]:
    """The facts about one subject count 1, 2, 3… up to what its row says and what anybody was told: a gap is a lost fact."""
    series: dict[tuple[str, str], list[int]] = defaultdict(list)
    for fact in evidence.journal:
        if fact.event.topic in _SERIES:
            series[fact.event.topic, fact.key].append(fact.event.version)
    stored = {(kind, str(subject)): version for (kind, subject), version in evidence.rows.items()}
    for (topic, key), counted in series.items():
        kind = _SERIES[topic]
        last = max(counted) if kind is None else max(max(counted), stored.get((kind, key), 0))
        if sorted(set(counted)) != list(range(1, last + 1)):
            missing = sorted(set(range(1, last + 1)) - set(counted))
            yield Violation("lost", f"{topic} {key}: versions {missing} of {last} are not told")
        if len(set(counted)) < len(counted):
            yield Violation("happened_twice", f"{topic} {key}: a version is told twice: {sorted(counted)}")


def log_is_the_journal(evidence: Evidence) -> Iterable[Violation]:
    """Every journalled fact lies in the log under one body, and the log has nothing else."""
    journal = {fact.event_id: fact for fact in evidence.journal}
    for fact in journal.values():
        bodies = evidence.log.get(fact.event_id, 0)
        if bodies != 1:
            yield Violation("log", f"{type(fact.event).__name__} {fact.event_id} lies in the log with {bodies} bodies")
    for event_id in evidence.log.keys() - journal.keys():
        yield Violation("log", f"{event_id} is in the log and in no journal")


def periods_follow(evidence: Evidence) -> Iterable[Violation]:
    """An appointment that is not cancelled has its period, a cancelled one none."""
    for appointment_id, row in evidence.appointments.items():
        if (row.state != "cancelled") != (appointment_id in evidence.periods):
            yield Violation("agenda", f"appointment {appointment_id} is {row.state}, its period says otherwise")


def in_some_order(kind: str, operations: Sequence[linearizable.Operation]) -> Iterable[Violation]:
    for piece in linearizable.pieces(operations):
        try:
            if not linearizable.linearizable(piece):
                yield Violation(kind, "no order allows: " + "; ".join(f"{op.label} [{op.began:.3f}, {op.ended:.3f}]" for op in piece[:40]))
        except linearizable.TooLong as given_up:
            yield Violation("undecided", f"{kind}: {given_up}")


__all__ = ["Journalled", "Violation", "Violations", "judge", "judged"]
