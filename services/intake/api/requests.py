"""Requests: from the first ring to their end."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from services.intake.api import models
from services.intake.api.common import DeskDep, Doctor, Reader, Secretary, start_of
from services.intake.desk import Desk
from services.intake.domain import steps
from services.intake.domain.request import State
from services.intake.handlers import requests as handlers
from services.intake.repository import reads, requests
from services.intake.sealed import Words
from services.intake.views import request_representation, request_view
from shared import clock
from shared.auth import Principal
from shared.db import Tx
from shared.errors import Stale
from shared.http import After, Command, CommandDep, Cursor, DatabaseDep, Limit, MinVersionDep, await_version

router = APIRouter(prefix="/requests", tags=["requests"])

Do = Callable[[Tx, datetime], Awaitable[UUID]]


@router.post("", status_code=201)
async def open_request(body: models.OpenRequestBody, who: Secretary, desk: DeskDep, command: CommandDep) -> dict[str, Any]:
    """A person needs care."""
    opened = handlers.OpenRequest(body.request_id, body.call_id, body.origin)
    return await _run(command, desk, who, lambda tx, now: handlers.open_request(opened, who, desk, tx, now=now))


@router.get("")
async def list_requests(
    who: Reader,
    desk: DeskDep,
    database: DatabaseDep,
    open: Annotated[bool, Query()] = False,
    state: Annotated[State | None, Query()] = None,
    limit: Limit = 50,
    after: After = None,
) -> dict[str, Any]:
    """The worklist (open, by the hour they are due) or all by arrival; codes only, names come from /identities."""
    async with database.reading() as sql:
        list_them = requests.list_open if open else requests.list_arrivals
        found = await list_them(sql, who.territory_id, state=state, after=start_of(after), limit=limit)
    last = found[-1].request if len(found) == limit else None
    at = None if last is None else (last.due_at if open else last.received_at)
    return {
        "items": [request_representation(desk, stored, texts=False) for stored in found],
        "next": Cursor.encode(at, last.id) if last is not None and at is not None else None,
    }


@router.get("/{request_id}")
async def get_request(request_id: UUID, who: Reader, desk: DeskDep, database: DatabaseDep, wanted: MinVersionDep = None) -> dict[str, Any]:
    """One request; what was said freely only for a secretary, with a trace."""

    async def version() -> int:
        async with database.reading() as sql:
            return (await requests.get_request(sql, who.territory_id, request_id)).request.version

    stale = await await_version(version, wanted.version if wanted is not None and wanted.subject_id == request_id else None)
    texts = "secretary" in who.roles
    async with database.transaction() as tx:
        shown = await request_view(desk, tx.sql, who.territory_id, request_id, texts=texts)
        if texts:
            await _log(tx, who, request_id, clock.now())
    return {**shown, "stale": stale}


@router.put("/{request_id}/step0")
async def step0(request_id: UUID, body: models.Step0Body, who: Secretary, desk: DeskDep, command: CommandDep) -> dict[str, Any]:
    """Draft or decision of step 0."""
    said = handlers.Step0(
        request_id,
        body.vital(),
        body.confirmed_not_now,
        body.caller_role,
        body.with_patient_now,
        body.age_value,
        body.age_unit,
        body.sex,
        body.commune,
        body.said(),
    )
    return await _run(command, desk, who, lambda tx, now: handlers.answer_step0(said, who, desk, tx, now=now), request_id)


@router.post("/{request_id}/handover")
async def hand_over(request_id: UUID, body: models.HandOverBody, who: Secretary, desk: DeskDep, command: CommandDep) -> dict[str, Any]:
    """The 15 rings."""
    return await _run(
        command,
        desk,
        who,
        lambda tx, now: handlers.hand_over_request(request_id, body.channel, body.dialled_at, body.caller_on_line, who, tx, now=now),
        request_id,
    )


@router.post("/{request_id}/handover/answer")
async def hand_over_answered(
    request_id: UUID, body: models.HandOverAnsweredBody, who: Secretary, desk: DeskDep, command: CommandDep
) -> dict[str, Any]:
    """« L'ARM a répondu »."""
    return await _run(
        command,
        desk,
        who,
        lambda tx, now: handlers.answer_hand_over(request_id, body.arm_label, body.file_no, who, desk, tx, now=now),
        request_id,
    )


@router.post("/{request_id}/handover/cut")
async def hand_over_cut(request_id: UUID, who: Secretary, desk: DeskDep, command: CommandDep) -> dict[str, Any]:
    """The line fell before the 15 answered."""
    return await _step(command, desk, who, request_id, steps.cut_hand_over)


@router.post("/{request_id}/qualify")
async def qualify(request_id: UUID, body: models.QualifyBody, who: Secretary, desk: DeskDep, command: CommandDep) -> dict[str, Any]:
    """Reason, answers, person, limits."""
    said = handlers.Qualify(
        request_id,
        body.patient_id,
        body.reason,
        dict(body.answers),
        body.limits.limits(),
        body.raised_to,
        body.assisted,
        Words(since=body.since, who_opens=body.limits.who_opens),
    )
    return await _run(command, desk, who, lambda tx, now: handlers.qualify_request(said, who, desk, tx, now=now), request_id)


@router.post("/{request_id}/raise")
async def raise_level(request_id: UUID, body: models.RaiseBody, who: Secretary, desk: DeskDep, command: CommandDep) -> dict[str, Any]:
    """One key up, never down."""
    return await _run(
        command, desk, who, lambda tx, now: handlers.raise_request(request_id, body.urgency, who, desk, tx, now=now), request_id
    )


@router.post("/{request_id}/decision")
async def decide(request_id: UUID, body: models.DecisionBody, who: Doctor, desk: DeskDep, command: CommandDep) -> dict[str, Any]:
    """A doctor's traced decision: the only way down."""
    word = handlers.Decide(
        request_id,
        body.decision,
        body.words,
        body.decided_by_label or who.initials or None,
        body.urgency,
        tuple(body.modes or ()),
        body.practitioner_id,
    )
    return await _run(command, desk, who, lambda tx, now: handlers.decide_request(word, who, desk, tx, now=now), request_id)


@router.post("/{request_id}/delegate")
async def delegate(request_id: UUID, who: Secretary, desk: DeskDep, command: CommandDep) -> dict[str, Any]:
    """« Allouer sans moi »."""
    return await _step(command, desk, who, request_id, steps.delegate)


@router.post("/{request_id}/callback")
async def promise_callback(request_id: UUID, body: models.DueBody, who: Secretary, desk: DeskDep, command: CommandDep) -> dict[str, Any]:
    """« Un médecin / le secrétariat vous rappelle avant hh:mm »."""
    return await _step(command, desk, who, request_id, lambda request, now: steps.promise_callback(request, body.due_at, now=now))


@router.post("/{request_id}/wait")
async def wait(request_id: UUID, who: Secretary, desk: DeskDep, command: CommandDep) -> dict[str, Any]:
    """The caller accepts to wait for a slot."""
    return await _step(command, desk, who, request_id, steps.accept_wait)


@router.post("/{request_id}/cancel")
async def cancel(request_id: UUID, body: models.CauseBody, who: Secretary, desk: DeskDep, command: CommandDep) -> dict[str, Any]:
    """The need is gone."""
    return await _step(command, desk, who, request_id, lambda request, now: steps.cancel(request, body.cause, now=now))


@router.post("/{request_id}/close")
async def close(request_id: UUID, body: models.OutcomeBody, who: Secretary, desk: DeskDep, command: CommandDep) -> dict[str, Any]:
    """With a code of the closed list."""
    return await _run(command, desk, who, lambda tx, now: handlers.close_request(request_id, body.outcome, who, tx, now=now), request_id)


@router.post("/{request_id}/mt-help")
async def mt_help(request_id: UUID, body: models.MtHelpBody, who: Secretary, desk: DeskDep, command: CommandDep) -> dict[str, Any]:
    """The consent to look for an MT."""
    return await _run(
        command, desk, who, lambda tx, now: handlers.answer_mt_help(request_id, body.answer, who, desk, tx, now=now), request_id
    )


@router.post("/{request_id}/contact-rule")
async def contact_rule(
    request_id: UUID, body: models.ContactRuleBody, who: Secretary, desk: DeskDep, command: CommandDep
) -> dict[str, Any]:
    """How the person may be reached."""
    return await _run(command, desk, who, lambda tx, now: handlers.set_contact_rule(request_id, body.rule, who, tx), request_id)


@router.post("/{request_id}/recap-done")
async def recap_done(request_id: UUID, who: Secretary, desk: DeskDep, command: CommandDep) -> dict[str, Any]:
    """Read and said back."""
    return await _run(command, desk, who, lambda tx, now: handlers.recap_done(request_id, who, tx, now=now), request_id)


async def _step(command: Command, desk: Desk, who: Principal, request_id: UUID, decide: Any) -> dict[str, Any]:
    """A step that needs nothing but the request and the hour."""
    return await _run(
        command, desk, who, lambda tx, now: handlers.change_request(request_id, who, tx, partial(decide, now=now)), request_id
    )


async def _run(command: Command, desk: Desk, who: Principal, do: Do, request_id: UUID | None = None) -> dict[str, Any]:
    """Check If-Match under the lock, do it, log that the texts are shown to who may see them, show."""
    texts = "secretary" in who.roles

    async def checked(tx: Tx, now: datetime) -> UUID:
        if command.if_match is not None and request_id is not None:
            present = (await requests.lock_request(tx, who.territory_id, request_id)).request.version
            if present != command.if_match:
                raise Stale("the request changed meanwhile", version=present)
        subject = await do(tx, now)
        if texts:
            await _log(tx, who, subject, now)
        return subject

    return await command.run(checked, lambda sql, subject: request_view(desk, sql, who.territory_id, subject, texts=texts))


async def _log(tx: Tx, who: Principal, request_id: UUID, now: datetime) -> None:
    await reads.log_read(
        tx, who.territory_id, reader=who.sub, roles=who.roles, kind="request", subjects=[request_id], purpose="request", now=now
    )
