"""/live: one stream a tab, hints without data."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import StreamingResponse

from services.console.live import Listener
from services.console.sessions import Visitor, page_for

router = APIRouter()


@router.get("/live")
async def live(request: Request, visitor: Visitor = Depends(page_for())) -> StreamingResponse:
    hub = request.app.state.console.hub
    return StreamingResponse(
        hub.stream(Listener.of(visitor)), media_type="text/event-stream", headers={"cache-control": "no-store", "x-accel-buffering": "no"}
    )
