"""Who gets in, how he stays in, and what a foreign page cannot do."""

import asyncio
import re
import time

import httpx

from services.console import accounts, totp
from shared.testing.fixtures import Running
from tests.unit.console.conftest import PASSWORD, a_browser, an_account, signed_in


async def test_each_role_lands_on_its_page(console: Running) -> None:
    for role, page in (("secretary", "/secretariat"), ("gp", "/medecin"), ("regulator", "/regulation"), ("coordinator", "/accueil")):
        async with signed_in(console, f"compte-{role}", role) as browser:
            assert (await browser.get("/")).headers["location"] == page


async def test_a_wrong_password_and_an_unknown_login_say_the_same(console: Running) -> None:
    await an_account(console, "claire", "secretary")
    async with a_browser(console) as browser:
        wrong = await browser.post("/connexion", data={"login": "claire", "password": "pas le bon"})
        unknown = await browser.post("/connexion", data={"login": "zoe", "password": "pas le bon"})
    assert wrong.status_code == unknown.status_code == 401
    assert "Identifiant ou mot de passe refusé" in wrong.text
    said = [re.search(r"<main.*</main>", page.text, re.DOTALL) for page in (wrong, unknown)]
    assert said[0] is not None and said[1] is not None
    assert said[0][0].replace("claire", "x") == said[1][0].replace("zoe", "x")
    assert "set-cookie" not in wrong.headers


async def test_a_session_is_never_the_one_the_browser_brought_and_ends_with_sign_out(console: Running) -> None:
    await an_account(console, "claire", "coordinator")
    async with a_browser(console) as browser:
        browser.cookies.set("recours", "token-of-an-attacker")
        answer = await browser.post("/connexion", data={"login": "claire", "password": PASSWORD})
        token = re.search(r"recours=([^;]+)", answer.headers["set-cookie"])
        assert token is not None and token[1] != "token-of-an-attacker"
        assert "HttpOnly" in answer.headers["set-cookie"] and "SameSite=lax" in answer.headers["set-cookie"]
        assert (await browser.get("/accueil")).status_code == 200
        await browser.post("/deconnexion")
        browser.cookies.set("recours", token[1])
        assert (await browser.get("/accueil")).status_code == 303


async def test_a_foreign_page_cannot_change_anything(console: Running) -> None:
    async with signed_in(console, "claire", "coordinator") as browser:
        foreign = await browser.post("/deconnexion", headers={"origin": "https://ailleurs.example"})
        async with httpx.AsyncClient(base_url=console.url, trust_env=False) as bare:
            without = await bare.post("/deconnexion")
        assert foreign.status_code == without.status_code == 403
        assert (await browser.get("/accueil")).status_code == 200


async def test_five_failures_close_the_door_for_that_login_even_with_the_right_password(console: Running) -> None:
    await an_account(console, "claire", "secretary")
    await an_account(console, "paul", "secretary")
    async with a_browser(console) as browser:
        for _ in range(5):
            await browser.post("/connexion", data={"login": "claire", "password": "pas le bon"})
        shut = await browser.post("/connexion", data={"login": "claire", "password": PASSWORD})
        other = await browser.post("/connexion", data={"login": "paul", "password": PASSWORD})
    assert shut.status_code == 429 and "Trop d’essais" in shut.text
    assert other.status_code == 303


async def test_a_second_factor_code_is_asked_and_accepted_once(console: Running) -> None:
    await an_account(console, "claire", "secretary")
    sealer = console.service.app.state.console.sealer
    await accounts.require_second_factor(console.database, "claire", sealer)
    async with console.database.reading() as sql:
        secret = sealer.open(await sql.fetchval("SELECT totp_secret FROM account WHERE login = 'claire'"))
    code = totp.code_at(secret, int(time.time() // 30))
    without = await accounts.verify(console.database, "claire", PASSWORD, sealer=sealer)
    pasted = f"{code[:3]} {code[3:]}"
    both = await asyncio.gather(*(accounts.verify(console.database, "claire", PASSWORD, code=pasted, sealer=sealer) for _ in range(4)))
    assert without == "code_needed"
    assert sum(isinstance(one, accounts.Account) for one in both) == 1
    assert both.count("code_wrong") == 3


def test_codes_are_those_of_rfc_6238() -> None:
    assert totp.code_at(b"12345678901234567890", 59 // 30) == "287082"
    assert totp.code_at(b"12345678901234567890", 1111111109 // 30) == "081804"
    assert totp.matching_step(b"12345678901234567890", "287 082", at=59 + 30) == 59 // 30
    assert totp.matching_step(b"12345678901234567890", "287082", at=59 + 90) is None


async def test_a_disabled_account_is_out_at_once(console: Running) -> None:
    async with signed_in(console, "claire", "coordinator") as browser:
        await accounts.disable(console.database, "claire")
        assert (await browser.get("/accueil")).status_code == 303
        assert await accounts.verify(console.database, "claire", PASSWORD) == "unknown"


async def test_the_way_back_after_sign_in_stays_on_our_site(console: Running) -> None:
    await an_account(console, "claire", "coordinator")
    async with a_browser(console) as browser:
        for there in ("/aide", "//ailleurs.example/x", "https://ailleurs.example", "/\\ailleurs.example"):
            answer = await browser.post("/connexion", data={"login": "claire", "password": PASSWORD, "suite": there})
            assert answer.headers["location"] == ("/aide" if there == "/aide" else "/accueil")


async def test_pages_forbid_foreign_scripts_and_are_never_stored_while_static_files_are(console: Running) -> None:
    async with signed_in(console, "claire", "coordinator") as browser:
        page = await browser.get("/accueil")
        assert page.headers["cache-control"] == "no-store"
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'")
        assert "'unsafe-inline'" not in policy and "frame-ancestors 'none'" in policy
        assert not re.search(r"\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|<style", page.text)
        style = re.search(r'href="(/static/[^"]+tokens\.css)"', page.text)
        assert style is not None
        assert "immutable" in (await browser.get(style[1])).headers["cache-control"]


async def test_a_page_of_another_role_is_refused_in_french(console: Running) -> None:
    async with signed_in(console, "claire", "coordinator") as browser:
        refused = await browser.get("/medecin")
    assert refused.status_code == 403
    assert "Votre rôle ne permet pas cela" in refused.text
