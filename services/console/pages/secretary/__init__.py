"""The secretary's desk: one page, three panes, a call from its ringing to a booked slot or to the 15."""

from fastapi import APIRouter

from services.console.pages.secretary import booking, handover, panels, steps

router = APIRouter()
for part in (panels, steps, booking, handover):
    router.include_router(part.router)
