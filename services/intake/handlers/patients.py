"""People: registered once searched for, corrected, and told to the others without a single direct identifier."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.intake.desk import Desk
from services.intake.domain import places
from services.intake.domain.ages import band_of_birth_date
from services.intake.repository import patients
from services.intake.repository.patients import ContactRule, Mt, Patient
from services.intake.sealed import Identity
from shared.auth import Principal
from shared.db import Tx
from shared.errors import Malformed, Stale
from shared.events.intake import PatientRegistered
from shared.ids import new_id


@dataclass(frozen=True)
class Person:
    """What the secretary typed. A point, when the address was found on the map, becomes a 200 m cell and is forgotten."""

    identity: Identity
    commune: str
    mt: Mt
    flags: tuple[str, ...]
    contact_rule: ContactRule
    lon: float | None = None
    lat: float | None = None


async def register_patient(person: Person, who: Principal, desk: Desk, tx: Tx, *, now: datetime) -> UUID:
    """A new file, with a key of its own. Intake never merges by itself: the search before showed who is known."""
    patient_id = new_id()
    data_key = desk.sealer.new_key()
    patient = Patient(
        id=patient_id,
        territory_id=who.territory_id,
        version=1,
        data_key=data_key,
        sealed=person.identity.seal(desk.sealer.open(data_key), patient_id),
        commune=person.commune,
        cell=_cell(person, who, desk),
        mt=person.mt,
        flags=tuple(sorted(set(person.flags))),
        contact_rule=person.contact_rule,
        identity_status="provisoire",
        registered_at=now,
    )
    await patients.insert_patient(tx, patient)
    await tx.record(_registered(patient, person.identity, desk, now=now))
    return patient_id


async def correct_patient(
    patient_id: UUID, person: Person, if_match: int | None, who: Principal, desk: Desk, tx: Tx, *, now: datetime
) -> UUID:
    """Write the whole file again; the others are told only when something they hold has changed. Raises Stale on another version."""
    before = await patients.get_patient(tx.sql, who.territory_id, patient_id, lock=True)
    if if_match is not None and if_match != before.version:
        raise Stale("the file changed meanwhile", version=before.version)
    key = desk.sealer.open(before.data_key)
    cell = _cell(person, who, desk) if person.lon is not None or person.commune != before.commune else before.cell
    after = replace(
        before,
        sealed=person.identity.seal(key, patient_id),
        commune=person.commune,
        cell=cell,
        mt=person.mt,
        flags=tuple(sorted(set(person.flags))),
        contact_rule=person.contact_rule,
        version=before.version + 1,
    )
    old_told = _registered(before, Identity.unseal(key, patient_id, before.sealed), desk, now=now)
    new_told = _registered(after, person.identity, desk, now=now)
    same = {"event_id", "version"}
    if old_told.model_dump(exclude=same) == new_told.model_dump(exclude=same):
        after = replace(after, version=before.version)
    else:
        await tx.record(new_told)
    await patients.update_patient(tx, after)
    return patient_id


def _registered(patient: Patient, identity: Identity, desk: Desk, *, now: datetime) -> PatientRegistered:
    today = desk.territory(patient.territory_id).local(now).date()
    return PatientRegistered(
        territory_id=patient.territory_id,
        version=patient.version,
        occurred_at=now,
        patient_id=patient.id,
        age_band=band_of_birth_date(identity.birth_date, today),
        sex=identity.sex,
        commune=patient.commune,
        cell=patient.cell,
        without_mt=patient.without_mt,
        flags=list(patient.flags),
    )


def _cell(person: Person, who: Principal, desk: Desk) -> str | None:
    """Of the point, else of the commune's centre; a commune outside the territory without a point has none."""
    if person.lon is not None and person.lat is not None:
        try:
            return places.cell(person.lon, person.lat)
        except ValueError:
            raise Malformed("bad point", errors=[{"field": "lon", "message": "not in France"}]) from None
    commune = desk.territory(who.territory_id).commune(person.commune)
    try:
        return None if commune is None else places.cell(commune.lon, commune.lat)
    except ValueError:  # a commune overseas
        return None
