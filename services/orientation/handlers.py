"""What each fact does to a person's path towards a médecin traitant: lock the person, learn, reconcile the search, tell."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from services.orientation import domain, repository
from services.orientation.domain import Contact, HelpAnswer, Path, Profile
from shared.db import Tx
from shared.events.intake import MtHelpAnswered, PatientRegistered, RequestQualified
from shared.events.scheduling import ActClosed
from shared.ids import new_id


async def on_patient_registered(event: PatientRegistered, tx: Tx, *, now: datetime) -> None:
    """Intake knows the person, or knows something more."""
    said = Profile(
        "registration", event.occurred_at, event.version, event.without_mt, event.age_band, event.commune, tuple(sorted(event.flags))
    )
    await _learn(tx, event.territory_id, event.patient_id, lambda path: domain.learn_profile(path, said), now=now)
    await repository.heard(tx, event.territory_id, event.patient_id, event.version)


async def on_request_qualified(event: RequestQualified, tx: Tx, *, now: datetime) -> None:
    """Whether the person has an MT may be said in the call first."""
    said = Profile(
        "qualification", event.occurred_at, event.version, event.without_mt, event.age_band, event.commune, tuple(sorted(event.flags))
    )
    await _learn(tx, event.territory_id, event.patient_id, lambda path: domain.learn_profile(path, said), now=now)


async def on_mt_help_answered(event: MtHelpAnswered, tx: Tx, *, now: datetime) -> None:
    """Yes is the consent; no declines; later changes nothing."""
    said = HelpAnswer(event.event_id, event.request_id, event.answer, event.occurred_at, event.version)
    await _learn(tx, event.territory_id, event.patient_id, lambda path: domain.learn_answer(path, said), now=now)
    await repository.heard(tx, event.territory_id, event.patient_id, event.version)


async def on_act_closed(event: ActClosed, tx: Tx, *, now: datetime) -> None:
    """A doctor met the person, or not; and would become the MT, or not."""
    said = Contact(
        event.appointment_id, event.request_id, event.practitioner_id, event.outcome, event.occurred_at, event.version, event.would_be_mt
    )
    await _learn(tx, event.territory_id, event.patient_id, lambda path: domain.learn_contact(path, said), now=now)


async def _learn(tx: Tx, territory_id: str, patient_id: UUID, learn: Callable[[Path], Path], *, now: datetime) -> None:
    before = await repository.lock_path(tx, territory_id, patient_id)
    after, events = domain.reconcile(learn(before), search_id=new_id(), now=now)
    await repository.save_path(tx, before, after)
    for event in events:
        await tx.record(event)
