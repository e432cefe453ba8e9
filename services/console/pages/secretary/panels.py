"""The page, and the parts of it that live by themselves: the queue, the figures of the bar, the agenda strip."""

import asyncio
import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from services.console.composition import attempt
from services.console.pages.secretary import strip
from services.console.pages.secretary.desk import Desk, at_desk, reopen, show
from services.console.pages.secretary.draft import Draft, Json
from services.console.rendering import render
from services.console.words import catalogue
from shared.errors import Forbidden, NotFound
from shared.ids import new_id

router = APIRouter()


@router.get("/secretariat")
async def page(demande: UUID | None = None, appel: UUID | None = None, desk: Desk = Depends(at_desk)) -> Response:
    """The whole desk; with ids, the call as it stands."""
    if demande is None:
        return await show(desk, Draft(), template="secretary/desk.html")
    try:
        return await reopen(desk, demande, appel, template="secretary/desk.html")
    except NotFound:
        return await show(desk, Draft(), template="secretary/desk.html", note="Cette demande est introuvable dans votre territoire.")


@router.get("/secretariat/file")
async def queue(desk: Desk = Depends(at_desk)) -> Response:
    """Waiting calls oldest first, then call-backs, then what is due; a part whose service is away says so."""
    ringing, tasks = await asyncio.gather(
        attempt(desk.services.intake.get("/calls", {"state": "ringing", "limit": 50})), attempt(desk.services.intake.get("/tasks"))
    )
    due: list[Json] = tasks.value["items"] if tasks.error is None else []
    calls: list[Json] = ringing.value["items"] if ringing.error is None else []
    phones: dict[str, str | None] = {}
    if any(task["kind"] == "abandoned" for task in due):
        cut = await attempt(desk.services.intake.get("/calls", {"state": "abandoned", "limit": 200}))
        phones = {call["call_id"]: call["phone"] for call in cut.value["items"]} if cut.error is None else {}
    names = await desk.services.identities(requests=_requests_of(due), purpose="desk_queue")
    return render(
        desk.request, "secretary/_queue.html",
        calls=sorted(calls, key=lambda call: str(call["rang_at"])),
        callbacks=[task for task in due if task["kind"] in ("callback", "abandoned")],
        tasks=[task for task in due if task["kind"] not in ("callback", "abandoned")],
        names=names, phones=phones, away=ringing.error is not None,
    )  # fmt: skip


def _requests_of(tasks: Iterable[Json]) -> list[str]:
    return [str(task["request_id"]) for task in tasks if task.get("request_id")]


@router.get("/secretariat/chiffres")
async def figures(desk: Desk = Depends(at_desk)) -> Response:
    """Seen permanently: calls waiting, the oldest, free slots by mode, the duty doctor. No ranking of colleagues."""
    at_the_line, free, duty = await asyncio.gather(
        attempt(desk.services.intake.get("/desk")),
        attempt(desk.services.scheduling.get("/agenda/free")),
        attempt(desk.services.scheduling.get("/rota/duty", {"at": desk.now.isoformat()})),
    )
    return render(
        desk.request, "secretary/_figures.html",
        line=at_the_line.value if at_the_line.error is None else None,
        free=free.value["free_48h"] if free.error is None else None,
        duty=duty.value if duty.error is None and (duty.value or {}).get("display_name") else None,
        agenda_away=duty.error is not None and not isinstance(duty.error, NotFound),
    )  # fmt: skip


@router.get("/secretariat/agenda")
async def agenda(jour: int = Query(0, ge=0, le=1), desk: Desk = Depends(at_desk)) -> Response:
    """Eleven doctors by today's hours (`jour=1`: tomorrow's)."""
    return render(desk.request, "secretary/_strip.html", **await strip_of(desk, jour))


async def strip_of(desk: Desk, day: int) -> dict[str, Any]:
    """Context of the agenda strip."""
    zone = desk.visitor.territory.zone
    now: datetime = desk.now
    today = now.astimezone(zone).date()
    on = today + timedelta(days=day)
    answer = await attempt(desk.services.scheduling.get("/agenda", {"from_on": on.isoformat(), "to_on": on.isoformat()}))
    return {
        "strip_day": day, "strip_on": (today, today + timedelta(days=1)),
        "strip_now": strip.per_cent(now, zone=zone) if day == 0 else None, "strip_hours": strip.hours(),
        "lanes": None if answer.error is not None else strip.lanes(
            answer.value["practitioners"], zone=zone, me=desk.visitor.initials, words=catalogue()["modes"]
        ),
    }  # fmt: skip


@router.post("/secretariat/simuler")
async def simulate(desk: Desk = Depends(at_desk)) -> Response:
    """« Simuler un appel »: a number reserved for fiction rings. Never in production."""
    if desk.request.app.state.console.settings.environment == "production":
        raise Forbidden("demonstration only")
    number = f"+336399{random.randint(80000, 89999)}"
    await desk.services.intake.post(
        "/hooks/telephony", {"call_id": str(new_id()), "event": "ringing", "phone": number}, key=desk.key("ring")
    )
    return Response(status_code=204)
