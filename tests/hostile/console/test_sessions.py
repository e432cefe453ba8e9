"""A session belongs to one sign-in of one account: planted, kept, stolen or outlived tokens open nothing."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from services.console import accounts
from shared.testing.fixtures import Running, eventually
from tests.unit.console.conftest import PASSWORD, a_browser, an_account, signed_in


def token_of(answer: httpx.Response) -> str:
    found = re.search(r"recours=([^;]+)", answer.headers["set-cookie"])
    assert found is not None
    return found[1]


async def opens(console: Running, token: str) -> bool:
    async with a_browser(console) as browser:
        return (await browser.get("/accueil", headers={"cookie": f"recours={token}"})).status_code == 200


async def test_a_cookie_planted_before_sign_in_is_worthless_after_it(console: Running) -> None:
    await an_account(console, "victime", "coordinator")
    async with signed_in(console, "attaquant", "coordinator") as attacker:
        planted = attacker.cookies["recours"]
        for brought in ("planted-token", planted):
            async with a_browser(console) as victim:
                victim.cookies.set("recours", brought)
                answer = await victim.post("/connexion", data={"login": "victime", "password": PASSWORD})
                assert token_of(answer) != brought
                assert not await opens(console, brought), "the token that the browser brought ends with the sign-in"
    async with a_browser(console) as browser:
        first = token_of(await browser.post("/connexion", data={"login": "victime", "password": PASSWORD}))
        second = token_of(await browser.post("/connexion", data={"login": "victime", "password": PASSWORD}))
    assert first != second and not await opens(console, first) and await opens(console, second)


async def test_two_cookies_of_one_name_never_open_more_than_one_would(console: Running) -> None:
    async with signed_in(console, "claire", "coordinator") as browser:
        token = browser.cookies["recours"]
    async with a_browser(console) as browser:
        for cookies in (f"recours=x; recours={token}", f"recours={token}; recours=x", f"recours={token}" + "; a=b" * 2000):
            assert (await browser.get("/accueil", headers={"cookie": cookies})).status_code in (200, 303)
        for cookies in ("recours=", "recours", "=", "recours=\x7f", "recours=%00", 'recours="', "recours=" + "x" * 60_000, "é=é"):
            answer = await browser.get("/accueil", headers=[(b"cookie", cookies.encode()), (b"accept", b"text/html")])
            assert answer.status_code in (303, 400, 431), f"{cookies[:20]!r}: {answer.status_code}"


ENDED = (
    "UPDATE session SET expires_at = clock_timestamp()",
    "UPDATE session SET seen_at = clock_timestamp() - interval '4 hours 1 second'",
)


async def test_a_session_ends_when_its_day_is_over_and_when_nobody_used_it(console: Running) -> None:
    async with signed_in(console, "claire", "coordinator") as browser:
        assert (await browser.get("/accueil")).status_code == 200
        for ended in ENDED:
            token = token_of(await browser.post("/connexion", data={"login": "claire", "password": PASSWORD}))
            assert await opens(console, token)
            async with console.database.transaction() as tx:
                await tx.sql.execute(ended)
            assert not await opens(console, token), ended


async def test_a_session_in_use_does_not_fall_idle(console: Running) -> None:
    async with signed_in(console, "claire", "coordinator") as browser:
        async with console.database.transaction() as tx:
            await tx.sql.execute("UPDATE session SET seen_at = clock_timestamp() - interval '3 hours'")
        await browser.get("/accueil")
        async with console.database.reading() as sql:
            assert await sql.fetchval("SELECT clock_timestamp() - seen_at < interval '1 minute' FROM session")


async def test_a_new_password_or_a_closed_account_ends_every_session_of_it(console: Running) -> None:
    async with signed_in(console, "claire", "coordinator") as browser, signed_in(console, "paul", "coordinator") as other:
        await accounts.add_account(console.database, "claire", "un-autre-mot-de-passe", "Claire", ["coordinator"], "bievre", None, "CL")
        assert (await browser.get("/accueil")).status_code == 303
        assert (await other.get("/accueil")).status_code == 200
        await accounts.disable(console.database, "paul")
        assert (await other.get("/accueil")).status_code == 303


async def set_roles(console: Running, login: str, roles: list[str]) -> None:
    async with console.database.transaction() as tx:
        await tx.sql.execute("UPDATE account SET roles = $2 WHERE login = $1", login, roles)


async def test_a_changed_role_counts_from_the_next_request_on(console: Running) -> None:
    async with signed_in(console, "claire", "ops") as browser:
        assert (await browser.get("/direct")).status_code == 200
        await set_roles(console, "claire", ["osnp"])
        assert (await browser.get("/direct")).status_code == 403


@asynccontextmanager
async def a_stream(browser: httpx.AsyncClient) -> AsyncIterator[AsyncIterator[str]]:
    async with browser.stream("GET", "/live", timeout=30) as stream:
        assert stream.status_code == 200
        lines = stream.aiter_lines()
        assert await anext(lines) == "retry: 2000"
        yield lines


async def test_an_open_stream_ends_with_its_session_and_with_its_rights(console: Running) -> None:
    """The page reconnects and is told to sign in, or hears what its new role may hear."""
    async with (
        signed_in(console, "claire", "ops") as leaving,
        signed_in(console, "paul", "ops") as moved,
        signed_in(console, "zoe", "ops") as kept,
        a_stream(leaving) as first,
        a_stream(moved) as second,
        a_stream(kept) as third,
    ):
        await leaving.post("/deconnexion")
        await set_roles(console, "paul", ["osnp"])
        async with asyncio.timeout(20):
            assert [line async for line in first if line.startswith("event: hint")] == []
            assert [line async for line in second if line.startswith("event: hint")] == []
        assert await anext(third)
    await eventually(lambda: not console.service.app.state.console.hub.open)
