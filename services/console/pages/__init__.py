"""The pages, one module each: parse, ask the services, render."""

from fastapi import APIRouter

from services.console.pages import board, duty, gp, guide, home, regulator, secretary, sign_in, stream, timeline

ROUTERS: list[APIRouter] = [
    sign_in.router, home.router, stream.router, guide.router, gp.router, duty.router, board.router, timeline.router,
    secretary.router, regulator.router,
]  # fmt: skip
