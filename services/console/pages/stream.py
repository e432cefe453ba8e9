"""/live: one stream a tab, hints without data."""

from functools import partial

from fastapi import APIRouter, Depends, Request
from starlette.responses import StreamingResponse

from services.console.live import Hub, Listener
from services.console.sessions import Visitor, page_for, still_visiting

router = APIRouter()


@router.get("/live")
async def live(request: Request, visitor: Visitor = Depends(page_for())) -> StreamingResponse:
    hub: Hub = request.app.state.console.hub
    listener = Listener.of(visitor)
    hub.require_room(listener)
    return StreamingResponse(
        hub.stream(listener, partial(still_visiting, request, visitor)),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )
