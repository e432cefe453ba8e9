"""Patients: searched before created, and read only with a trace."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from services.intake.api.common import CareTeam, DeskDep, Secretary
from services.intake.api.models import IdentitiesBody, PatientBody, SearchBody
from services.intake.desk import Desk
from services.intake.directory import Entry
from services.intake.domain.ages import months_between
from services.intake.handlers import patients as handlers
from services.intake.handlers.requests import unseal
from services.intake.repository import calls, patients, reads, requests
from services.intake.repository.patients import Patient
from services.intake.repository.requests import Stored
from services.intake.sealed import Identity
from services.intake.views import question_text
from shared import clock
from shared.auth import Principal
from shared.db import Connection, Database, Tx
from shared.errors import NotFound
from shared.http import CommandDep, DatabaseDep
from shared.ids import spoken_reference

router = APIRouter(tags=["patients"])


@router.post("/patients/search")
async def search(body: SearchBody, who: Secretary, desk: DeskDep, database: DatabaseDep) -> dict[str, Any]:
    """Birth date first, then near names, then the number; lists, never selects. Who was shown is logged."""
    found = await desk.directory.search(who.territory_id, birth_date=body.birth_date, name=body.name, phone=body.phone)
    async with database.transaction() as tx:
        await _log(tx, who, "patient", [entry.patient_id for entry in found], "search", clock.now())
    return {"items": [summary(desk, entry) for entry in found]}


@router.post("/patients", status_code=201)
async def register(body: PatientBody, who: Secretary, desk: DeskDep, command: CommandDep, database: DatabaseDep) -> dict[str, Any]:
    """A new file."""

    async def do(tx: Tx, now: datetime) -> UUID:
        return await handlers.register_patient(body.person(), who, desk, tx, now=now)

    return await _show_after_write(desk, who, database, await command.run(do, _id_of))


@router.put("/patients/{patient_id}")
async def correct(
    patient_id: UUID, body: PatientBody, who: Secretary, desk: DeskDep, command: CommandDep, database: DatabaseDep
) -> dict[str, Any]:
    """The whole file again; send If-Match."""

    async def do(tx: Tx, now: datetime) -> UUID:
        return await handlers.correct_patient(patient_id, body.person(), command.if_match, who, desk, tx, now=now)

    return await _show_after_write(desk, who, database, await command.run(do, _id_of))


@router.get("/patients/{patient_id}")
async def get_patient(patient_id: UUID, who: Secretary, desk: DeskDep, database: DatabaseDep) -> dict[str, Any]:
    """One file, read with a trace."""
    async with database.transaction() as tx:
        patient = await patients.get_patient(tx.sql, who.territory_id, patient_id)
        await _log(tx, who, "patient", [patient_id], "file", clock.now())
    return _representation(desk, patient)


@router.post("/identities")
async def identities(body: IdentitiesBody, who: CareTeam, desk: DeskDep, database: DatabaseDep) -> dict[str, Any]:
    """Names for a page, in one question: one audit row per reader, subject, purpose and hour, in the transaction that reads.

    Unknown ids (or of another territory) are left out. The coordinator gets no words of a request.
    """
    now = clock.now()
    async with database.transaction() as tx:
        stored = await requests.requests_by_id(tx.sql, who.territory_id, body.request_ids)
        wanted = {*body.patient_ids, *(one.request.patient_id for one in stored if one.request.patient_id is not None)}
        people = {one.id: one for one in await patients.patients_by_id(tx.sql, who.territory_id, sorted(wanted))}
        with_words = not who.roles.isdisjoint({"secretary", "gp", "duty_doctor", "regulator", "arm", "system"})
        answers = await requests.answers_of(tx.sql, who.territory_id, [one.request.id for one in stored]) if with_words else {}
        on_line = await _on_line(tx.sql, who.territory_id, stored)
        await _log(tx, who, "patient", list(people), body.purpose, now)
        await _log(tx, who, "request", [one.request.id for one in stored], body.purpose, now)
    return {
        "requests": {
            str(one.request.id): _of_request(desk, one, people, answers.get(one.request.id, []), one.request.id in on_line, with_words)
            for one in stored
        },
        "patients": {str(patient_id): _short(desk, people[patient_id]) for patient_id in body.patient_ids if patient_id in people},
    }


def summary(desk: Desk, entry: Entry) -> dict[str, Any]:
    """PatientSummary of the contract."""
    today = desk.territory(entry.territory_id).local(clock.now()).date()
    return {
        "patient_id": entry.patient_id,
        "display_name": entry.display_name,
        "birth_date": entry.birth_date,
        "sex": entry.sex,
        "commune": entry.commune,
        "age": months_between(entry.birth_date, today) // 12,
        "without_mt": entry.without_mt,
        "last_contact": entry.last_contact_at,
        "homonym": desk.directory.homonym(entry),
    }


async def _id_of(_: Connection, patient_id: UUID) -> UUID:
    return patient_id


async def _show_after_write(desk: Desk, who: Principal, database: Database, patient_id: UUID) -> dict[str, Any]:
    """The directory of this process knows at once, now that the command is committed; the others by NOTIFY. The command has given its
    connection back: if each took a second one while holding its first, a dozen at once would wait for each other until the pool gave up."""
    async with database.reading() as sql:
        await desk.directory.refresh(sql, patient_id)
        return _representation(desk, await patients.get_patient(sql, who.territory_id, patient_id))


def _representation(desk: Desk, patient: Patient) -> dict[str, Any]:
    identity = _identity(desk, patient)
    return {
        **_short(desk, patient),
        "version": patient.version,
        "birth_name": identity.birth_name,
        "first_name": identity.first_name,
        "used_name": identity.used_name,
        "phone": identity.phone,
        "address": identity.address,
        "access": identity.access,
        "mt_name": identity.mt_name,
        "ald": "ald" in patient.flags,
        "contact_rule": patient.contact_rule,
        "identity_status": patient.identity_status,
        "last_contact": patient.last_contact_at,
    }


def _short(desk: Desk, patient: Patient) -> dict[str, Any]:
    identity = _identity(desk, patient)
    today = desk.territory(patient.territory_id).local(clock.now()).date()
    entry = desk.directory.entry(patient.territory_id, patient.id)
    commune = desk.territory(patient.territory_id).commune(patient.commune)
    return {
        "patient_id": patient.id,
        "display_name": identity.display_name,
        "birth_date": identity.birth_date,
        "age": months_between(identity.birth_date, today) // 12,
        "sex": identity.sex,
        "homonym": entry is not None and desk.directory.homonym(entry),
        "commune": patient.commune,
        "commune_name": None if commune is None else commune.name,
        "mt": patient.mt,
        "without_mt": patient.without_mt,
        "flags": list(patient.flags),
    }


def _of_request(
    desk: Desk, stored: Stored, people: dict[UUID, Patient], answers: list[dict[str, Any]], on_line: bool, with_words: bool
) -> dict[str, Any]:
    """Who and what for one request; without a file yet, what step 0 has."""
    request = stored.request
    patient = people.get(request.patient_id) if request.patient_id is not None else None
    said = unseal(desk, stored)
    identity = None if patient is None else _identity(desk, patient)
    who: dict[str, Any] = {
        "patient_id": None,
        "display_name": None,
        "birth_date": None,
        "age": request.age_value if request.age_unit == "years" else None,
        "sex": request.sex,
        "homonym": False,
        "commune": request.commune,
        "commune_name": None,
        "mt": None,
        "without_mt": None,
        "flags": list(request.flags),
    }
    if patient is not None:
        who = {**_short(desk, patient), "flags": list(request.flags) or list(patient.flags)}
    rules = desk.protocol(request.territory_id)
    reason = rules.reasons.get(request.assessed.reason) if request.assessed is not None else None
    return {
        **who,
        "reference": spoken_reference(request.id),
        "place": said.place or (identity.address if identity is not None else None),
        "access": said.access or (identity.access if identity is not None else None),
        "callback_number": said.callback_number or (identity.phone if identity is not None else None),
        "words": said.words if with_words else None,
        "since": said.since if with_words else None,
        "who_opens": said.who_opens,
        "reason_label": None if reason is None else reason.label,
        "answers": [
            {**one, "question": question_text(desk, request.territory_id, one["question"]), "code": one["question"]} for one in answers
        ],
        "caller_role": request.caller_role,
        "with_patient_now": request.with_patient_now,
        "secretary_initials": request.secretary_initials,
        "caller_on_line": on_line,
    }


def _identity(desk: Desk, patient: Patient) -> Identity:
    return Identity.unseal(desk.sealer.open(patient.data_key), patient.id, patient.sealed)


async def _on_line(sql: Connection, territory_id: str, stored: list[Stored]) -> set[UUID]:
    """Requests whose caller is talking with the desk now."""
    talking = set()
    for one in stored:
        if one.request.call_id is not None:
            try:
                if (await calls.get_call(sql, territory_id, one.request.call_id)).state == "talking":
                    talking.add(one.request.id)
            except NotFound:
                continue
    return talking


async def _log(tx: Tx, who: Principal, kind: Any, subjects: list[UUID], purpose: str, now: datetime) -> None:
    await reads.log_read(tx, who.territory_id, reader=who.sub, roles=who.roles, kind=kind, subjects=subjects, purpose=purpose, now=now)
