"""Projections: written whole for the subjects that a batch touched. Rows travel as JSON; columns are named after the fields."""

from collections.abc import Collection, Sequence
from typing import Any

from pydantic import TypeAdapter

from services.pilotage.domain import Act, AppointmentStory, CallStory, Folded, RequestStory
from services.pilotage.repository.history import Subject
from shared.db import Tx
from shared.events.scheduling import PractitionerRegistered, SlotsPublished

_REQUESTS = TypeAdapter(list[RequestStory])
_CALLS = TypeAdapter(list[CallStory])
_APPOINTMENTS = TypeAdapter(list[AppointmentStory])
_ACTS = TypeAdapter(list[Act])

_FORGET_REQUESTS = """
    WITH subject AS (SELECT territory_id, id FROM unnest($1::text[], $2::uuid[]) AS s(territory_id, id)),
        appointments AS (
            DELETE FROM appointment_story t USING subject s WHERE t.territory_id = s.territory_id AND t.request_id = s.id
        ),
        acts AS (DELETE FROM act t USING subject s WHERE t.territory_id = s.territory_id AND t.request_id = s.id)
    DELETE FROM request_story t USING subject s WHERE t.territory_id = s.territory_id AND t.request_id = s.id
"""
_FORGET_CALLS = """
    DELETE FROM call_story t USING unnest($1::text[], $2::uuid[]) AS s(territory_id, id)
    WHERE t.territory_id = s.territory_id AND t.call_id = s.id
"""
_KEEP_REQUESTS = """
    WITH appointments AS (
            INSERT INTO appointment_story SELECT r.* FROM jsonb_populate_recordset(NULL::appointment_story, $2::text::jsonb) AS r
        ),
        acts AS (INSERT INTO act SELECT r.* FROM jsonb_populate_recordset(NULL::act, $3::text::jsonb) AS r)
    INSERT INTO request_story SELECT r.* FROM jsonb_populate_recordset(NULL::request_story, $1::text::jsonb) AS r
"""
_KEEP_CALLS = "INSERT INTO call_story SELECT r.* FROM jsonb_populate_recordset(NULL::call_story, $1::text::jsonb) AS r"
_KEEP_OFFER = """
    INSERT INTO slot_offer (territory_id, practitioner_id, on_date, version, visit, teleconsultation, surgery)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (territory_id, on_date, practitioner_id) DO UPDATE
    SET version = excluded.version, visit = excluded.visit, teleconsultation = excluded.teleconsultation, surgery = excluded.surgery
    WHERE slot_offer.version < excluded.version
"""
_KEEP_PRACTITIONER = """
    INSERT INTO practitioner (territory_id, practitioner_id, version, display_name, status)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (territory_id, practitioner_id) DO UPDATE
    SET version = excluded.version, display_name = excluded.display_name, status = excluded.status
    WHERE practitioner.version < excluded.version
"""


async def replace_requests(tx: Tx, known: Collection[Subject], folded: Sequence[Folded]) -> None:
    """These stories, with their appointments and acts, take the place of what the `known` ones had; the others had nothing."""
    if known:
        await tx.sql.execute(_FORGET_REQUESTS, [s[0] for s in known], [s[1] for s in known])
    if not folded:
        return
    await tx.sql.execute(
        _KEEP_REQUESTS,
        _json(_REQUESTS, [one.story for one in folded]),
        _json(_APPOINTMENTS, [each for one in folded for each in one.appointments]),
        _json(_ACTS, [each for one in folded for each in one.acts]),
    )


async def replace_calls(tx: Tx, known: Collection[Subject], stories: Sequence[CallStory]) -> None:
    """The same for calls."""
    if known:
        await tx.sql.execute(_FORGET_CALLS, [s[0] for s in known], [s[1] for s in known])
    if stories:
        await tx.sql.execute(_KEEP_CALLS, _json(_CALLS, stories))


async def keep_offers(tx: Tx, facts: Collection[SlotsPublished]) -> None:
    """A lower version of a practitioner's day changes nothing."""
    if facts:
        await tx.sql.executemany(
            _KEEP_OFFER, [(f.territory_id, f.practitioner_id, f.on, f.version, f.visit, f.teleconsultation, f.surgery) for f in facts]
        )


async def keep_practitioners(tx: Tx, facts: Collection[PractitionerRegistered]) -> None:
    if facts:
        await tx.sql.executemany(
            _KEEP_PRACTITIONER, [(f.territory_id, f.practitioner_id, f.version, f.display_name, f.status) for f in facts]
        )


def _json(rows: TypeAdapter[Any], values: Any) -> str:
    return rows.dump_json(values).decode()
