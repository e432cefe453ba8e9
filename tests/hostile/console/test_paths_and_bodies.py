"""What may be written into an address or a body: traversal, redirections, splitting, oversize, slow and unreadable forms."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from urllib.parse import urlsplit

import httpx
import pytest
from argon2 import PasswordHasher

from services.console import accounts
from services.console.platform_health import Health
from shared.testing.fixtures import Running
from tests.unit.console.conftest import PASSWORD, a_browser, an_account, signed_in

ELSEWHERE = (
    "//ailleurs.example", "/\\ailleurs.example", "\\\\ailleurs.example", "https:ailleurs.example", "https://ailleurs.example",
    "/\t/ailleurs.example",
    "/\n/ailleurs.example", "javascript:alert(1)", "data:text/html,x", "//[", "//\u2100", "http://[::1", " //ailleurs.example",
    "/\r\nset-cookie: a=b",
    "///ailleurs.example", "////ailleurs.example", "/%0d%0aset-cookie:a=b", "//ailleurs.example@127.0.0.1",
    "\x00//ailleurs.example", "https:/ailleurs.example",
    "/\u202e/elpmaxe.sruelliar", "//127.0.0.1@ailleurs.example", ".ailleurs.example", "@ailleurs.example",
    "/connexion?suite=//ailleurs.example",
)  # fmt: skip


async def test_sign_in_never_sends_elsewhere(console: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "_HASHER", PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))  # not what is tested here
    await an_account(console, "claire", "coordinator")
    for there in ELSEWHERE:
        async with a_browser(console) as browser:
            page = await browser.get("/connexion", params={"suite": there})
            assert page.status_code == (422 if "\x00" in there else 200), there
            kept = re.search(r'name="suite" value="([^"]*)"', page.text)
            assert kept is None or "ailleurs.example" not in kept[1] or kept[1].startswith("/connexion?"), there
            answer = await browser.post("/connexion", data={"login": "claire", "password": PASSWORD, "suite": there})
        assert answer.status_code == 303, there
        target = urlsplit(str(httpx.URL(console.url).join(answer.headers["location"])))
        assert f"{target.scheme}://{target.netloc}" == console.url, there
        assert len(answer.headers.get_list("set-cookie")) == 1, "no header was split"


async def test_the_way_back_of_a_lost_session_is_quoted(console: Running) -> None:
    async with a_browser(console) as browser:
        for path in (
            "/demandes/a&fin=1",
            "/demandes/%0d%0aSet-Cookie:%20a=b",
            "/demandes/%26%23%3f",
            "/demandes/%e2%80%ae",
            "/demandes/%ff",
        ):
            answer = await browser.get(path)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/connexion?suite=%2Fdemandes%2F")
            assert "&" not in answer.headers["location"] and "a" not in answer.cookies
            assert (await browser.get(answer.headers["location"])).status_code == 200


FOREIGN_FILES = (
    "../app.py", "%2e%2e/app.py", "..%2fapp.py", "%2e%2e%2fapp.py", "x/../../app.py", "x/%2e%2e/%2e%2e/app.py", "x//etc/passwd",
    "/etc/passwd", "x/..%5c..%5capp.py", "x/%00", "%00", "x/mark.svg%00.py", "x/" + "a" * 5000, "", "x", "x/", "x/css",
    "x/css/../../app.py", "x/.stamp", "x/%ff", "x/css/%2e%2e/%2e%2e/settings.py",
)  # fmt: skip


async def test_static_files_and_guides_give_nothing_but_themselves(console: Running) -> None:
    async with signed_in(console, "claire", "ops") as browser:
        for path in FOREIGN_FILES:
            answer = await browser.get(f"/static/{path}")
            assert answer.status_code == (422 if "%00" in path else 404), f"{path}: {answer.status_code}"
            assert "import" not in answer.text and "root:" not in answer.text
        for name in (
            "../architecture",
            "..%2farchitecture",
            "%2e%2e%2farchitecture",
            "%00",
            "secretariat.md",
            "secretariat%00",
            "SECRETARIAT",
            "x" * 3000,
            "%ff",
        ):
            answer = await browser.get(f"/aide/{name}")
            assert answer.status_code == (422 if "%00" in name else 404), f"{name}: {answer.status_code}"
            assert f"<h1>{'Une valeur n’est pas lisible' if '%00' in name else 'Introuvable dans votre territoire'}.</h1>" in answer.text


async def test_an_id_that_is_none_never_becomes_an_address_of_a_service(console: Running) -> None:
    """The services are away here: what reached one of them would answer 503."""
    async with signed_in(console, "claire", "gp", "secretary", "regulator", practitioner=True) as browser:
        for strange in ("%2e%2e", "x%3Fa=b", "%23", "%00", "%0a", "a%20b", "%ff", "x" * 3000, "1;2", "%2e%2e%2fhealth"):
            for path in ("/medecin/dossier/{}", "/medecin/issue/{}", "/medecin/avis/{}", "/demandes/{}/histoire", "/demandes/{}"):
                raw = console.url + path.format(strange)
                answer = await browser.send(_as_written(browser, "GET", raw))
                assert answer.status_code in (303, 404, 422), f"{raw}: {answer.status_code}"
            for path in (
                "/medecin/issue/{}",
                "/medecin/avis/{}",
                "/regulation/dossier/{}/prendre",
                "/secretariat/taches/{}/0197f3a0-0000-7000-8000-000000000000",
            ):
                raw = console.url + path.format(strange)
                answer = await browser.send(_as_written(browser, "POST", raw))
                assert answer.status_code in (404, 405, 422), f"POST {raw}: {answer.status_code}"


def _as_written(browser: httpx.AsyncClient, method: str, address: str) -> httpx.Request:
    """The client would tidy up `..`; an attacker's does not."""
    request = browser.build_request(
        method, "/", data={"outcome": "seen", "decision": "fifteen", "words": "x"} if method == "POST" else None
    )
    path = address.split("/", 3)[3]
    request.url = request.url.copy_with(raw_path=f"/{path}".encode())
    return request


async def test_an_oversize_form_is_refused_in_french_before_it_is_read(console: Running) -> None:
    async with signed_in(console, "claire", "secretary") as browser:
        for content in (b"words=" + b"a" * 1_100_000, _in_pieces(1_100_000)):
            headers = {"content-type": "application/x-www-form-urlencoded"}
            answer = await browser.post("/secretariat/etape", content=content, headers=headers)
            assert answer.status_code == 413
            assert "<html" in answer.text and "C’est trop long" in answer.text and answer.headers["cache-control"] == "no-store"
        many = "&".join(f"q_{number}=yes" for number in range(20_000))
        answer = await browser.post(
            "/secretariat/etape", content=many.encode(), headers={"content-type": "application/x-www-form-urlencoded"}
        )
        assert answer.status_code in (200, 400, 413)


async def _in_pieces(size: int) -> AsyncIterator[bytes]:
    yield b"words="
    for _ in range(size // 10_000):
        yield b"a" * 10_000


UNREADABLE = (
    ("multipart/form-data", b"x"), ("multipart/form-data; boundary=x", b"--y"), ("application/json", b"{"),
    ("application/json", b'{"step":"0"}'), ("text/plain", b"step=0"), ("", b"step=0"), ("application/xml", b"<a/>"),
    ("application/x-www-form-urlencoded", b"%"), ("application/x-www-form-urlencoded", b"\xff=\xfe&%ff=%fe"),
    ("multipart/form-data; boundary=", b"--"), ("multipart/form-data; boundary=x; charset=utf-7", b""),
    ("application/x-www-form-urlencoded; charset=utf-16", b"step=0"), ("multipart/form-data; boundary=" + "x" * 300, b"--" + b"x" * 300),
)  # fmt: skip


async def test_an_unreadable_form_is_an_answer_not_a_fault(console: Running) -> None:
    async with signed_in(console, "claire", "secretary", "gp", practitioner=True) as browser:
        for kind, body in UNREADABLE:
            for path in (
                "/secretariat/etape",
                "/secretariat/tenir",
                "/secretariat/patients",
                "/medecin/avis/0197f3a0-0000-7000-8000-000000000000",
                "/connexion",
            ):
                answer = await browser.post(path, content=body, headers={"content-type": kind})
                assert answer.status_code < 500 or answer.status_code == 503, f"{path} {kind} {body!r}: {answer.status_code}"


CHARSETS = ("utf-7", "unicode_escape", "raw_unicode_escape", "punycode", "idna", "hex", "utf-16", "undefined", "mbcs", "x\u00e9")


async def test_a_form_in_a_strange_charset_brings_no_half_characters_in(console: Running) -> None:
    """Python decodes what a multipart form says it is: some of its codecs make lone surrogates, some raise."""
    await an_account(console, "claire", "secretary")
    half = b"+2AA-\\ud800"
    fields = ((b"login", b"claire"), (b"password", half), (b"suite", b"/" + half), (b"code", half), (b"name_said", half))
    part = b'--x\r\ncontent-disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    body = b"".join(part % field for field in fields) + b"--x--\r\n"
    async with a_browser(console) as browser:
        assert (await browser.post("/connexion", data={"login": "claire", "password": PASSWORD})).status_code == 303
        for charset in CHARSETS:
            kind = f"multipart/form-data; boundary=x; charset={charset}".encode("latin-1")
            for path in ("/connexion", "/secretariat/patients/chercher"):
                answer = await browser.post(path, content=body, headers=[(b"content-type", kind)])
                assert answer.status_code == 415, f"{path} {charset}: {answer.status_code}"
        plain = {"content-type": "multipart/form-data; boundary=x; charset=UTF-8"}
        assert (await browser.post("/secretariat/patients/chercher", content=body, headers=plain)).status_code == 200


async def test_a_form_that_never_ends_keeps_nobody_else_waiting(console: Running) -> None:
    """Twenty callers who send a byte and stop: the door still answers everyone else."""
    port = int(console.url.rsplit(":", 1)[1])
    slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
    try:
        for _, writer in slow:
            head = (
                f"POST /connexion HTTP/1.1\r\nhost: 127.0.0.1\r\norigin: {console.url}\r\n"
                "content-type: application/x-www-form-urlencoded\r\ncontent-length: 900\r\n\r\nl"
            )
            writer.write(head.encode())
            await writer.drain()
        await an_account(console, "claire", "coordinator")
        async with a_browser(console) as browser, asyncio.timeout(10):
            assert (await browser.post("/connexion", data={"login": "claire", "password": PASSWORD})).status_code == 303
    finally:
        for _, writer in slow:
            writer.close()


async def test_a_field_said_twice_is_read_once(console: Running) -> None:
    await an_account(console, "claire", "coordinator")
    async with a_browser(console) as browser:
        said = "login=claire&login=nobody&password=x&password=" + PASSWORD + "&suite=/aide&suite=//ailleurs.example"
        form = {"content-type": "application/x-www-form-urlencoded"}
        answer = await browser.post("/connexion", content=said.encode(), headers=form)
        assert answer.status_code == 401, "the last login counts, and only it"
        page = await browser.get("/connexion?suite=//ailleurs.example&suite=/aide&fin=1&fin=2")
        assert page.status_code == 200 and "ailleurs.example" not in page.text


async def test_every_answer_carries_the_headers_that_shut_a_browser(console: Running) -> None:
    async with signed_in(console, "claire", "coordinator") as browser:
        answers = [
            await browser.get("/accueil"), await browser.get("/nulle-part"), await browser.get("/medecin"), await browser.get("/connexion"),
            await browser.post("/accueil"), await browser.post("/deconnexion", headers={"origin": "https://ailleurs.example"}),
            await browser.post("/connexion", content=b"a" * 1_100_000), await browser.get("/secretariat", headers={"hx-request": "true"}),
            await browser.get("/demandes/x"),
        ]  # fmt: skip
        for answer in answers:
            policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
            assert policy["default-src"] == "'none'" and policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
            assert policy["frame-ancestors"] == policy["base-uri"] == "'none'" and policy["form-action"] == "'self'"
            assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["referrer-policy"] == "same-origin" and answer.headers["cross-origin-opener-policy"] == "same-origin"
            assert answer.headers["cache-control"] == "no-store", answer.url
            kind = answer.headers.get("content-type", "").partition(";")[0]
            assert kind in ("text/html", "text/plain") or not answer.content, "a person reads a page, never a raw document"
            assert "access-control-allow-origin" not in answer.headers
            assert not answer.headers.get("server") and not answer.headers.get("x-powered-by")
        streamed = await browser.send(browser.build_request("GET", "/live"), stream=True)
        assert "frame-ancestors 'none'" in streamed.headers["content-security-policy"] and streamed.headers["cache-control"] == "no-store"
        await streamed.aclose()


async def test_the_pages_describe_nothing_to_strangers(console: Running) -> None:
    """The console's routes are for its pages: no schema, no try-it page, neither to a stranger nor to a secretary."""
    async with signed_in(console, "claire", "ops") as browser:
        for path in (
            "/openapi.json",
            "/docs",
            "/redoc",
            "/docs/oauth2-redirect",
            "/health",
            "/metrics",
            "/internal/dead-letters",
            "/internal/tick",
        ):
            assert (await browser.get(path)).status_code == 404, path


async def test_strangers_at_the_door_cost_the_services_one_question(console: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The door says how the services are: that must be no lever on them."""
    monkeypatch.setattr("services.console.platform_health.DOOR_SECONDS", 3600.0)
    watch, asked = console.service.app.state.console.watch, list[Iterable[str]]()
    ask = watch.states_of

    async def counted(names: Iterable[str]) -> list[Health]:
        asked.append(names)
        return list(await ask(names))

    monkeypatch.setattr(watch, "states_of", counted)
    async with a_browser(console) as browser:
        answers = await asyncio.gather(*(browser.get("/connexion") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200} and len(asked) == 1
