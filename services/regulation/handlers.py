"""What each command and each incoming fact does in regulation: lock the file, decide, write, record."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.regulation import domain, repository
from services.regulation.domain import Advice, CaseFile, Decision, Handing, Inbox, Person, Rota
from shared.crypto import Sealer
from shared.db import Tx
from shared.errors import Stale
from shared.events import Event
from shared.events.intake import AdviceOverdue, AdviceRequested, HandOverAnswered, RequestCancelled, RequestClosed, RequestHandedOver
from shared.events.scheduling import ActClosed, DutyDoctorNamed
from shared.ids import new_id


@dataclass(frozen=True)
class PutCase:
    """The console hands a case over, having commanded intake, whose request was then at `request_version` (0: not said)."""

    territory_id: str
    request_id: UUID
    inbox: Inbox
    said: Handing
    request_version: int = 0


@dataclass(frozen=True)
class AcknowledgeCase:
    territory_id: str
    request_id: UUID
    person: Person
    if_match: int | None = None


@dataclass(frozen=True)
class DecideCase:
    territory_id: str
    request_id: UUID
    decision: Decision
    person: Person
    if_match: int | None = None


@dataclass(frozen=True)
class GiveAdvice:
    territory_id: str
    request_id: UUID
    advice: Advice
    words: str
    person: Person
    if_match: int | None = None


async def put_case(command: PutCase, tx: Tx, *, now: datetime) -> UUID:
    """Idempotent with the event of the same hand-over, whichever comes first."""
    file = await repository.lock_file(tx, command.territory_id, command.request_id)
    changed, events = domain.hand_over(file, command.inbox, command.said, now=now)
    await _keep(tx, file, domain.heard(changed, command.request_version), events)
    return command.request_id


async def acknowledge_case(command: AcknowledgeCase, tx: Tx, *, now: datetime) -> UUID:
    """The first acknowledgement is published; repeating it shows who was first."""
    file = await repository.lock_known_file(tx, command.territory_id, command.request_id)
    _refuse_stale(file, command.if_match)
    changed, events = domain.acknowledge(file, command.person, now=now)
    await _keep(tx, file, changed, events)
    return command.request_id


async def decide_case(command: DecideCase, tx: Tx, *, now: datetime) -> UUID:
    """One of six, once."""
    file = await repository.lock_known_file(tx, command.territory_id, command.request_id)
    _refuse_stale(file, command.if_match)
    changed, events = domain.decide(file, command.decision, command.person, now=now)
    await _keep(tx, file, changed, events)
    return command.request_id


async def give_advice(command: GiveAdvice, sealer: Sealer, tx: Tx, *, now: datetime) -> UUID:
    """The decision is told to the others, the words stay here, sealed."""
    file = await repository.lock_file(tx, command.territory_id, command.request_id)
    _refuse_stale(file, command.if_match)
    rota = await repository.rota_at(tx.sql, command.territory_id, now)
    changed, events = domain.give_advice(file, command.advice, command.person, rota, now=now)
    await _keep(tx, file, changed, events)
    if events:
        advice_id = new_id()
        key = sealer.open(await repository.case_key(tx, command.territory_id, command.request_id, sealer.new_key()))
        sealed = key.encrypt(command.words, context=words_context(advice_id))
        await repository.insert_advice(
            tx, command.territory_id, command.request_id, advice_id, command.advice, command.person, sealed, at=now
        )
    return command.request_id


def words_context(advice_id: UUID) -> str:
    """What the sealed words are bound to: they open in no other row."""
    return f"regulation.advice:{advice_id}"


async def on_request_handed_over(event: RequestHandedOver, tx: Tx, *, now: datetime) -> None:
    """The 15 is being called: the case stands in its inbox, if the console has not put it there already."""
    said = Handing(
        urgency=event.urgency, opened_at=event.dialled_at, confirmed=True, channel=event.channel, handed_by=event.handed_by,
        breathing=event.breathing, consciousness=event.consciousness, chest_or_collapse=event.chest_or_collapse, age_band=event.age_band,
        sex=event.sex, commune=event.commune, reason=event.reason, flags=tuple(event.flags), caller_on_line=event.caller_on_line,
    )  # fmt: skip
    file = await repository.lock_file(tx, event.territory_id, event.request_id)
    changed, events = domain.hand_over(file, "fifteen", said, now=now)
    await _keep(tx, file, domain.heard(changed, event.version), events)


async def on_hand_over_answered(event: HandOverAnswered, tx: Tx, *, now: datetime) -> None:
    """A person of the 15 talks to the caller."""
    file = await repository.lock_file(tx, event.territory_id, event.request_id)
    at = event.dialled_at + timedelta(seconds=event.seconds_to_voice)
    await _keep(tx, file, domain.heard(domain.voice_answered(file, at=at), event.version), [])


async def on_advice_requested(event: AdviceRequested, tx: Tx, *, now: datetime) -> None:
    """A doctor must say before `due_at`."""
    said = Handing(
        urgency="advice", opened_at=event.asked_at, confirmed=True, due_at=event.due_at, duty_doctor_id=event.duty_doctor_id,
        age_band=event.age_band, sex=event.sex, commune=event.commune, reason=event.reason, flags=tuple(event.flags), cause=event.cause,
    )  # fmt: skip
    file = await repository.lock_file(tx, event.territory_id, event.request_id)
    rota = await repository.rota_at(tx.sql, event.territory_id, event.asked_at)
    changed, events = domain.ask_duty_doctor(file, said, rota=rota, now=now)
    await _keep(tx, file, domain.heard(changed, event.version), events)


async def on_advice_overdue(event: AdviceOverdue, tx: Tx, *, now: datetime) -> None:
    """The duty doctor did not say: the 15 sees the case. The timer is intake's."""
    file = await repository.lock_file(tx, event.territory_id, event.request_id)
    changed, events = domain.overdue(file, asked_at=event.asked_at, now=now)
    await _keep(tx, file, domain.heard(changed, event.version), events)


async def on_request_cancelled(event: RequestCancelled, tx: Tx, *, now: datetime) -> None:
    """Nothing is left to take."""
    await _end(tx, event.territory_id, event.request_id, outcome="cancelled", at=event.occurred_at, request_version=event.version)


async def on_request_closed(event: RequestClosed, tx: Tx, *, now: datetime) -> None:
    """The desk is done; the 15 is not when the request was closed as handed to it."""
    await _end(tx, event.territory_id, event.request_id, outcome=event.outcome, at=event.occurred_at, request_version=event.version)


async def on_act_closed(event: ActClosed, tx: Tx, *, now: datetime) -> None:
    """A doctor met the patient: a question that was still open is answered."""
    if event.outcome in domain.ENDING_ACTS:
        await _end(tx, event.territory_id, event.request_id, outcome=event.outcome, at=event.occurred_at, request_version=0)


async def on_duty_doctor_named(event: DutyDoctorNamed, tx: Tx, *, now: datetime) -> None:
    """Keep the copy of the rota; questions of its hours that nobody seemed to hold have their doctor now."""
    rota = Rota(event.practitioner_id, event.deputy_id, event.ends_at)
    await repository.save_rota(tx, event.territory_id, rota, starts_at=event.starts_at, version=event.version, said_at=event.occurred_at)
    for request_id in await repository.seemed_unheld(tx, event.territory_id, event.starts_at, event.ends_at):
        file = await repository.lock_known_file(tx, event.territory_id, request_id)
        await _keep(tx, file, domain.doctor_found(file, now=now), [])


def _refuse_stale(file: CaseFile, seen: int | None) -> None:
    """Raises Stale when the person decided on an older version than the present one."""
    if seen is not None and seen != file.version:
        raise Stale(f"request {file.request_id}", current={"version": file.version})


async def _end(tx: Tx, territory_id: str, request_id: UUID, *, outcome: str, at: datetime, request_version: int) -> None:
    file = await repository.lock_file(tx, territory_id, request_id)
    await _keep(tx, file, domain.heard(domain.end(file, outcome=outcome, at=at), request_version), [])


async def _keep(tx: Tx, before: CaseFile, after: CaseFile, events: list[Event]) -> None:
    if after != before:
        await repository.save_file(tx, after)
    for event in events:
        await tx.record(event)
