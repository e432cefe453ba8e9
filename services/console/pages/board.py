"""/direct: the live board of operations and coordination. Counts, codes and references; never a name."""

import asyncio
from datetime import date, timedelta
from typing import Any

import httpx
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.console.board_view import HOURS, bigs, chart, heat, heat_of_free, level
from services.console.composition import SERVICES, Services, attempt, services_of_visitor
from services.console.platform_health import Health, Watch, ops_url
from services.console.rendering import render
from services.console.sessions import Visitor, page_for
from shared import clock

router = APIRouter(prefix="/direct")
board_page = page_for("ops", "coordinator", "admin", "secretary")
_AGENDA_READERS = frozenset({"secretary", "coordinator"})


@router.get("")
async def page(request: Request, visitor: Visitor = Depends(board_page), services: Services = Depends(services_of_visitor)) -> Response:
    return render(request, "board/board.html", visitor=visitor, **await _board(request, visitor, services))


@router.get("/tableau")
async def panel(request: Request, visitor: Visitor = Depends(board_page), services: Services = Depends(services_of_visitor)) -> Response:
    return render(request, "board/_board.html", visitor=visitor, **await _board(request, visitor, services))


async def _board(request: Request, visitor: Visitor, services: Services) -> dict[str, Any]:
    """All parts at once; each is drawn whatever the others answered."""
    watch: Watch = request.app.state.console.watch
    territory, now = visitor.territory, clock.now()
    today = territory.local(now).date()
    days = [today, today + timedelta(days=1)]
    (board, free, agenda), states, letters = await asyncio.gather(
        asyncio.gather(
            attempt(services.pilotage.get("/board", {"on": today.isoformat()})),
            attempt(services.scheduling.get("/agenda/free")),
            attempt(_agenda(services, visitor, days)),
        ),
        watch.states_of((*SERVICES, "console")),
        _dead_letters(request),
    )
    told = board.value or {}
    return {
        "board": board,
        "bigs": bigs(told.get("figures", {})),
        "chart": chart(told.get("calls_by_quarter", []), territory, now),
        "stuck": told.get("stuck", []),
        "stuck_total": told.get("stuck_total"),
        "invariants": _invariants(told.get("invariants"), letters),
        "agenda": free,
        "heat": heat(agenda.value, days, territory) if agenda.value else heat_of_free(free.value or {}, days, territory),
        "told_apart": bool(agenda.value),
        "hours": HOURS,
        "level": level,
        "free": free.value,
        "states": states,
        "platform": _platform(states),
        "letters": letters,
        "lag": told.get("lag_p99_ms"),
    }


async def _agenda(services: Services, visitor: Visitor, days: list[date]) -> Any:
    """Offered and taken places, for the roles that may read the agenda; nothing for the others."""
    if _AGENDA_READERS.isdisjoint(visitor.roles):
        return None
    return await services.scheduling.get("/agenda", {"from_on": days[0].isoformat(), "to_on": days[1].isoformat()})


async def _dead_letters(request: Request) -> dict[str, int]:
    """Open dead letters by service; a service away is left out."""
    console = request.app.state.console

    async def count(name: str) -> tuple[str, int] | None:
        try:
            answer = await console.watch.http.get(f"{ops_url(console.settings, name)}/internal/dead-letters", params={"limit": 200})
            answer.raise_for_status()
            return name, len(answer.json()["items"])
        except (httpx.HTTPError, ValueError, KeyError):
            return None

    found = await asyncio.gather(*(count(name) for name in SERVICES))
    return dict(one for one in found if one is not None)


def _invariants(counted: list[dict[str, Any]] | None, letters: dict[str, int]) -> list[dict[str, Any]]:
    """Sentences that must read 0, counted by pilotage; dead letters are those of all services. `value` None: nobody could count."""
    known = {one["code"]: one for one in counted or []}
    lines = [known.get(code, {"code": code, "value": None, "read": None}) for code in _MUST_BE_ZERO if code != "dead_letter"]
    where = ", ".join(name for name, count in letters.items() if count)
    asked = f"{len(letters)} services sur {len(SERVICES)} interrogés"
    waiting = sum(letters.values()) if len(letters) == len(SERVICES) else None
    return [*lines, {"code": "dead_letter", "value": waiting, "read": None, "where": where or asked}]


_MUST_BE_ZERO = (
    "request_without_end_or_deadline", "double_booking", "call_open_after_closing", "event_late_30s", "fact_told_twice", "dead_letter",
)  # fmt: skip


def _platform(states: list[Health]) -> list[tuple[str, str, str]]:
    """The servers behind the services, as the services see them."""
    lines = []
    for part, label in (("database", "PostgreSQL"), ("kafka", "Kafka"), ("redis", "Redis")):
        told = [one.parts[part] == "up" for one in states if part in one.parts]
        state = "" if not told else "ok" if all(told) else "bad" if not any(told) else "warn"
        lines.append((label, state, f"{sum(told)} sur {len(told)}" if told else "sans donnée"))
    return lines
