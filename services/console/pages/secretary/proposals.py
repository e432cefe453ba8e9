"""The right pane: where the request could be seen, asked with the qualification that intake answered, whatever scheduling has heard."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.console.composition import Services, attempt
from services.console.pages.secretary.draft import Json
from services.console.pages.secretary.look import RequestLook


@dataclass(frozen=True)
class Offer:
    """All proposals, best first; `none_before` when nothing fits the clinical limit; `away` when the agenda does not answer."""

    request_id: UUID
    items: tuple[Json, ...] = ()
    none_before: str | datetime | None = None
    away: bool = False

    def slot(self, slot_id: UUID) -> Json | None:
        return next((item for item in self.items if str(item["slot_id"]) == str(slot_id)), None)


async def offer_for(services: Services, request: RequestLook, *, me: str) -> Offer:
    """Ask scheduling with the qualified request in hand; `me` marks the holds that are mine."""
    answer = await attempt(services.scheduling.post(f"/requests/{request.id}/proposals", {"qualified": request.qualified}))
    if answer.error is not None:
        return Offer(request.id, away=True)
    items = tuple(_item(item, me) for item in answer.value["items"])
    return Offer(request.id, items, none_before=answer.value.get("none_before"))


def _item(item: Json, me: str) -> Json:
    holder = item.get("held_by_initials")
    return {**item, "held_by_other": bool(holder) and holder != me}
