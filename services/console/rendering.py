"""Templates to answers: one Jinja environment (autoescape), the page's context, versioned addresses of static files, toasts."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from services.console import words
from services.console.sessions import Visitor
from shared import clock

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
_PAGES = (
    ("/secretariat", frozenset({"secretary"})),
    ("/medecin", frozenset({"gp", "duty_doctor"})),
    ("/regulation", frozenset({"regulator", "arm"})),
    ("/direct", frozenset({"ops", "coordinator", "admin", "secretary"})),
    ("/accueil", frozenset({"osnp", "coordinator", "admin"})),
)


def static_version() -> str:
    """Changes with any static file: it is part of their address, so that browsers may keep them for a year."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(STATIC).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


class Pages:
    """The templates of one console process."""

    def __init__(self) -> None:
        self.version = static_version()
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
            finalize=_shown,
        )  # fmt: skip
        self._environment.filters |= _FILTERS
        self._environment.globals |= {
            "t": words.text,
            "css": self._css,
            "module": self._module,
            "static": self._static,
            "pages_of": pages_of,
        }

    def html(self, template: str, context: Mapping[str, Any]) -> str:
        return self._environment.get_template(template).render(context)

    def _static(self, path: str) -> str:
        return f"/static/{self.version}/{path}"

    def _css(self, name: str) -> Markup:
        return Markup('<link rel="stylesheet" href="{}">').format(self._static(f"css/{name}.css"))

    def _module(self, name: str) -> Markup:
        return Markup('<script type="module" src="{}"></script>').format(self._static(f"js/{name}.js"))


def render(request: Request, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **context: Any) -> HTMLResponse:
    """The page or fragment, never stored by the browser: it may hold an identity."""
    console = request.app.state.console
    visitor = getattr(request.state, "visitor", None)
    territory = visitor.territory if visitor else next(iter(console.territories.values()))
    file = clock.current()
    everywhere: dict[str, Any] = {
        "request": request,
        "visitor": visitor,
        "territory": territory,
        "now": clock.now(),
        "rate": 0 if file is not None and file.standing_still else 1,
    }
    body = console.pages.html(template, everywhere | context)
    return HTMLResponse(body, status, {"cache-control": "no-store", **(headers or {})})


def toast(response: Response, text: str, *, code: str | None = None, kind: str = "ok", refetch: str = "") -> Response:
    """Have the page say `text` for ten seconds when this answer arrives, and fetch the `refetch` panels again (names apart by spaces)."""
    told: dict[str, Any] = {"recours:toast": {"text": text, "code": code, "kind": kind}}
    if refetch:
        told["recours:refetch"] = {"panels": refetch}
    response.headers["HX-Trigger"] = json.dumps(told)
    return response


def pages_of(visitor: Visitor) -> list[tuple[str, str]]:
    """The pages of the navigation that this person may open."""
    return [(path, words.text(f"pages.{path[1:]}")) for path, roles in _PAGES if not roles.isdisjoint(visitor.roles)]


def _shown(value: Any) -> Any:
    """Whatever a template writes: text of people and services without what would change the text around it."""
    return words.plain_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def is_fragment(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"


@pass_context
def _hm(context: Context, value: datetime | str | None) -> str:
    return words.clock_time(value, context["territory"])


@pass_context
def _hms(context: Context, value: datetime | str | None) -> str:
    return words.clock_seconds(value, context["territory"])


@pass_context
def _day(context: Context, value: datetime | str) -> str:
    return words.day(value, context["territory"])


@pass_context
def _short_day(context: Context, value: datetime | str) -> str:
    return words.short_day(value, context["territory"])


@pass_context
def _dayhm(context: Context, value: datetime | str | None) -> str:
    return words.day_and_time(value, context["territory"])


@pass_context
def _limit(context: Context, value: datetime | str | None) -> str:
    return words.limit(value, context["territory"], context["now"])


@pass_context
def _commune(context: Context, insee: str | None) -> str:
    return words.commune(insee, context["territory"])


@pass_context
def _age(context: Context, who: Mapping[str, Any] | None) -> str:
    """Age of the person that intake described."""
    today = context["territory"].local(context["now"]).date()
    return words.age(who.get("birth_date"), who.get("age"), today) if who else ""


def _iso(value: datetime | str) -> str:
    return words.instant(value).isoformat()


def _mark(section: str) -> Any:
    return lambda code: words.word(code, section)


_FILTERS: dict[str, Any] = {
    "word": words.word,
    "u": _mark("urgency_marks"),
    "m": _mark("mode_marks"),
    "hm": _hm,
    "hms": _hms,
    "day": _day,
    "short_day": _short_day,
    "dayhm": _dayhm,
    "limit": _limit,
    "commune": _commune,
    "iso": _iso,
    "instant": words.instant,
    "duration": words.duration,
    "minutes": words.minutes,
    "decimal": words.decimal,
    "reference": words.reference,
    "age": _age,
    "age_band": _mark("age_bands"),
    "number": words.spoken_number,
    "unbroken": words.unbroken,
}
