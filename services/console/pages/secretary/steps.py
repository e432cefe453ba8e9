"""A call step by step: picked up, screened, reason, who, limits; and the other ways a call may end."""

from dataclasses import replace
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse, Response

from services.console.composition import attempt
from services.console.pages.secretary import look, words
from services.console.pages.secretary.desk import Desk, at_desk, free_desk, put_case, show
from services.console.pages.secretary.draft import Draft, Json, chosen_id, commune_in, of_request, read, step_in
from services.console.pages.secretary.look import RequestLook
from services.console.rendering import render
from shared.errors import NotFound, Refused

router = APIRouter(prefix="/secretariat")
Kind = Literal["callback", "abandoned", "check_15", "unallocated", "advice_overdue", "recontact"]


@router.post("/prendre")
async def take(desk: Desk = Depends(at_desk)) -> Response:
    """F2: the oldest call (or the one of the row), answered, with its request opened."""
    form = await desk.form()
    draft = read(form)
    if draft.request_id is not None and draft.call_id is not None:
        return await _again(desk, draft, note="Terminez d’abord l’appel en cours.")
    call = await _answer(desk, chosen_id(form, "call") if form.get("call") else None)
    if call is None:
        return await show(desk, Draft(), note="Personne n’attend.", note_kind="ok")
    opened = await open_request(desk, replace(draft, call_id=UUID(str(call["call_id"])), request_id=None))
    return await show(desk, Draft(call_id=UUID(str(call["call_id"])), request_id=opened.id), opened, call=call)


async def _answer(desk: Desk, wanted: UUID | None) -> Json | None:
    """Pick up `wanted`, or the oldest that no colleague takes first; None when nobody waits."""
    waiting: list[Json] = (await desk.services.intake.get("/calls", {"state": "ringing", "limit": 50}))["items"]
    queue = [str(wanted)] if wanted else [str(call["call_id"]) for call in sorted(waiting, key=lambda call: str(call["rang_at"]))]
    for call_id in queue:
        try:
            answered: Json = await desk.services.intake.post(f"/calls/{call_id}/answer", {}, key=desk.key(f"answer-{call_id}"))
        except Refused:
            continue
        return answered
    return None


async def open_request(desk: Desk, draft: Draft) -> RequestLook:
    """A request of this call (or of none, for F9 from an empty desk), under the id that the page was given: a retry opens no second one."""
    body = {"request_id": str(draft.next_request_id), "call_id": str(draft.call_id) if draft.call_id else None, "origin": "patient"}
    return look.of_request(await desk.services.intake.post("/requests", body, key=desk.key("open")))


@router.post("/brouillon")
async def save_draft(desk: Desk = Depends(at_desk)) -> Response:
    """Step 0 as typed so far. Intake screens as soon as it can; the page is told what came out."""
    draft = read(await desk.form())
    if draft.request_id is None or draft.step0 is None:
        return Response(status_code=204)
    saved = look.of_request(await save_step0(desk, draft))
    return JSONResponse({"result": saved.result, "saved_at": desk.visitor.territory.local(desk.now).strftime("%H:%M:%S")})


async def save_step0(desk: Desk, draft: Draft) -> Json:
    """PUT is a replacement: repeating it changes nothing, so it needs no key."""
    said = dict(draft.step0 or {})
    said["commune"] = commune_in(said.get("place"), ((one.name, one.insee) for one in desk.visitor.territory.communes))
    view: Json = await desk.services.intake.put(f"/requests/{draft.request_id}/step0", said)
    return view


@router.post("/etape")
async def go_on(desk: Desk = Depends(at_desk)) -> Response:
    """`Entrée`: what the open step needs is sent, then the next one opens; `aller` opens a finished step again."""
    form = await desk.form()
    draft = read(form)
    if draft.request_id is None:
        return await free_desk(desk)
    wanted = step_in(str(form.get("aller") or ""))
    if wanted is not None:
        return await _again(desk, replace(draft, step=wanted))
    match draft.step:
        case 0:
            return await _screen(desk, draft)
        case 1:
            return await _again(desk, replace(draft, step=2 if draft.reason else 1), note=None if draft.reason else "Choisissez un motif.")
        case 2:
            found = draft.patient_id is not None
            return await _again(
                desk, replace(draft, step=3 if found else 2), note=None if found else "Choisissez la personne, ou créez sa fiche."
            )
        case _:
            return await _qualify(desk, draft)


async def _again(desk: Desk, draft: Draft, *, note: str | None = None) -> Response:
    return await show(desk, draft, await desk.look_at(_id(draft)), note=note)


async def _screen(desk: Desk, draft: Draft) -> Response:
    saved = look.of_request(await save_step0(desk, draft) if draft.step0 is not None else (await desk.look_at(_id(draft))).raw)
    if not saved.screened:
        return await show(desk, draft, saved, note="Les trois questions vitales d’abord.")
    await put_case(desk, saved)
    return await show(desk, replace(draft, step=max(saved.step(), 1)), saved)


async def _qualify(desk: Desk, draft: Draft) -> Response:
    """The protocol decides: a level and modes, a doctor's advice, or the 15."""
    if not draft.reason or draft.patient_id is None:
        return await _again(desk, replace(draft, step=1 if not draft.reason else 2), note="Il manque le motif ou la personne.")
    body = {
        "patient_id": str(draft.patient_id), "reason": draft.reason, "answers": dict(draft.answers), "since": draft.since or None,
        "limits": draft.limits(), "assisted": draft.call_id is not None,
    }  # fmt: skip
    view = await desk.services.intake.post(f"/requests/{_id(draft)}/qualify", body, key=desk.key("qualify"))
    qualified = look.of_request(view)
    await put_case(desk, qualified)
    return await show(desk, replace(draft, step=4), qualified)


@router.post("/motif")
async def choose_reason(desk: Desk = Depends(at_desk)) -> Response:
    """A reason picked from the list of twenty: its questions appear."""
    form = await desk.form()
    return await _again(desk, replace(read(form), step=1, reason=str(form.get("motif") or ""), answers={}))


@router.post("/patients/chercher")
async def search(desk: Desk = Depends(at_desk)) -> Response:
    """Birth date first, then name or phone. The list is shown, nobody is chosen."""
    form = await desk.form()
    said = str(form.get("birth_said") or "").strip()
    born = words.birth_date(said, today=desk.visitor.territory.local(desk.now).date())
    name, phone = str(form.get("name_said") or "").strip(), str(form.get("phone_said") or "").strip()
    if born is None and len(name) < 2 and len(phone) < 6:
        return render(desk.request, "secretary/_found.html", found=None, born=born, said=said, name=name, phone=phone, error=None)
    wanted = {"birth_date": born.isoformat() if born else None, "name": name or None, "phone": phone or None}
    answer = await attempt(desk.services.intake.post("/patients/search", {key: value for key, value in wanted.items() if value}))
    found = answer.value["items"] if answer.error is None else []
    return render(desk.request, "secretary/_found.html", found=found, born=born, said=said, name=name, phone=phone, error=answer.error)


@router.post("/patients/choisir")
async def choose_patient(desk: Desk = Depends(at_desk)) -> Response:
    form = await desk.form()
    draft = read(form)
    return await _again(desk, replace(draft, patient_id=chosen_id(form, "patient"), step=3))


@router.post("/patients")
async def create_patient(desk: Desk = Depends(at_desk)) -> Response:
    """The essentials only; an identity said on the phone is to be verified."""
    form = await desk.form()
    draft = read(form)
    born = words.birth_date(str(form.get("birth_said") or ""), today=desk.visitor.territory.local(desk.now).date())
    missing = _missing(form, born is not None)
    if missing:
        return await _again(desk, replace(draft, step=2), note=f"Il manque : {', '.join(missing)}.")
    assert born is not None
    body: Json = {
        "birth_name": str(form["birth_name"]).strip(), "first_name": str(form["first_name"]).strip(), "birth_date": born.isoformat(),
        "sex": str(form.get("new_sex") or "I"), "phone": str(form.get("new_phone") or "").strip() or None,
        "address": str(form.get("new_address") or "").strip() or None, "commune": str(form["new_commune"]),
        "mt": str(form.get("new_mt") or "none"), "ald": False, "flags": [],
    }  # fmt: skip
    patient = await desk.services.intake.post("/patients", body, key=desk.key("patient"))
    return await _again(desk, replace(draft, patient_id=UUID(str(patient["patient_id"])), step=3))


def _missing(form: Any, born: bool) -> list[str]:
    wanted = {"birth_name": "nom de naissance", "first_name": "prénom", "new_commune": "commune"}
    return [label for name, label in wanted.items() if not str(form.get(name) or "").strip()] + ([] if born else ["date de naissance"])


@router.post("/relever")
async def raise_level(desk: Desk = Depends(at_desk)) -> Response:
    """`+`: one level up. Down is a doctor's word only."""
    draft = read(await desk.form())
    before = await desk.look_at(_id(draft))
    wanted = words.next_level(before.urgency or "planned")
    if wanted is None:
        return await show(desk, draft, before, note="Déjà au plus haut : F9.")
    return await _raise(desk, draft, wanted)


async def _raise(desk: Desk, draft: Draft, wanted: str) -> Response:
    if draft.hold_id is not None:
        await attempt(desk.services.scheduling.delete(f"/holds/{draft.hold_id}", key=desk.key("let-go")))
        draft = replace(draft, hold_id=None, slot_id=None)
    raised = look.of_request(await desk.services.intake.post(f"/requests/{_id(draft)}/raise", {"urgency": wanted}, key=desk.key("raise")))
    await put_case(desk, raised)
    return await show(desk, draft, raised)


@router.post("/rappel")
async def promise_callback(desk: Desk = Depends(at_desk)) -> Response:
    """`Alt+Maj+R`: a call-back before an hour that the caller hears; then the line is free."""
    form = await desk.form()
    draft = read(form)
    due = words.promised_at(str(form.get("promised") or ""), now=desk.now, zone=desk.visitor.territory.zone)
    if due is None:
        return await _again(desk, draft, note="Dites une heure à venir, par exemple 14:35.")
    if draft.step0 is not None:
        await save_step0(desk, draft)
    await desk.services.intake.post(f"/requests/{_id(draft)}/callback", {"due_at": due.isoformat()}, key=desk.key("callback"))
    return await hang_up(desk, draft, said=f"Rappel promis avant {desk.visitor.territory.local(due):%H:%M}.")


@router.post("/deleguer")
async def delegate(desk: Desk = Depends(at_desk)) -> Response:
    """« Allouer sans moi »: the agenda chooses, the patient is told afterwards."""
    draft = read(await desk.form())
    await desk.services.intake.post(f"/requests/{_id(draft)}/delegate", {}, key=desk.key("delegate"))
    return await hang_up(desk, draft, said="L’agenda choisit sans vous ; le rendez-vous sera annoncé.")


@router.post("/issue")
async def end_with_outcome(desk: Desk = Depends(at_desk)) -> Response:
    """`F7`: one code of the closed list."""
    form = await desk.form()
    draft = read(form)
    line = words.outcome(str(form.get("outcome") or ""))
    if line is None:
        raise NotFound("outcome")
    if line.way == "advice":
        return await _raise(desk, draft, "advice")
    if line.way == "wait":
        await desk.services.intake.post(f"/requests/{_id(draft)}/wait", {}, key=desk.key("outcome"))
    else:
        await desk.services.intake.post(f"/requests/{_id(draft)}/close", {"outcome": line.code}, key=desk.key("outcome"))
    return await hang_up(desk, draft, said=f"{line.label}.")


@router.post("/question")
async def caller_said(desk: Desk = Depends(at_desk)) -> Response:
    """The two questions of the recap, each stored as soon as it is answered."""
    form = await desk.form()
    draft = read(form)
    if form.get("contact_rule"):
        await desk.services.intake.post(
            f"/requests/{_id(draft)}/contact-rule", {"rule": str(form["contact_rule"])}, key=desk.key("contact")
        )
    if form.get("mt_help"):
        await desk.services.intake.post(f"/requests/{_id(draft)}/mt-help", {"answer": str(form["mt_help"])}, key=desk.key("mt"))
    return Response(status_code=204)


@router.post("/fin")
async def end_call(desk: Desk = Depends(at_desk)) -> Response:
    return await hang_up(desk, read(await desk.form()), said="")


async def hang_up(desk: Desk, draft: Draft, *, said: str) -> Response:
    """The line is free again. What the call leaves open keeps its owner and its hour; intake refuses otherwise, and says so."""
    if draft.call_id is not None:
        try:
            await desk.services.intake.post(f"/calls/{draft.call_id}/end", {}, key=desk.key("end"))
        except Refused as refused:
            if refused.code == "request_without_outcome":
                return await _again(desk, draft, note="Cette demande n’a pas encore d’issue : F7.")
            if refused.code != "call_not_in_progress":
                raise
    return await free_desk(desk, note=said or None)


@router.post("/taches/{kind}/{subject_id}")
async def task_done(kind: Kind, subject_id: UUID, desk: Desk = Depends(at_desk)) -> Response:
    """A line of the queue was dealt with: reached (the talk goes on), not reached, or the check at +60 min."""
    form = await desk.form()
    reached = form.get("reached") != "no"
    note_code = None if reached else "not_reached"
    await desk.services.intake.post(f"/tasks/{kind}/{subject_id}/done", {"note_code": note_code}, key=desk.key("task"))
    if kind == "abandoned" and reached:
        opened = await open_request(desk, read(form))
        return await show(desk, Draft(request_id=opened.id), opened)
    if kind == "abandoned" or not reached or kind == "check_15":
        return await free_desk(desk, note="Noté." if reached else "Pas joint : la ligne reste, nouvel essai plus tard.")
    present = await desk.look_at(subject_id)
    return await show(desk, replace(of_request(present.raw), call_id=None), present)


def _id(draft: Draft) -> UUID:
    if draft.request_id is None:
        raise NotFound("no request on the desk")
    return draft.request_id
