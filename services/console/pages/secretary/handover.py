"""The 15, from anywhere, at any time: nothing typed is needed, nothing that is missing delays it, the voice comes first."""

import asyncio
from dataclasses import replace
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.console.composition import attempt
from services.console.pages.secretary import look, words
from services.console.pages.secretary.desk import Desk, at_desk, free_desk, put_case, show
from services.console.pages.secretary.draft import Draft, read
from services.console.pages.secretary.look import RequestLook
from services.console.pages.secretary.steps import hang_up, open_request, save_step0
from services.console.rendering import render
from shared.errors import NotFound, Unavailable

router = APIRouter(prefix="/secretariat")


@router.post("/quinze")
async def fifteen(desk: Desk = Depends(at_desk)) -> Response:
    """`F9`: intake hands over, then the case is put into the regulator's inbox; both idempotent, and an event repairs whichever was missed.

    With intake away the page still gives the words and the number: the voice needs no machine.
    """
    draft = read(await desk.form())
    dialled_at = desk.now
    try:
        request = await _handed_over(desk, draft)
    except Unavailable:
        return await show(desk, replace(draft, request_id=None), None, stage="voice_only", dialled_at=dialled_at)
    await put_case(desk, request)
    return await show(desk, replace(draft, request_id=request.id, step=0), request)


async def _handed_over(desk: Desk, draft: Draft) -> RequestLook:
    if draft.request_id is None:
        opened = await open_request(desk, draft)
        draft = replace(draft, request_id=opened.id)
    if draft.step0 is not None:
        await attempt(save_step0(desk, draft))
    view = await desk.services.intake.post(f"/requests/{draft.request_id}/handover", {"channel": "voice"}, key=desk.key("handover"))
    return look.of_request(view)


@router.post("/quinze/completer")
async def complete(desk: Desk = Depends(at_desk)) -> Response:
    """What is heard while the 15 rings completes the words for the ARM."""
    draft = read(await desk.form())
    if draft.request_id is None or draft.step0 is None:
        return Response(status_code=204)
    before = await desk.look_at(draft.request_id)
    said = {name: value for name, value in draft.step0.items() if value is not None and name != "confirmed_not_now"}
    known = {name: before.step0.get(name) for name in draft.step0}
    request = look.of_request(await save_step0(desk, replace(draft, step0={**known, **said})))
    return render(desk.request, "secretary/_arm.html", look=request, words=words)


@router.get("/quinze")
async def voice(demande: UUID, desk: Desk = Depends(at_desk)) -> Response:
    """The pane of the voice, refetched when the inbox or the request moves."""
    request, case, duty = await asyncio.gather(
        desk.look_at(demande), attempt(desk.services.regulation.get(f"/cases/{demande}")),
        attempt(desk.services.scheduling.get("/rota/duty", {"at": desk.now.isoformat()})),
    )  # fmt: skip
    return render(
        desk.request, "secretary/_voice.html", words=words, look=request, inbox=case.value if case.error is None else None,
        inbox_away=case.error is not None and not isinstance(case.error, NotFound), duty=duty.value if duty.error is None else None,
    )  # fmt: skip


@router.post("/quinze/repondu")
async def answered(desk: Desk = Depends(at_desk)) -> Response:
    """`Entrée`: « L’ARM a répondu ». The safety timer stops; the file number may come later."""
    form = await desk.form()
    draft = read(form)
    if draft.request_id is None:
        return await free_desk(desk)
    body = {"arm_label": str(form.get("arm_label") or "").strip() or None, "file_no": str(form.get("file_no") or "").strip() or None}
    view = await desk.services.intake.post(f"/requests/{draft.request_id}/handover/answer", body, key=desk.key("answered"))
    return await show(desk, draft, look.of_request(view), stage="handover")


@router.post("/quinze/coupe")
async def cut(desk: Desk = Depends(at_desk)) -> Response:
    """The caller is cut before the 15 answered: call back twice, the 15 rings meanwhile, the case stays open."""
    draft = read(await desk.form())
    if draft.request_id is None:
        return await free_desk(desk)
    view = await desk.services.intake.post(f"/requests/{draft.request_id}/handover/cut", {}, key=desk.key("cut"))
    return await show(
        desk, draft, look.of_request(view), stage="handover", note="Coupé : rappelez deux fois. Le 15 sonne pendant ce temps."
    )


@router.post("/quinze/fin")
async def leave(desk: Desk = Depends(at_desk)) -> Response:
    """The ARM talks to the caller: the secretary may leave the line."""
    return await hang_up(desk, read(await desk.form()), said="Passé au 15. Question à +60 min : « Le patient a-t-il été pris en charge ? »")
