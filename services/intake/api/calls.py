"""Calls: the line rings, somebody picks up, hangs up, rings back."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from services.intake.api.common import DeskDep, Secretary, Telephony, start_of
from services.intake.api.models import EndCallBody, ReachedBody, TelephonyBody
from services.intake.api.patients import summary
from services.intake.desk import Desk
from services.intake.directory import Entry
from services.intake.handlers import calls as handlers
from services.intake.repository import calls, reads, requests
from services.intake.repository.calls import Call, CallState
from services.intake.sealed import unseal_phone
from shared import clock
from shared.auth import Principal
from shared.db import Connection, Tx
from shared.http import After, CommandDep, Cursor, DatabaseDep, Limit

router = APIRouter(tags=["calls"])


@router.post("/hooks/telephony")
async def telephony(body: TelephonyBody, who: Telephony, desk: DeskDep, command: CommandDep) -> dict[str, Any]:
    """Follow the line."""
    event = handlers.TelephonyEvent(body.call_id, body.event, body.phone)

    async def do(tx: Tx, now: datetime) -> UUID:
        return await handlers.take_telephony_event(event, who, desk, tx, now=now)

    return await command.run(do, partial(_show, desk, who, []))


@router.get("/calls")
async def list_calls(
    who: Secretary,
    desk: DeskDep,
    database: DatabaseDep,
    state: Annotated[CallState | None, Query()] = None,
    limit: Limit = 50,
    after: After = None,
) -> dict[str, Any]:
    """Oldest ring first. Who the number may be is counted, not named: naming is for the call that one takes."""
    async with database.reading() as sql:
        found = await calls.list_calls(sql, who.territory_id, state=state, after=start_of(after), limit=limit)
    items = [_representation(desk, call, [], [], with_phone=True) for call in found]
    return {"items": items, "next": Cursor.encode(found[-1].rang_at, found[-1].id) if len(found) == limit else None}


@router.get("/calls/{call_id}")
async def get_call(call_id: UUID, who: Secretary, desk: DeskDep, database: DatabaseDep) -> dict[str, Any]:
    """With everybody who gave this number: listed, none selected; the look is logged."""
    async with database.transaction() as tx:
        call = await calls.get_call(tx.sql, who.territory_id, call_id)
        matches = await _look(desk, who, call, tx, now=clock.now())
        return await _show(desk, who, matches, tx.sql, call_id)


@router.post("/calls/{call_id}/answer")
async def answer(call_id: UUID, who: Secretary, desk: DeskDep, command: CommandDep) -> dict[str, Any]:
    """Pick up."""
    matches: list[Entry] = []

    async def do(tx: Tx, now: datetime) -> UUID:
        await handlers.answer_call(call_id, who, tx, now=now)
        call = await calls.get_call(tx.sql, who.territory_id, call_id)
        matches.extend(await _look(desk, who, call, tx, now=now))
        return call_id

    return await command.run(do, partial(_show, desk, who, matches))


@router.post("/calls/{call_id}/end")
async def end(call_id: UUID, body: EndCallBody, who: Secretary, desk: DeskDep, command: CommandDep) -> dict[str, Any]:
    """Hang up; requests that waited for the secretary are delegated to scheduling."""

    async def do(tx: Tx, now: datetime) -> UUID:
        return await handlers.end_call(call_id, body.outcome, who, tx, now=now)

    return await command.run(do, partial(_show, desk, who, []))


@router.post("/calls/{call_id}/abandoned-done")
async def abandoned_done(call_id: UUID, body: ReachedBody, who: Secretary, desk: DeskDep, command: CommandDep) -> dict[str, Any]:
    """An abandoned call was rung back."""

    async def do(tx: Tx, now: datetime) -> UUID:
        return await handlers.ring_back_done(call_id, body.reached, who, tx, now=now)

    return await command.run(do, partial(_show, desk, who, []))


async def _look(desk: Desk, who: Principal, call: Call, tx: Tx, *, now: datetime) -> list[Entry]:
    phone = _phone(desk, call)
    found = desk.directory.with_phone(who.territory_id, phone) if phone else []
    await reads.log_read(
        tx,
        who.territory_id,
        reader=who.sub,
        roles=who.roles,
        kind="patient",
        subjects=[entry.patient_id for entry in found],
        purpose="call",
        now=now,
    )
    return found


async def _show(desk: Desk, who: Principal, matches: list[Entry], sql: Connection, call_id: UUID) -> dict[str, Any]:
    call = await calls.get_call(sql, who.territory_id, call_id)
    opened = [stored.request.id for stored in await requests.requests_of_call(sql, who.territory_id, call_id)]
    return _representation(desk, call, opened, matches, with_phone="secretary" in who.roles)


def _representation(desk: Desk, call: Call, request_ids: list[UUID], matches: list[Entry], *, with_phone: bool) -> dict[str, Any]:
    """The telephone system and ops follow a call; its number is for who answers it."""
    phone = _phone(desk, call) if with_phone else None
    until = call.answered_at or call.ended_at or clock.now()
    return {
        "call_id": call.id,
        "version": call.version,
        "state": call.state,
        "phone": phone,
        "rang_at": call.rang_at,
        "answered_at": call.answered_at,
        "answered_by": call.answered_by,
        "answered_by_initials": call.answered_by_initials,
        "ended_at": call.ended_at,
        "outcome": call.outcome,
        "waited_seconds": max(0, int((until - call.rang_at).total_seconds())),
        "request_ids": request_ids,
        "redial_due_at": call.redial_due_at,
        "redial_tries": call.redial_tries,
        "matches_count": len(desk.directory.with_phone(call.territory_id, phone)) if phone else 0,
        "matches": [summary(desk, entry) for entry in matches],
    }


def _phone(desk: Desk, call: Call) -> str | None:
    if call.data_key is None or call.sealed_phone is None:
        return None
    return unseal_phone(desk.sealer.open(call.data_key), call.id, call.sealed_phone)
