"""A page of another site, another origin of ours or a forged Host: refused before anything is looked at."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from services.console.app import build
from shared.testing.fixtures import Running, RunningService
from tests.hostile.console.routes import UNSAFE, address, routes_of
from tests.unit.console.conftest import NOWHERE, PASSWORD, an_account, signed_in

_EVERY_ROLE = ("secretary", "gp", "duty_doctor", "regulator", "arm", "osnp", "coordinator", "ops", "admin")


def hostile_origins(ours: str) -> list[dict[str, str]]:
    """What a browser sends for a page that is not ours, and what a forger would try to look like it."""
    parts = urlsplit(ours)
    origins = [
        "https://ailleurs.example", "null", "", "file://", ours.replace("http:", "ftp:"), f"{ours}.ailleurs.example", f"{ours}/",
        f"http://{parts.netloc}@ailleurs.example", f"http://ailleurs.example#{parts.netloc}", f"http://{parts.hostname}",
        f"http://{parts.hostname}:1", ours.upper(), f"{ours}, https://ailleurs.example", "http://[", "http://\u00e9",
        f"http://ailleurs@{parts.netloc}",
    ]  # fmt: skip
    sent: list[dict[str, str]] = [{"origin": origin} for origin in origins]
    sent += [{}, {"referer": f"{ours}/secretariat"}, {"referer": "https://ailleurs.example/"}]
    sent += [{"sec-fetch-site": site} for site in ("cross-site", "same-site", "none", "")]
    return [*sent, {"origin": "https://ailleurs.example", "sec-fetch-site": "same-origin"}]


async def test_every_unsafe_route_refuses_every_foreign_origin_and_nothing_happens(console: Running) -> None:
    unsafe = [(method, path) for method, path in routes_of(console.service.app) if method in UNSAFE]
    assert len(unsafe) > 25
    async with signed_in(console, "claire", *_EVERY_ROLE, practitioner=True) as browser:
        del browser.headers["origin"]
        for method, path in unsafe:
            for headers in hostile_origins(console.url):
                answer = await browser.request(
                    method, address(path), headers=_encoded(headers), data={"login": "claire", "password": PASSWORD}
                )
                assert answer.status_code == 403, f"{method} {path} {headers}: {answer.status_code}"
                assert "set-cookie" not in answer.headers
                assert answer.headers["content-type"] == "text/plain; charset=utf-8" and "nos pages" in answer.text
        assert (await browser.get("/accueil")).status_code == 200, "the session still stands: /deconnexion did nothing"


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def test_two_origins_are_not_one_of_ours(console: Running) -> None:
    async with signed_in(console, "claire", "coordinator") as browser:
        del browser.headers["origin"]
        for pair in ((console.url, "https://ailleurs.example"), ("https://ailleurs.example", console.url)):
            answer = await browser.post("/deconnexion", headers=[("origin", origin) for origin in pair])
            assert answer.status_code == 403


async def test_methods_cannot_be_overridden(console: Running) -> None:
    async with signed_in(console, "claire", "coordinator") as browser:
        for headers in ({"x-http-method-override": "POST"}, {"x-method-override": "POST"}, {"x-http-method": "POST"}):
            assert (await browser.get("/deconnexion", headers=headers)).status_code == 405
        assert (await browser.get("/deconnexion?_method=POST")).status_code == 405
        for method in ("PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "PROPFIND"):
            answer = await browser.request(method, "/deconnexion")
            assert answer.status_code == 405, method
            assert "Une erreur" not in answer.text or "<html" in answer.text
        assert (await browser.get("/accueil")).status_code == 200


async def test_a_foreign_page_can_neither_read_nor_hold_a_live_stream(console: Running) -> None:
    async with signed_in(console, "claire", "coordinator") as browser:
        del browser.headers["origin"]
        for headers in (
            {"origin": "https://ailleurs.example"},
            {"origin": "null"},
            {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"},
            {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"},
        ):
            for path in ("/live", "/direct/tableau"):
                answer = await browser.get(path, headers={"accept": "text/event-stream", **headers})
                assert answer.status_code == 403, headers
                assert "access-control-allow-origin" not in answer.headers
        followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
        assert (await browser.get("/accueil", headers=followed)).status_code == 200, "a link in a mail still opens the page"


async def test_a_live_stream_needs_a_session(console: Running) -> None:
    async with httpx.AsyncClient(base_url=console.url, trust_env=False) as bare:
        refused = await bare.get("/live", headers={"accept": "text/event-stream"})
        forged = await bare.get("/live", headers={"accept": "text/event-stream", "cookie": "recours=forged"})
    assert refused.status_code == forged.status_code == 401
    assert not refused.content


@pytest.fixture
async def in_production(running_service: RunningService) -> AsyncIterator[Running]:
    """Behind the proxy of docker-compose.yml: https outside, one public name, no other services here."""
    away = {f"RECOURS_{name}_URL": NOWHERE for name in ("INTAKE", "SCHEDULING", "TELECONSULT", "ORIENTATION", "REGULATION", "PILOTAGE")}
    async with running_service(
        build, "console", RECOURS_CONSOLE_PUBLIC_URL="https://recours.example", RECOURS_ENVIRONMENT="production", **away
    ) as running:
        await running.service.redis.flushdb()
        yield running


async def test_in_production_only_the_public_origin_counts_whatever_the_host_header_says(in_production: Running) -> None:
    await an_account(in_production, "claire", "coordinator")
    said = {"login": "claire", "password": PASSWORD}
    async with httpx.AsyncClient(base_url=in_production.url, trust_env=False) as browser:
        for origin, host in (
            (in_production.url, None), ("https://ailleurs.example", "ailleurs.example"), ("http://recours.example", "recours.example"),
            ("https://recours.example:444", "recours.example:444"),
        ):  # fmt: skip
            headers = {"origin": origin} | ({"host": host} if host else {})
            assert (await browser.post("/connexion", data=said, headers=headers)).status_code == 403, origin
        kept = await browser.post("/connexion", data=said, headers={"origin": "https://recours.example", "host": "ailleurs.example"})
    assert kept.status_code == 303
    assert kept.headers["location"] == "/accueil", "never an address made from the Host header"
    cookie = kept.headers["set-cookie"]
    assert cookie.startswith("__Host-recours=")
    assert {"httponly", "path=/", "samesite=lax", "secure"} <= {part.strip().lower() for part in cookie.split(";")}
    assert "domain" not in cookie.lower()
    assert kept.headers["strict-transport-security"].startswith("max-age=31536000")


async def test_a_cookie_of_the_plain_name_is_nobody_in_production(in_production: Running) -> None:
    await an_account(in_production, "claire", "coordinator")
    ours = {"origin": "https://recours.example", "accept": "text/html"}
    async with httpx.AsyncClient(base_url=in_production.url, headers=ours, trust_env=False) as browser:
        kept = await browser.post("/connexion", data={"login": "claire", "password": PASSWORD})
        token = kept.headers["set-cookie"].split(";")[0].split("=", 1)[1]
        assert (await browser.get("/accueil", headers={"cookie": f"recours={token}"})).status_code == 303
        assert (await browser.get("/accueil", headers={"cookie": f"__Host-recours={token}"})).status_code == 200


async def test_a_strange_host_header_is_an_answer_not_a_fault(console: Running) -> None:
    async with signed_in(console, "claire", "coordinator") as browser:
        for host in ("ailleurs.example", "[", "[::1", "a@b", "x" * 5000, "127.0.0.1:99999999", "évil", "a/b", "a?b", "a#b", ""):
            for path in ("/accueil", "/nulle-part", "/"):
                answer = await browser.get(path, headers=[(b"host", host.encode())])
                assert answer.status_code < 500, f"{host!r} {path}: {answer.status_code}"
                assert "ailleurs.example" not in answer.text + answer.headers.get("location", "")
