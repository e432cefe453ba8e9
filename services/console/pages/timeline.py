"""/demandes/{reference or id}: everything that happened to one request, from pilotage; codes and hours, never a name."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from services.console.composition import Services, services_of_visitor
from services.console.rendering import render
from services.console.sessions import Visitor, page_for
from shared.errors import NotFound
from shared.ids import normalise_reference

router = APIRouter(prefix="/demandes")
timeline_page = page_for("secretary", "gp", "duty_doctor", "regulator", "arm", "coordinator", "ops")


@router.get("")
async def find(reference: str = "", visitor: Visitor = Depends(timeline_page)) -> Response:
    """The search field of the page."""
    spoken = normalise_reference(reference)
    if spoken is None:
        raise NotFound("the check letter is wrong")
    return RedirectResponse(f"/demandes/{spoken}", 303)


@router.get("/{which}")
async def story(
    which: str, request: Request, visitor: Visitor = Depends(timeline_page), services: Services = Depends(services_of_visitor)
) -> Response:
    request_id = _as_id(which)
    if request_id is None:
        spoken = normalise_reference(which)
        if spoken is None:
            raise NotFound("the check letter is wrong")
        found = await services.pilotage.get(f"/references/{spoken}")
        if not found["items"]:
            raise NotFound("no request of that reference")
        if len(found["items"]) > 1:
            return render(request, "timeline/several.html", visitor=visitor, spoken=spoken, found=found["items"])
        return RedirectResponse(f"/demandes/{found['items'][0]['request_id']}", 303)
    told = await services.pilotage.get(f"/requests/{request_id}/timeline")
    return render(request, "timeline/timeline.html", visitor=visitor, story=told)


@router.get("/{request_id}/histoire")
async def panel(
    request_id: UUID, request: Request, visitor: Visitor = Depends(timeline_page), services: Services = Depends(services_of_visitor)
) -> Response:
    told = await services.pilotage.get(f"/requests/{request_id}/timeline")
    return render(request, "timeline/_story.html", visitor=visitor, story=told)


def _as_id(which: str) -> UUID | None:
    try:
        return UUID(which)
    except ValueError:
        return None
