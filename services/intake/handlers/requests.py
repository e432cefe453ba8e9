"""What the desk and the doctors command on a request. Each locks it, lets the domain decide, and saves the step."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.intake.desk import Desk
from services.intake.domain import protocol, qualifying, steps
from services.intake.domain.ages import AgeUnit, band_of_birth_date
from services.intake.domain.qualifying import DoctorsWord, PatientFacts
from services.intake.domain.refusals import NoPatient, RequestExists
from services.intake.domain.request import Channel, Decision, Origin, Request, Step
from services.intake.domain.screening import QUESTION_SET, VITAL_QUESTIONS, Vital
from services.intake.repository import calls, patients, reads, requests
from services.intake.repository.patients import ContactRule, Patient
from services.intake.repository.requests import Stored
from services.intake.sealed import Identity, Words
from shared.auth import Principal
from shared.db import Tx
from shared.errors import NotFound
from shared.events.base import Answer, Mode, Sex, Urgency
from shared.events.intake import MtHelpAnswered


@dataclass(frozen=True)
class OpenRequest:
    """The id comes from whoever opens the story (the page, also offline)."""

    request_id: UUID
    call_id: UUID | None
    origin: Origin


async def open_request(command: OpenRequest, who: Principal, desk: Desk, tx: Tx, *, now: datetime) -> UUID:
    """A request of a call, or without one; the same id again is the same request."""
    rang_at = now
    if command.call_id is not None:
        rang_at = (await calls.get_call(tx.sql, who.territory_id, command.call_id)).rang_at
    step = steps.receive(
        command.request_id,
        who.territory_id,
        rang_at=rang_at,
        call_id=command.call_id,
        origin=command.origin,
        by=who.sub,
        initials=who.initials,
        now=now,
    )
    data_key = desk.sealer.new_key()
    sealed = Words().seal(desk.sealer.open(data_key), command.request_id)
    if await requests.insert_request(tx, step.request, data_key=data_key, sealed=sealed):
        for event in step.events:
            await tx.record(event)
        return command.request_id
    known = await requests.find_request(tx.sql, who.territory_id, command.request_id)
    if known is None:  # of another territory, of which nothing is said
        raise NotFound(f"request {command.request_id}")
    if known.request.call_id != command.call_id:
        raise RequestExists(f"request {command.request_id}")
    return command.request_id


@dataclass(frozen=True)
class Step0:
    """What step 0 has so far; None = not said yet, and leaves what was said before."""

    request_id: UUID
    vital: Vital
    confirmed_not_now: bool | None
    caller_role: Literal["patient", "other", "professional"] | None
    with_patient_now: bool | None
    age_value: int | None
    age_unit: AgeUnit | None
    sex: Sex | None
    commune: str | None
    words: Words


async def answer_step0(command: Step0, who: Principal, desk: Desk, tx: Tx, *, now: datetime) -> UUID:
    """Save the draft; screen as soon as step 0 can say."""
    stored = await requests.lock_request(tx, who.territory_id, command.request_id)
    before = stored.request
    said_before = unseal(desk, stored)
    vital = _merged(before.vital, command)
    known = replace(
        before,
        caller_role=command.caller_role or before.caller_role,
        with_patient_now=before.with_patient_now if command.with_patient_now is None else command.with_patient_now,
    )
    asked_since = before.received_at
    if before.call_id is not None:
        asked_since = (await calls.get_call(tx.sql, who.territory_id, before.call_id)).answered_at or asked_since
    said = _last_said(said_before, command.words)
    unit_said = command.age_unit is not None
    step = steps.answer_step0(
        known,
        vital,
        age_value=command.age_value if unit_said else before.age_value,
        age_unit=command.age_unit or before.age_unit,
        sex=command.sex or before.sex,
        commune=command.commune or desk.commune_in(who.territory_id, said.place),
        asked_since=asked_since,
        now=now,
    )
    answered = {
        question: answer
        for question in VITAL_QUESTIONS
        if (answer := getattr(vital, question)) is not None and answer != getattr(before.vital, question)
    }
    await requests.insert_answers(tx, who.territory_id, before.id, QUESTION_SET, answered, by=who.sub, now=now)
    await requests.save_step(tx, before, step, sealing=_sealing(desk, stored, said) if said != said_before else None)
    return before.id


@dataclass(frozen=True)
class Qualify:
    """The reason, the protocol's answers, who it is and what he can do today."""

    request_id: UUID
    patient_id: UUID
    reason: str
    answers: dict[str, Answer]
    limits: protocol.Limits
    raised_to: Urgency | None
    assisted: bool
    words: Words


async def qualify_request(command: Qualify, who: Principal, desk: Desk, tx: Tx, *, now: datetime) -> UUID:
    """Answers become a level: to scheduling, to a doctor, or to the 15. The words move under the patient's key."""
    stored = await requests.lock_request(tx, who.territory_id, command.request_id)
    before = stored.request
    patient = await patients.get_patient(tx.sql, who.territory_id, command.patient_id, lock=True)
    facts = facts_of(desk, patient, now=now)
    rules = desk.protocol(who.territory_id)
    known_flags = frozenset(facts.flags)
    if before.screened is not None and before.screened.rule == "under_3_months_not_ill":
        known_flags |= {"not_ill"}
    said = protocol.assess(
        rules,
        command.reason,
        command.answers,
        age_band=facts.age_band,
        known_flags=known_flags,
        limits=command.limits,
        floor=qualifying.floor_of(before),
        raised_to=command.raised_to if before.lowered is None else None,
    )
    step = qualifying.qualify(
        before,
        facts,
        said,
        raised_to=command.raised_to,
        assisted=command.assisted,
        zone=desk.territory(who.territory_id).zone,
        duty_doctor_id=await reads.duty_doctor_at(tx.sql, who.territory_id, now),
        now=now,
    )
    asked = {question.id for question in rules.reason(command.reason).questions}
    given = {question: answer for question, answer in command.answers.items() if question in asked}
    await requests.insert_answers(tx, who.territory_id, before.id, said.protocol, dict(given), by=who.sub, now=now)
    words = _last_said(unseal(desk, stored), command.words).seal(desk.sealer.open(patient.data_key), before.id)
    await requests.save_step(tx, before, step, sealing=(None, words))
    await patients.update_patient(tx, replace(patient, last_contact_at=now))
    return before.id


@dataclass(frozen=True)
class Decide:
    """A doctor's traced decision, brought by the console after regulation has it."""

    request_id: UUID
    decision: Decision
    words: str | None
    decided_by_label: str | None
    urgency: Urgency | None
    modes: tuple[Mode, ...]
    practitioner_id: UUID | None


async def decide_request(command: Decide, who: Principal, desk: Desk, tx: Tx, *, now: datetime) -> UUID:
    """Apply the doctor's word once, whoever brought it first; his words are kept sealed even when the event came before them."""
    stored = await requests.lock_request(tx, who.territory_id, command.request_id)
    doctor = command.practitioner_id or who.practitioner_id or who.sub
    word = DoctorsWord(command.decision, doctor, now, command.urgency, command.modes)
    step = qualifying.decide(
        stored.request,
        word,
        zone=desk.territory(who.territory_id).zone,
        duty_doctor_id=await reads.duty_doctor_at(tx.sql, who.territory_id, now),
        now=now,
    )
    said = _last_said(unseal(desk, stored), Words(doctor_words=command.words, decided_by_label=command.decided_by_label))
    await requests.save_step(tx, stored.request, step, sealing=_sealing(desk, stored, said))
    return command.request_id


async def change_request(request_id: UUID, who: Principal, tx: Tx, decide: Callable[[Request], Step]) -> UUID:
    """Lock, `decide`, save: every step that needs nothing else of the database."""
    stored = await requests.lock_request(tx, who.territory_id, request_id)
    await requests.save_step(tx, stored.request, decide(stored.request))
    return request_id


async def hand_over_request(
    request_id: UUID, channel: Channel, dialled_at: datetime | None, caller_on_line: bool, who: Principal, tx: Tx, *, now: datetime
) -> UUID:
    """Dial the 15; a dial in the future is now."""
    dialled = min(dialled_at or now, now)
    return await change_request(
        request_id,
        who,
        tx,
        lambda request: steps.hand_over(request, channel=channel, dialled_at=dialled, by=who.sub, caller_on_line=caller_on_line, now=now),
    )


async def answer_hand_over(
    request_id: UUID, arm_label: str | None, file_no: str | None, who: Principal, desk: Desk, tx: Tx, *, now: datetime
) -> UUID:
    """« L'ARM a répondu »."""
    stored = await requests.lock_request(tx, who.territory_id, request_id)
    channel = stored.request.handover.channel if stored.request.handover is not None else "voice"
    step = steps.answer_hand_over(stored.request, channel=channel, now=now)
    said = _last_said(unseal(desk, stored), Words(arm_label=arm_label, file_no=file_no))
    await requests.save_step(tx, stored.request, step, sealing=_sealing(desk, stored, said))
    return request_id


async def raise_request(request_id: UUID, urgency: Urgency, who: Principal, desk: Desk, tx: Tx, *, now: datetime) -> UUID:
    """One key up."""
    duty = await reads.duty_doctor_at(tx.sql, who.territory_id, now)
    zone = desk.territory(who.territory_id).zone
    return await change_request(
        request_id, who, tx, lambda request: qualifying.raise_level(request, urgency, zone=zone, duty_doctor_id=duty, now=now)
    )


async def close_request(request_id: UUID, outcome: str, who: Principal, tx: Tx, *, now: datetime) -> UUID:
    duty = await reads.duty_doctor_at(tx.sql, who.territory_id, now)
    return await change_request(request_id, who, tx, lambda request: steps.close(request, outcome, duty_doctor_id=duty, now=now))


async def contact_tried(request_id: UUID, reached: bool, outcome: str | None, who: Principal, tx: Tx, *, now: datetime) -> UUID:
    """The person of a call-back or a recontact was called."""
    duty = await reads.duty_doctor_at(tx.sql, who.territory_id, now)
    if reached:
        return await change_request(request_id, who, tx, lambda request: steps.reached(request, outcome, duty_doctor_id=duty, now=now))
    return await change_request(request_id, who, tx, lambda request: steps.not_reached(request, duty_doctor_id=duty, now=now))


async def check_15_done(request_id: UUID, who: Principal, tx: Tx) -> UUID:
    """« Le patient a-t-il été pris en charge ? » was asked."""
    return await change_request(request_id, who, tx, lambda request: Step(replace(request, check_15_at=None)))


async def recap_done(request_id: UUID, who: Principal, tx: Tx, *, now: datetime) -> UUID:
    """Read to the caller, day and hour said back."""
    return await change_request(request_id, who, tx, lambda request: Step(replace(request, recap_done_at=request.recap_done_at or now)))


async def answer_mt_help(
    request_id: UUID, answer: Literal["yes", "no", "later"], who: Principal, desk: Desk, tx: Tx, *, now: datetime
) -> UUID:
    """Help to find an MT: the consent, stored with its instant, told to orientation. The same answer again changes nothing."""
    stored = await requests.lock_request(tx, who.territory_id, request_id)
    if stored.request.patient_id is None:
        raise NoPatient("ask who it is first")
    if stored.request.mt_help == answer:
        return request_id
    patient = await patients.get_patient(tx.sql, who.territory_id, stored.request.patient_id, lock=True)
    told = MtHelpAnswered(
        territory_id=who.territory_id,
        version=patient.version + 1,
        occurred_at=now,
        patient_id=patient.id,
        request_id=request_id,
        answer=answer,
    )
    await patients.update_patient(tx, replace(patient, version=told.version))
    await patients.insert_mt_help(tx, who.territory_id, patient.id, request_id, answer, by=who.sub, now=now)
    await tx.record(told)
    await requests.save_step(tx, stored.request, Step(replace(stored.request, mt_help=answer)))
    return request_id


async def set_contact_rule(request_id: UUID, rule: ContactRule, who: Principal, tx: Tx) -> UUID:
    """« Peut-on vous écrire ou laisser un message à ce numéro ? » (H13)"""
    stored = await requests.lock_request(tx, who.territory_id, request_id)
    if stored.request.patient_id is None:
        raise NoPatient("ask who it is first")
    patient = await patients.get_patient(tx.sql, who.territory_id, stored.request.patient_id, lock=True)
    await patients.update_patient(tx, replace(patient, contact_rule=rule))
    return request_id


def facts_of(desk: Desk, patient: Patient, *, now: datetime) -> PatientFacts:
    """What of the patient may leave intake, at today's age."""
    who = Identity.unseal(desk.sealer.open(patient.data_key), patient.id, patient.sealed)
    today = desk.territory(patient.territory_id).local(now).date()
    return PatientFacts(
        id=patient.id,
        commune=patient.commune,
        cell=patient.cell,
        age_band=band_of_birth_date(who.birth_date, today),
        sex=who.sex,
        without_mt=patient.without_mt,
        flags=patient.flags,
    )


def unseal(desk: Desk, stored: Stored) -> Words:
    """The free text of a request."""
    return Words.unseal(desk.sealer.open(stored.wrapped_key), stored.request.id, stored.sealed)


def _sealing(desk: Desk, stored: Stored, words: Words) -> tuple[bytes | None, bytes]:
    """Sealed again under the key that the request already has."""
    return stored.data_key, words.seal(desk.sealer.open(stored.wrapped_key), stored.request.id)


def _last_said(before: Words, now_said: Words) -> Words:
    said = {name: value for name, value in vars(now_said).items() if value is not None}
    return replace(before, **said)


def _merged(before: Vital, said: Step0) -> Vital:
    """An answer that is not repeated stays; the confirming no stays only while the answers that it confirmed do."""
    now_said = said.vital
    merged = Vital(
        breathing=now_said.breathing or before.breathing,
        consciousness=now_said.consciousness or before.consciousness,
        chest_or_collapse=now_said.chest_or_collapse or before.chest_or_collapse,
        baby_unwell=now_said.baby_unwell or before.baby_unwell,
    )
    confirmed = before.confirmed_not_now and merged.answers == before.answers if said.confirmed_not_now is None else said.confirmed_not_now
    return replace(merged, confirmed_not_now=confirmed)
