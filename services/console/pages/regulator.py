"""The regulator's inbox: to acknowledge, the open case, mine, free slots. Delivered and acknowledged are two marks."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.console.composition import Identities, Outcome, Services, attempt, key_for, services_of_visitor
from services.console.rendering import render
from services.console.sessions import Visitor, page_for
from shared import clock
from shared.errors import Forbidden, NotFound

router = APIRouter(prefix="/regulation")

_PURPOSE = "regulation_inbox"
# Key, decision, words of the six answers of a regulator (ui.md 3).
DECISIONS = (
    ("P", "taken_by_15", "Pris"), ("S", "smur_sent", "SMUR"), ("A", "advice", "Conseil"), ("U", "emergency_department", "Urgences"),
    ("B", "booked", "Créneau"), ("X", "returned", "Rendre"),
)  # fmt: skip


@dataclass(frozen=True)
class Inbox:
    """Who reads it and what may be reached."""

    request: Request
    visitor: Visitor
    services: Services

    @property
    def decides(self) -> bool:
        return "regulator" in self.visitor.roles

    @property
    def acknowledges(self) -> bool:
        return not {"arm", "regulator"}.isdisjoint(self.visitor.roles)


async def at_the_15(
    request: Request, visitor: Visitor = Depends(page_for("regulator", "arm", "osnp")), services: Services = Depends(services_of_visitor)
) -> Inbox:
    """Dependency: somebody of the 15."""
    return Inbox(request, visitor, services)


@router.get("")
async def page(dossier: UUID | None = None, inbox: Inbox = Depends(at_the_15)) -> Response:
    return render(inbox.request, "regulator/inbox.html", selected=dossier, decides=inbox.decides, acknowledges=inbox.acknowledges)


@router.get("/a-prendre")
async def to_take(inbox: Inbox = Depends(at_the_15)) -> Response:
    """The most dangerous first, then the oldest."""
    cases = await _cases(inbox, "to_take")
    names = await _names(inbox, cases)
    return render(
        inbox.request, "regulator/_to_take.html", cases=cases.value, names=names, away=cases.error is not None,
        acknowledges=inbox.acknowledges, late_at=clock.now() - timedelta(seconds=60),
    )  # fmt: skip


@router.get("/miens")
async def mine(inbox: Inbox = Depends(at_the_15)) -> Response:
    cases = await _cases(inbox, "mine")
    return render(inbox.request, "regulator/_mine.html", cases=cases.value, names=await _names(inbox, cases), away=cases.error is not None)


async def _cases(inbox: Inbox, state: str) -> Outcome:
    answer = await attempt(inbox.services.regulation.get("/cases", {"inbox": "fifteen", "state": state, "limit": 100}))
    return Outcome(answer.value["items"] if answer.error is None else [], answer.error)


async def _names(inbox: Inbox, cases: Outcome) -> Identities:
    return await inbox.services.identities(requests=[case["request_id"] for case in cases.value], purpose=_PURPOSE)


@router.get("/dossier")
async def open_case(dossier: UUID | None = None, inbox: Inbox = Depends(at_the_15)) -> Response:
    """The case named, else the first to take: with one danger in the inbox nobody has to choose."""
    if dossier is None:
        waiting = await _cases(inbox, "to_take")
        dossier = UUID(str(waiting.value[0]["request_id"])) if waiting.value else None
        if dossier is None:
            return render(
                inbox.request, "regulator/_case.html", case=None, names=Identities(), away=waiting.error is not None, **_acts(inbox)
            )
    answer = await attempt(inbox.services.regulation.get(f"/cases/{dossier}", {"inbox": "fifteen"}))
    return await _show(inbox, dossier, answer)


async def _show(inbox: Inbox, request_id: UUID, answer: Outcome, *, note: str | None = None) -> Response:
    if answer.error is not None and isinstance(answer.error, NotFound):
        raise answer.error
    names = await inbox.services.identities(requests=[request_id], purpose=_PURPOSE)
    return render(
        inbox.request, "regulator/_case.html", case=answer.value, names=names, away=answer.error is not None, note=note,
        headers={"HX-Trigger": "regulator:changed"} if inbox.request.method == "POST" else None, **_acts(inbox),
    )  # fmt: skip


def _acts(inbox: Inbox) -> dict[str, Any]:
    return {"decisions": DECISIONS, "decides": inbox.decides, "acknowledges": inbox.acknowledges}


@router.post("/dossier/{request_id}/prendre")
async def acknowledge(request_id: UUID, inbox: Inbox = Depends(at_the_15)) -> Response:
    """`Entrée`, or `R` for an ARM: a person has it. Shown from the answer of the command."""
    taken = await inbox.services.regulation.post(f"/cases/{request_id}/acknowledge", {}, key=key_for(inbox.request, "acknowledge"))
    return await _show(inbox, request_id, Outcome(taken))


@router.post("/dossier/{request_id}/decision/{decision}")
async def decide(request_id: UUID, decision: str, inbox: Inbox = Depends(at_the_15)) -> Response:
    """One of six. The sender sees it at once; without an outcome at +60 min her own task asks."""
    if not inbox.decides:
        raise Forbidden("a regulator decides")
    if decision not in {code for _, code, _ in DECISIONS}:
        raise NotFound("decision")
    decided = await inbox.services.regulation.post(
        f"/cases/{request_id}/decision", {"decision": decision}, key=key_for(inbox.request, f"decision-{decision}")
    )
    return await _show(inbox, request_id, Outcome(decided))


@router.get("/creneaux")
async def free_slots(inbox: Inbox = Depends(at_the_15)) -> Response:
    """Counts only: what the platform could still offer, by mode and hour, today."""
    now: datetime = clock.now()
    answer, duty = await asyncio.gather(
        attempt(inbox.services.scheduling.get("/agenda/free")),
        attempt(inbox.services.scheduling.get("/rota/duty", {"at": now.isoformat()})),
    )
    territory = inbox.visitor.territory
    today = territory.local(now).date().isoformat()
    cells: dict[tuple[str, int], int] = {}
    if answer.error is None:
        for cell in answer.value["by_mode_hour"]:
            if str(cell["on"]) == today:
                cells[(cell["mode"], int(cell["hour"]))] = int(cell["free"])
    hours = range(8, 20)
    return render(
        inbox.request, "regulator/_slots.html", away=answer.error is not None, cells=cells, hours=list(hours),
        this_hour=territory.local(now).hour,
        free=answer.value["free_48h"] if answer.error is None else {}, duty=duty.value if duty.error is None else None,
    )  # fmt: skip
