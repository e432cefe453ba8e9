"""/aide: the one-page guide of a role, written in docs/guide/*.md."""

from functools import cache
from pathlib import Path

from fastapi import APIRouter, Depends, Request
from markdown_it import MarkdownIt
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from services.console.rendering import render
from services.console.sessions import Visitor, page_for
from shared.errors import NotFound

router = APIRouter()
_FOLDER = Path(__file__).parents[3] / "docs" / "guide"
_GUIDES = (
    ("secretary", "secretariat"), ("gp", "medecin"), ("duty_doctor", "medecin"), ("regulator", "regulation"), ("arm", "regulation"),
    ("ops", "exploitation"), ("admin", "exploitation"), ("coordinator", "coordination"), ("osnp", "regulation"),
)  # fmt: skip
_NAMES = frozenset(name for _, name in _GUIDES)


@router.get("/aide")
async def mine(visitor: Visitor = Depends(page_for())) -> Response:
    return RedirectResponse(f"/aide/{next(name for role, name in _GUIDES if role in visitor.roles)}", 303)


@router.get("/aide/{name}")
async def guide(name: str, request: Request, visitor: Visitor = Depends(page_for())) -> Response:
    if name not in _NAMES:
        raise NotFound("no such guide")
    return render(request, "guide.html", visitor=visitor, guide=_html(name))


@cache
def _html(name: str) -> Markup:
    path = _FOLDER / f"{name}.md"
    if not path.is_file():
        raise NotFound("this guide is not written")
    return Markup(MarkdownIt("commonmark", {"html": False}).enable("table").render(path.read_text(encoding="utf-8")))  # noqa: S704 - our own file, HTML off
