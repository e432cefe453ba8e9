"""/medecin: the GP's day, live; the file before the act; the outcome in two taps. Above it the duty doctor's list (duty.py)."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from services.console.composition import Identities, Outcome, Services, attempt, key_for, services_of_visitor
from services.console.gp_day import Day, Line, day_of, outcomes_for
from services.console.pages.duty import advice_of
from services.console.rendering import render, toast
from services.console.sessions import Visitor, page_for
from services.console.words import reference, word
from shared import clock
from shared.errors import NotFound

router = APIRouter(prefix="/medecin")
gp_page = page_for("gp", "duty_doctor")
_PURPOSE = "care"


@router.get("")
async def day_page(
    request: Request, rdv: str = "", avis: str = "", visitor: Visitor = Depends(gp_page), services: Services = Depends(services_of_visitor)
) -> Response:
    appointments, advice, pool, protocol = await asyncio.gather(
        attempt(_appointments(services, visitor)),
        advice_of(services, visitor),
        attempt(services.scheduling.get("/practitioners")),
        attempt(services.intake.get("/protocol")),
    )
    day = await _with_names(services, appointments, also=advice.ids)
    advice = advice.named(day[1])
    line = day[0].line(rdv) if rdv else None
    case = next((one for one in advice.cases if one.request_id == avis), None)
    if line is None and case is None:
        case = advice.cases[0] if advice.cases else None
        line = day[0].next if case is None else None
    return render(
        request, "gp/day.html", visitor=visitor, day=day[0], error=appointments.error, advice=advice, line=line, case=case,
        outcomes=outcomes_for(line) if line else [], senior=_senior(pool, visitor), protocol=protocol.value,
    )  # fmt: skip


@router.get("/file")
async def day_list(request: Request, visitor: Visitor = Depends(gp_page), services: Services = Depends(services_of_visitor)) -> Response:
    appointments = await attempt(_appointments(services, visitor))
    day, _ = await _with_names(services, appointments)
    return render(request, "gp/_list.html", visitor=visitor, day=day, error=appointments.error, line=None, fragment=True)


@router.get("/dossier/{appointment_id}")
async def detail(
    appointment_id: UUID, request: Request, visitor: Visitor = Depends(gp_page), services: Services = Depends(services_of_visitor)
) -> Response:
    return await _detail(request, visitor, services, await services.scheduling.get(f"/appointments/{appointment_id}"))


@router.get("/issue/{appointment_id}")
async def outcome_sheet(
    appointment_id: UUID, request: Request, visitor: Visitor = Depends(gp_page), services: Services = Depends(services_of_visitor)
) -> Response:
    line = await _line(services, visitor, await services.scheduling.get(f"/appointments/{appointment_id}"))
    return render(request, "gp/_sheet.html", visitor=visitor, line=line, outcomes=outcomes_for(line))


@router.post("/issue/{appointment_id}")
async def close_act(
    appointment_id: UUID,
    request: Request,
    outcome: Annotated[str, Form()],
    triage: Annotated[str, Form()] = "",
    would_be_mt: Annotated[str, Form()] = "",
    acts: Annotated[list[str] | None, Form()] = None,
    visitor: Visitor = Depends(gp_page),
    services: Services = Depends(services_of_visitor),
) -> Response:
    body: dict[str, Any] = {"outcome": outcome}
    if triage:
        body["triage"] = triage
    if would_be_mt:
        body["would_be_mt"] = would_be_mt
    if acts:
        body["acts"] = acts
    shown = await services.scheduling.post(f"/appointments/{appointment_id}/outcome", body, key=key_for(request, "outcome"))
    answer = await _detail(request, visitor, services, shown)
    return toast(answer, f"{word(outcome, 'outcomes')} :", code=reference(shown["request_id"]), refetch="appointments")


async def _detail(request: Request, visitor: Visitor, services: Services, appointment: dict[str, Any]) -> Response:
    line = await _line(services, visitor, appointment)
    return render(request, "gp/_detail.html", visitor=visitor, line=line, outcomes=outcomes_for(line), case=None)


async def _line(services: Services, visitor: Visitor, appointment: dict[str, Any]) -> Line:
    """The appointment with what the day's list knows of it (level, limit, flags), and its name."""
    request_id = str(appointment["request_id"])
    listed, names = await asyncio.gather(
        attempt(_appointments(services, visitor)), services.identities(requests=[request_id], purpose=_PURPOSE)
    )
    known: dict[str, Any] = next((item for item in listed.value or [] if str(item["request_id"]) == request_id), {})
    return Line({**known, **{key: value for key, value in appointment.items() if value is not None}}, names.of_request(request_id))


async def _appointments(services: Services, visitor: Visitor) -> list[dict[str, Any]]:
    """Today's, in the territory's day. Raises NotFound for an account that is no doctor of the pool."""
    if visitor.practitioner_id is None:
        raise NotFound("this account belongs to no doctor of the pool")
    today = visitor.territory.local(clock.now()).date()
    answer = await services.scheduling.get(f"/practitioners/{visitor.practitioner_id}/day", {"on": today.isoformat()})
    items: list[dict[str, Any]] = answer["items"]
    return items


async def _with_names(services: Services, appointments: Outcome, *, also: list[str] | None = None) -> tuple[Day, Identities]:
    items: list[dict[str, Any]] = appointments.value or []
    names = await services.identities(requests=[*(item["request_id"] for item in items), *(also or [])], purpose=_PURPOSE)
    return day_of(items, names), names


def _senior(pool: Outcome, visitor: Visitor) -> str | None:
    """Name of the supervising doctor of an adjoint, for the bar."""
    mine = (one for one in (pool.value or {}).get("items", []) if one["practitioner_id"] == str(visitor.practitioner_id))
    return next((one["supervisor_name"] for one in mine), None)
