"""/ sends everybody to his page; /accueil is for roles whose page comes later."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from services.console.rendering import render
from services.console.sessions import Visitor, page_for

router = APIRouter()


@router.get("/")
async def root(visitor: Visitor = Depends(page_for())) -> Response:
    return RedirectResponse(visitor.landing, 303)


@router.get("/accueil")
async def home(request: Request, visitor: Visitor = Depends(page_for())) -> Response:
    return render(request, "home.html", visitor=visitor)
