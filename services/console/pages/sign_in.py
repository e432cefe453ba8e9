"""/connexion and /deconnexion."""

from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from services.console import accounts, sessions
from services.console.rendering import render
from services.console.sessions import Visitor
from shared import clock
from shared.territory import Territory

router = APIRouter()
_SHOWN = ("intake", "scheduling", "regulation", "teleconsult", "orientation")
_SENTENCES = {
    "unknown": "Identifiant ou mot de passe refusé",
    "code_needed": "Ce compte demande le code à 6 chiffres",
    "code_wrong": "Le code à 6 chiffres est faux ou déjà servi : prenez le suivant",
    "throttled": "Trop d’essais : attendez cinq minutes, ou appelez l’exploitation",
}


@router.get("/connexion")
async def form(request: Request, suite: str = "", fin: str = "") -> Response:
    return await _page(request, login="", next_path=_ours(suite), ended=bool(fin))


@router.post("/connexion")
async def sign_in(
    request: Request,
    login: Annotated[str, Form()],
    password: Annotated[str, Form()],
    code: Annotated[str, Form()] = "",
    suite: Annotated[str, Form()] = "",
) -> Response:
    console, database = request.app.state.console, request.app.state.service.database
    address = request.client.host if request.client else ""
    if not await console.throttle.admit(login, address):
        return await _page(request, login=login, next_path=_ours(suite), refusal="throttled", status=429)
    who = await accounts.verify(database, login, password, code=code, sealer=console.sealer)
    if isinstance(who, str):
        if who == "code_needed":
            await console.throttle.give_back(login, address)
        return await _page(request, login=login, next_path=_ours(suite), refusal=who, status=401)
    await console.throttle.succeeded(login, address)
    token = await sessions.open_session(database, who, replacing=request.cookies.get(sessions.cookie_name(request)))
    territory = console.territories.get(who.territory_id)
    landing = Visitor(who, territory).landing if territory else "/connexion"
    answer = RedirectResponse(_ours(suite) or landing, 303)
    sessions.set_cookie(request, answer, token)
    return answer


@router.post("/deconnexion")
async def sign_out(request: Request) -> Response:
    token = request.cookies.get(sessions.cookie_name(request))
    if token:
        await sessions.close_session(request.app.state.service.database, token)
    answer = RedirectResponse("/connexion", 303)
    sessions.clear_cookie(request, answer)
    answer.headers["clear-site-data"] = '"cache"'
    return answer


async def _page(
    request: Request, *, login: str, next_path: str, refusal: str | None = None, ended: bool = False, status: int = 200
) -> Response:
    console = request.app.state.console
    territory: Territory = next(iter(console.territories.values()))
    states = await console.watch.states_at_the_door(_SHOWN)
    return render(
        request, "sign_in.html", status=status, login=login, next_path=next_path, refusal=refusal,
        sentence=_SENTENCES.get(refusal or ""), ended=ended, opening=_opening(territory), states=states,
    )  # fmt: skip


def _opening(territory: Territory) -> dict[str, Any]:
    """Whether the line is open, and the hours of the week, in the words of the door."""
    now = clock.now()
    today = territory.local(now).date()
    hours = territory.opening_on(today)
    state = "closed"
    if hours is not None:
        state = "open" if hours[0] <= now < hours[1] else "later" if now < hours[0] else "closed"
    return {
        "today": hours,
        "state": state,
        "week": _hours_of(territory, 1),
        "saturday": _hours_of(territory, 6),
        "next": _next_opening(territory, today),
    }


def _hours_of(territory: Territory, weekday: int) -> str | None:
    hours = territory.opening.get(weekday)
    return f"{hours[0]:%H:%M}–{hours[1]:%H:%M}" if hours else None


def _next_opening(territory: Territory, today: date) -> Any:
    return next((hours[0] for ahead in range(1, 8) if (hours := territory.opening_on(today + timedelta(days=ahead)))), None)


def _ours(path: str) -> str:
    """A path of this site or nothing: never an address elsewhere."""
    try:
        parts = urlsplit(path)
    except ValueError:
        return ""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme else ""
