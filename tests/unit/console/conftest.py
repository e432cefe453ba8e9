"""A console of its own database, without the other services: they answer nothing, which is a case too."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
import pytest

from services.console import accounts
from services.console.app import build
from shared.testing.fixtures import Running, RunningService

PASSWORD = "mot-de-passe-de-test"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
async def console(running_service: RunningService) -> AsyncIterator[Running]:
    away = {f"RECOURS_{name}_URL": NOWHERE for name in ("INTAKE", "SCHEDULING", "TELECONSULT", "ORIENTATION", "REGULATION", "PILOTAGE")}
    async with running_service(build, "console", RECOURS_CONSOLE_PUBLIC_URL="http://127.0.0.1:8700", **away) as running:
        await running.service.redis.flushdb()  # failures counted by the test before
        yield running


async def an_account(console: Running, login: str, *roles: str, practitioner: bool = False) -> None:
    await accounts.add_account(
        console.database, login, PASSWORD, f"Compte {login}", list(roles), "bievre", uuid4() if practitioner else None, "CT"
    )


def a_browser(console: Running) -> httpx.AsyncClient:
    """Sends our Origin as a browser does; keeps cookies; does not follow redirections."""
    return httpx.AsyncClient(base_url=console.url, headers={"origin": console.url, "accept": "text/html"}, trust_env=False)


@asynccontextmanager
async def signed_in(console: Running, login: str, *roles: str, practitioner: bool = False) -> AsyncIterator[httpx.AsyncClient]:
    await an_account(console, login, *roles, practitioner=practitioner)
    async with a_browser(console) as browser:
        answer = await browser.post("/connexion", data={"login": login, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        yield browser
