"""Builds the console: clients, templates, live hub, pages."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from services.console import topics
from services.console.composition import clients
from services.console.files import VersionedFiles
from services.console.live import Hub
from services.console.pages import ROUTERS
from services.console.platform_health import Watch
from services.console.problem_pages import ProblemPages
from services.console.rendering import STATIC, Pages, is_fragment, render, toast
from services.console.security import BrowserGuard
from services.console.sessions import NotYourPage, SignInNeeded
from services.console.settings import ConsoleSettings
from services.console.throttle import SignInThrottle
from services.console.totp import SecretBox
from services.console.words import word
from shared.errors import RecoursError
from shared.http import ServiceClient
from shared.service import Service
from shared.territory import Territory, load_territories

_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


@dataclass
class Console:
    """What the pages of this process share; in `app.state.console`."""

    settings: ConsoleSettings
    territories: dict[str, Territory]
    clients: dict[str, ServiceClient]
    pages: Pages
    sealer: SecretBox
    throttle: SignInThrottle
    watch: Watch
    hub: Hub = field(default_factory=Hub)


def build() -> Service:
    settings = ConsoleSettings.load()
    service = Service("console", settings, routers=ROUTERS, stop=[_leave], tasks=[_listen], publishes=False, described=False)
    console = Console(
        settings,
        load_territories(settings.territory_dirs),
        clients(settings),
        Pages(),
        SecretBox(settings.token_private_key.get_secret_value()),
        SignInThrottle(service.redis),
        Watch(settings),
    )
    app = service.app
    app.state.console = console
    app.mount("/static", VersionedFiles(STATIC, console.pages.version), name="static")
    app.add_middleware(ProblemPages, page=_failure)
    app.add_middleware(BrowserGuard, public_url=settings.public_url, trust_host=settings.environment != "production")
    app.add_exception_handler(SignInNeeded, _to_sign_in)
    app.add_exception_handler(NotYourPage, _not_your_page)
    app.add_exception_handler(RecoursError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_unreadable)
    app.add_exception_handler(HTTPException, _on_http_error)
    return service


async def _listen(service: Service) -> None:
    console: Console = service.app.state.console
    await topics.listen(console.hub, console.settings)


async def _leave(service: Service) -> None:
    """Open streams never end by themselves."""
    console: Console = service.app.state.console
    console.hub.close()
    await console.watch.close()
    for client in console.clients.values():
        await client.close()


async def _to_sign_in(request: Request, _: Exception) -> Response:
    if is_fragment(request):
        return Response(status_code=401, headers={"HX-Redirect": "/connexion?fin=1"})
    path = request.scope["path"]  # request.url would also read the Host header
    if path == "/" or request.method != "GET":
        return RedirectResponse("/connexion", 303)
    if "text/html" not in request.headers.get("accept", ""):
        return Response(status_code=401)
    return RedirectResponse(f"/connexion?{urlencode({'suite': path})}", 303)


async def _not_your_page(request: Request, _: Exception) -> Response:
    return _failure(request, 403, "forbidden")


async def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RecoursError)
    return _failure(request, error.status, error.code, error.detail)


async def _on_unreadable(request: Request, _: Exception) -> Response:
    return _failure(request, 422, "malformed")


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _failure(request, error.status_code, _CODES.get(error.status_code, "malformed"))


def _failure(request: Request, status: int, code: str, detail: str = "") -> Response:
    """A page in words, or for a part of a page a toast: what was there stays."""
    sentence = word(code, "errors")
    if sentence == code:
        sentence = word("error" if status >= 500 else "refused", "errors")
    if is_fragment(request):
        return toast(Response(status_code=status, headers={"cache-control": "no-store"}), sentence, kind="bad")
    return render(request, "error.html", status=status, sentence=sentence, code=code, detail=detail)
