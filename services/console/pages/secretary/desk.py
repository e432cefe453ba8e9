"""The desk as one answer: the current call and what stands beside it, drawn from the answer of the command that was just made."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Depends, Request
from starlette.responses import Response

from services.console.composition import Outcome, Services, attempt, key_for, services_of_visitor
from services.console.pages.secretary import look, words
from services.console.pages.secretary.draft import Draft, Json, of_request
from services.console.pages.secretary.look import RequestLook
from services.console.pages.secretary.proposals import Offer, offer_for
from services.console.rendering import render
from services.console.sessions import Visitor, page_for
from services.console.words import plain_text
from shared import clock
from shared.ids import new_id


@dataclass(frozen=True)
class Desk:
    """Who sits there and what she may reach."""

    request: Request
    visitor: Visitor
    services: Services

    def key(self, step: str) -> str:
        return key_for(self.request, step)

    @property
    def now(self) -> datetime:
        return clock.now()

    async def form(self) -> Mapping[str, str]:
        """What was typed, as text; a file in the place of a field is not read."""
        form = await self.request.form()
        return {name: plain_text(value) for name, value in form.items() if isinstance(value, str)}

    async def look_at(self, request_id: UUID) -> RequestLook:
        return look.of_request(await self.services.intake.get(f"/requests/{request_id}"))


async def at_desk(
    request: Request, visitor: Visitor = Depends(page_for("secretary")), services: Services = Depends(services_of_visitor)
) -> Desk:
    """Dependency: the signed-in secretary."""
    return Desk(request, visitor, services)


@dataclass(frozen=True)
class Held:
    """The slot kept for the caller while the secretary speaks."""

    hold_id: UUID
    slot_id: UUID
    expires_at: datetime
    proposal: Json


async def _reading(desk: Desk, path: str | None) -> Json | None:
    """What intake says at `path`, or None: a part of the desk that is missing never hides the others."""
    if path is None:
        return None
    answer: Outcome = await attempt(desk.services.intake.get(path))
    return answer.value if answer.error is None else None


async def show(
    desk: Desk,
    draft: Draft,
    request: RequestLook | None = None,
    *,
    call: Json | None = None,
    held: Held | None = None,
    note: str | None = None,
    note_kind: str = "warn",
    template: str = "secretary/_answer.html",
    **more: Any,
) -> Response:
    """The two panes of the current call. `request` is the answer of the command; without it the desk is free."""
    call_path = f"/calls/{draft.call_id}" if draft.call_id and call is None else None
    patient_id = draft.patient_id or (request.patient_id if request else None)
    patient_path = f"/patients/{patient_id}" if patient_id else None
    call_read, patient, protocol = await asyncio.gather(
        _reading(desk, call_path), _reading(desk, patient_path), _reading(desk, "/protocol")
    )
    call = call or call_read
    draft = replace(draft, patient_id=patient_id, next_request_id=new_id())
    offer = await _offer(desk, draft, request)
    context: Json = {
        "draft": draft, "look": request, "call": call, "patient": patient, "protocol": protocol, "held": held, "offer": offer,
        "reason": _reason(protocol, draft.reason or (request.reason if request else "")), "note": note, "note_kind": note_kind,
        "stage": request.stage if request else "idle", "outcomes": words.OUTCOMES, "promise": words.usual_promise(now=desk.now),
        "words": words, "demo": desk.request.app.state.console.settings.environment != "production", "unfolded": False,
    }  # fmt: skip
    return render(desk.request, template, **(context | more))


async def _offer(desk: Desk, draft: Draft, request: RequestLook | None) -> Offer | None:
    """Proposals once the request is qualified; a service away is said in the pane."""
    if request is None or request.qualified is None or request.stage not in ("steps", "unallocated") or draft.step < 4:
        return None
    return await offer_for(desk.services, request, desk.visitor.territory, shown=draft.shown)


def _reason(protocol: Json | None, code: str) -> Json | None:
    if not protocol or not code:
        return None
    return next((reason for reason in protocol["reasons"] if reason["code"] == code), None)


async def put_case(desk: Desk, request: RequestLook) -> bool:
    """Into the inbox of the 15 or of the duty doctor; False when nothing was put (the event will bring it)."""
    if request.case is None:
        return False
    answer = await attempt(desk.services.regulation.put(f"/cases/{request.id}", request.case, key=desk.key("case")))
    return answer.error is None


async def free_desk(desk: Desk, *, note: str | None = None, note_kind: str = "ok") -> Response:
    """Nobody on the line."""
    return await show(desk, Draft(), note=note, note_kind=note_kind)


async def reopen(desk: Desk, request_id: UUID, call_id: UUID | None, *, template: str) -> Response:
    """The page of a request after a reload or from a row of the queue."""
    request = await desk.look_at(request_id)
    draft = replace(of_request(request.raw), step=request.step())
    return await show(desk, replace(draft, call_id=call_id or draft.call_id), request, template=template)
