"""The right pane: where the request could be seen, asked with the qualification that intake answered, whatever scheduling has heard."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.console.composition import Services, attempt
from services.console.pages.secretary.draft import Json
from services.console.pages.secretary.look import RequestLook
from services.console.words import instant
from shared import clock
from shared.territory import Territory

SHOWN = 3


@dataclass(frozen=True)
class Offer:
    """All proposals, best first; `none_before` when nothing fits the clinical limit; `away` when the agenda does not answer."""

    request_id: UUID
    items: tuple[Json, ...] = ()
    none_before: str | datetime | None = None
    away: bool = False

    def slot(self, slot_id: UUID) -> Json | None:
        return next((item for item in self.items if str(item["slot_id"]) == str(slot_id)), None)

    @property
    def free(self) -> int:
        return sum(not item["gone"] for item in self.items)

    @property
    def first(self) -> str:
        """The slots of the folded list, for the page to ask for the same ones again."""
        return ",".join(str(item["slot_id"]) for item in self.items[:SHOWN])


async def offer_for(services: Services, request: RequestLook, territory: Territory, *, shown: Sequence[str] = ()) -> Offer:
    """Ask scheduling with the qualified request in hand.

    What is `shown` keeps its place: a slot that a colleague took meanwhile stays, hatched and named, so that no key changes its meaning
    under the hand.
    """
    answer = await attempt(services.scheduling.post(f"/requests/{request.id}/proposals", {"qualified": request.qualified}))
    if answer.error is not None:
        return Offer(request.id, away=True)
    items = tuple({**item, "gone": False} for item in answer.value["items"])
    offer = Offer(request.id, items, none_before=answer.value.get("none_before"))
    return await _in_the_order_shown(services, request, territory, offer, shown) if shown and items else offer


async def _in_the_order_shown(services: Services, request: RequestLook, territory: Territory, offer: Offer, shown: Sequence[str]) -> Offer:
    present = {str(item["slot_id"]): item for item in offer.items}
    lost = {one for one in shown if one not in present}
    present |= await _lost(services, request, territory, lost) if lost else {}
    first = tuple(present[one] for one in shown if one in present)
    rest = tuple(item for item in offer.items if str(item["slot_id"]) not in shown)
    return replace(offer, items=(*first, *rest))


async def _lost(services: Services, request: RequestLook, territory: Territory, lost: set[str]) -> dict[str, Json]:
    """What became of slots that are no longer proposed: who holds them, from the agenda."""
    today = territory.local(clock.now()).date()
    until = territory.local(request.see_by).date() if request.see_by else today
    answer = await attempt(services.scheduling.get("/agenda", {"from_on": today.isoformat(), "to_on": max(today, until).isoformat()}))
    if answer.error is not None:
        return {}
    return {
        str(slot["slot_id"]): {
            **slot, "practitioner_name": doctor["name"], "gone": True, "window_starts_at": None, "window_ends_at": None,
            "starts_at": instant(slot["starts_at"]), "supervisor_name": None, "travel_minutes": None, "why_text": "",
        }
        for doctor in answer.value["practitioners"] for slot in doctor["slots"] if str(slot["slot_id"]) in lost
    }  # fmt: skip
