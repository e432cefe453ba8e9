"""From a proposal to a booked slot: hold, let go, book; and the slot that a colleague took meanwhile."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.console.composition import attempt
from services.console.pages.secretary import words
from services.console.pages.secretary.desk import Desk, Held, at_desk, show
from services.console.pages.secretary.draft import Draft, Json, chosen_id, read, slots_shown
from services.console.pages.secretary.look import RequestLook
from services.console.pages.secretary.proposals import Offer, offer_for
from services.console.pages.secretary.words import near_day
from services.console.rendering import render
from services.console.words import instant
from shared.errors import NotFound, Refused

router = APIRouter(prefix="/secretariat")


@router.get("/propositions")
async def proposals(demande: UUID, tenu: UUID | None = None, tous: bool = False, vus: str = "", desk: Desk = Depends(at_desk)) -> Response:
    """The list alone, refetched when the agenda changes; `tenu` is my slot, `tous` unfolds the others, `vus` are those on the page."""
    request = await desk.look_at(demande)
    offer = Offer(demande)
    if request.qualified is not None:
        offer = await offer_for(desk.services, request, desk.visitor.territory, shown=slots_shown(vus))
    return render(desk.request, "secretary/_proposals.html", look=request, offer=offer, my_slot=tenu, unfolded=tous, words=words)


@router.post("/tenir")
async def hold(desk: Desk = Depends(at_desk)) -> Response:
    """`1`-`3`: the slot is kept three minutes for the person on the line; the one held before is let go."""
    form = await desk.form()
    draft = read(form)
    request = await _request(desk, draft)
    wanted = chosen_id(form, "creneau")
    offer = await offer_for(desk.services, request, desk.visitor.territory)
    if draft.hold_id is not None and draft.slot_id != wanted:
        await attempt(desk.services.scheduling.delete(f"/holds/{draft.hold_id}", key=desk.key("let-go")))
        draft = replace(draft, hold_id=None, slot_id=None)
    try:
        kept: Json = await desk.services.scheduling.post(
            "/holds", {"request_id": str(request.id), "slot_id": str(wanted)}, key=desk.key("hold")
        )
    except Refused as refused:
        return await show(desk, replace(draft, step=4), request, note=_taken(desk, refused, _others(offer, wanted)))
    held = Held(UUID(str(kept["hold_id"])), wanted, instant(kept["expires_at"]), offer.slot(wanted) or kept)
    return await show(desk, replace(draft, step=4, slot_id=wanted, hold_id=held.hold_id), request, held=held)


@router.post("/liberer")
async def let_go(desk: Desk = Depends(at_desk)) -> Response:
    """`Échap`: the slot is anybody's again."""
    draft = read(await desk.form())
    request = await _request(desk, draft)
    if draft.hold_id is not None:
        await attempt(desk.services.scheduling.delete(f"/holds/{draft.hold_id}", key=desk.key("let-go")))
    return await show(desk, replace(draft, step=4, slot_id=None, hold_id=None), request)


@router.post("/reserver")
async def book(desk: Desk = Depends(at_desk)) -> Response:
    """`Ctrl+Entrée`: booked, and shown from scheduling's own answer; nobody else is asked to confirm it."""
    form = await desk.form()
    draft = read(form)
    request = await _request(desk, draft)
    if draft.slot_id is None:
        return await show(desk, replace(draft, step=4), request, note="Tenez d’abord un créneau : 1, 2 ou 3.")
    body = {
        "request_id": str(request.id), "qualified": request.qualified, "slot_id": str(draft.slot_id),
        "hold_id": str(draft.hold_id) if draft.hold_id else None,
    }  # fmt: skip
    try:
        booked: Json = await desk.services.scheduling.post("/appointments", body, key=desk.key("book"))
    except Refused as refused:
        if refused.code == "already_booked" and refused.extra.get("appointment"):
            booked = dict(refused.extra["appointment"])
        else:
            note = _taken(desk, refused, ())
            return await show(desk, replace(draft, step=4, slot_id=None, hold_id=None), request, note=note)
    if form.get("repeated"):
        await attempt(desk.services.intake.post(f"/requests/{request.id}/recap-done", {}, key=desk.key("recap")))
    return await show(desk, replace(draft, step=5), request, stage="booked", booked=booked)


async def _request(desk: Desk, draft: Draft) -> RequestLook:
    if draft.request_id is None:
        raise NotFound("no request on the desk")
    request = await desk.look_at(draft.request_id)
    if request.qualified is None:
        raise NotFound("the request is not qualified")
    return request


def _others(offer: Offer, wanted: UUID) -> tuple[Json, ...]:
    return tuple(item for item in offer.items if str(item["slot_id"]) != str(wanted) and not item["gone"])


def _taken(desk: Desk, refused: Refused, others: Sequence[Json]) -> str:
    """« Pris par YB. Suivant : … », in the words of the desk; the refusal of a booking brings the next proposals itself."""
    if refused.code == "too_late":
        return "Ce créneau est après la limite clinique. Ne proposez pas demain : médecin de garde."
    if refused.code != "slot_taken":
        return "Ce créneau ne convient plus à cette demande."
    by = refused.extra.get("taken_by_initials")
    ago = _ago(desk, refused.extra.get("taken_at"))
    following = refused.extra.get("proposals") or others
    then = f" Suivant : {_short(desk, following[0])}." if following else " Plus d’autre place avant la limite."
    return f"Pris {ago}par {by or 'un collègue'}.{then}"


def _ago(desk: Desk, taken_at: str | datetime | None) -> str:
    if not taken_at:
        return "à l’instant "
    seconds = max(0, int((desk.now - instant(taken_at)).total_seconds()))
    return f"il y a {seconds} s " if seconds < 120 else ""


def _short(desk: Desk, item: Json) -> str:
    territory = desk.visitor.territory
    starts = instant(item["starts_at"])
    return f"{near_day(starts, now=desk.now, zone=territory.zone)} {territory.local(starts):%H:%M}, {item['practitioner_name']}"
