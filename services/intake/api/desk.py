"""The desk: its protocol, its counters, and everything that waits for somebody."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter

from services.intake.api.common import CareTeam, DeskDep, Secretary
from services.intake.api.models import TaskDoneBody
from services.intake.domain.request import DESK_OUTCOMES
from services.intake.domain.screening import BABY_WORDING, QUESTION_SET, VITAL_QUESTIONS
from services.intake.handlers import calls as call_handlers
from services.intake.handlers import requests as request_handlers
from services.intake.repository import calls, requests
from services.intake.views import task_of
from shared import clock
from shared.db import Connection, Tx
from shared.errors import Malformed
from shared.http import CommandDep, DatabaseDep

router = APIRouter(tags=["desk"])

TaskKind = Literal["callback", "abandoned", "check_15", "unallocated", "advice_overdue", "recontact"]


@router.get("/protocol")
async def get_protocol(who: CareTeam, desk: DeskDep) -> dict[str, Any]:
    """The territory's protocol as data for the page; `signed` false shows across it."""
    rules = desk.protocol(who.territory_id)
    return {
        "name": rules.name,
        "version": rules.version,
        "signed": rules.signed_by is not None,
        "signed_by": rules.signed_by,
        "question_set": QUESTION_SET,
        "vital": [{"id": question, "text": text, "baby_text": BABY_WORDING.get(question)} for question, text in VITAL_QUESTIONS.items()],
        "reasons": [
            {
                "code": reason.code,
                "label": reason.label,
                "usual": reason.usual,
                "modes": list(reason.modes),
                "questions": [{"id": one.id, "text": one.text, "danger": one.danger, "flag": one.flag} for one in reason.questions],
                "safety_net": list(reason.safety_net),
            }
            for reason in rules.reasons.values()
        ],
    }


@router.get("/desk")
async def get_desk(who: Secretary, desk: DeskDep, database: DatabaseDep) -> dict[str, Any]:
    """The counters of the bar."""
    territory, now = desk.territory(who.territory_id), clock.now()
    async with database.reading() as sql:
        counts = await calls.desk_counts(sql, who.territory_id, who.sub, territory.day_bounds(territory.local(now).date()))
        tasks = await _tasks(sql, who.territory_id, now)
    return {**counts, "tasks_count": len(tasks)}


@router.get("/tasks")
async def get_tasks(who: Secretary, database: DatabaseDep) -> dict[str, Any]:
    """What the desk must do, by the hour it is due."""
    async with database.reading() as sql:
        return {"items": await _tasks(sql, who.territory_id, clock.now())}


@router.post("/tasks/{kind}/{subject_id}/done")
async def task_done(kind: TaskKind, subject_id: UUID, body: TaskDoneBody, who: Secretary, command: CommandDep) -> dict[str, Any]:
    """`not_reached` tries again later; another code ends the request with it; without one the talk goes on."""
    reached = body.note_code != "not_reached"
    outcome = body.note_code if reached else None
    if kind in ("callback", "recontact") and outcome is not None and outcome not in DESK_OUTCOMES:
        raise Malformed("unknown code", errors=[{"field": "note_code", "message": "not_reached or an outcome of the desk"}])

    async def do(tx: Tx, now: datetime) -> UUID:
        if kind == "abandoned":
            return await call_handlers.ring_back_done(subject_id, reached, who, tx, now=now)
        if kind == "check_15":
            return await request_handlers.check_15_done(subject_id, who, tx)
        if kind in ("callback", "recontact"):
            return await request_handlers.contact_tried(subject_id, reached, outcome, who, tx, now=now)
        return (await requests.lock_request(tx, who.territory_id, subject_id)).request.id

    async def show(sql: Connection, subject: UUID) -> dict[str, Any]:
        left = await _tasks(sql, who.territory_id, clock.now())
        return {"kind": kind, "subject_id": subject, "tasks_count": len(left), "open": any(one["subject_id"] == subject for one in left)}

    return await command.run(do, show)


async def _tasks(sql: Connection, territory_id: str, now: datetime) -> list[dict[str, Any]]:
    lines = [line for stored in await requests.requests_with_tasks(sql, territory_id, now) for line in task_of(stored.request, now)]
    lines += [
        {
            "kind": "abandoned",
            "subject_id": call.id,
            "request_id": None,
            "call_id": call.id,
            "urgency": None,
            "reference": None,
            "due_at": call.redial_due_at,
            "label": "Appel coupé avant réponse : rappeler",
        }
        for call in await calls.calls_to_ring_back(sql, territory_id)
    ]
    return sorted(lines, key=lambda line: (line["due_at"], str(line["subject_id"])))
