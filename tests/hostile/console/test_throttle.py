"""Guessing passwords: slow for a login, slow for an address, no way to tell a login that exists, and nobody locked out for good."""

import asyncio
import time
from statistics import median
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from services.console import accounts, totp
from services.console.throttle import SignInThrottle
from shared.testing.fixtures import Running
from tests.unit.console.conftest import PASSWORD, a_browser, an_account

NOBODY_LISTENS = "redis://127.0.0.1:9/0"


@pytest.fixture(params=["with Valkey", "without Valkey"])
async def throttle(request: pytest.FixtureRequest, console: Running) -> SignInThrottle:
    """The console's own, or one whose Valkey is gone: each process then counts for itself."""
    if request.param == "with Valkey":
        return SignInThrottle(console.service.redis)
    return SignInThrottle(Redis.from_url(NOBODY_LISTENS, socket_connect_timeout=1))


async def tries(throttle: SignInThrottle, number: int, login: str, address: str) -> list[bool]:
    return await asyncio.gather(*(throttle.admit(login, address) for _ in range(number)))


async def test_a_burst_of_tries_for_one_login_gets_five_looks_at_the_password(throttle: SignInThrottle) -> None:
    """All at once, before any of them has failed: a try is counted when it comes, not when it is judged."""
    assert 1 <= sum(await tries(throttle, 40, "claire", "192.0.2.1")) <= 5, "the two counts may disagree on who came first"
    assert not await throttle.admit("CLAIRE ", "192.0.2.2"), "however it is written, and from wherever"
    assert await throttle.admit("paul", "192.0.2.2")


async def test_a_burst_over_many_logins_of_one_address_gets_thirty_looks(throttle: SignInThrottle) -> None:
    assert sum([await throttle.admit(f"login-{number}", "192.0.2.7") for number in range(60)]) == 30
    assert await throttle.admit("login-1", "192.0.2.8"), "another house is not concerned"


async def test_who_gets_in_does_not_close_the_door_for_the_house(throttle: SignInThrottle) -> None:
    """A surgery behind one address: the morning's sign-ins are no failures."""
    for number in range(100):
        assert await throttle.admit(f"login-{number}", "192.0.2.9")
        await throttle.succeeded(f"login-{number}", "192.0.2.9")


async def test_the_window_ends_by_itself_and_knocking_does_not_prolong_it(
    throttle: SignInThrottle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.console.throttle.WINDOW_SECONDS", 1)
    await tries(throttle, 10, "claire", "192.0.2.3")
    assert not await throttle.admit("claire", "192.0.2.3")
    deadline = time.monotonic() + 10
    while not await throttle.admit("claire", "192.0.2.3"):
        assert time.monotonic() < deadline, "knocking keeps it shut"
        await asyncio.sleep(0.05)


async def test_no_counter_outlives_its_window_in_valkey(console: Running) -> None:
    throttle = SignInThrottle(console.service.redis)
    await throttle.succeeded("claire", "192.0.2.4")
    await tries(throttle, 8, "claire", "192.0.2.4")
    keys = [key async for key in console.service.redis.scan_iter("recours:console:*")]
    assert keys and not any("claire" in key for key in keys), "a login is not readable in Valkey"
    assert all([0 < await console.service.redis.ttl(key) <= 300 for key in keys])


async def test_a_flood_of_logins_does_not_fill_the_memory(throttle: SignInThrottle) -> None:
    lonely = SignInThrottle(None)
    for number in range(25_000):
        await lonely.admit(f"login-{number}" * 50, f"192.0.2.{number}")
    assert lonely.kept <= 20_000
    await throttle.admit("x" * 1_000_000, "192.0.2.5")


async def test_failures_stay_counted_when_valkey_forgets(console: Running) -> None:
    throttle = SignInThrottle(console.service.redis)
    await tries(throttle, 5, "claire", "192.0.2.6")
    await console.service.redis.flushdb()
    assert not await throttle.admit("claire", "192.0.2.6")


async def test_the_door_shuts_also_while_valkey_is_away(console: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console.service.app.state.console, "throttle", SignInThrottle(Redis.from_url(NOBODY_LISTENS)))
    await an_account(console, "claire", "coordinator")
    async with a_browser(console) as browser:
        for _ in range(5):
            assert (await browser.post("/connexion", data={"login": "claire", "password": "pas le bon"})).status_code == 401
        assert (await browser.post("/connexion", data={"login": "claire", "password": PASSWORD})).status_code == 429


async def test_a_shut_door_says_the_same_for_a_login_that_nobody_has(console: Running) -> None:
    await an_account(console, "claire", "coordinator")
    answers = {}
    async with a_browser(console) as browser:
        for login in ("claire", "nobody"):
            for _ in range(5):
                refused = await browser.post("/connexion", data={"login": login, "password": "pas le bon"})
            shut = await browser.post("/connexion", data={"login": login, "password": "pas le bon"})
            answers[login] = [(one.status_code, one.text.replace(login, "…").split("<main")[1]) for one in (refused, shut)]
            answers[login].append((0, repr(sorted(set(refused.headers) - {"x-request-id", "date"}))))
    assert answers["claire"] == answers["nobody"]


async def test_an_unknown_login_costs_the_work_of_a_known_one(console: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judged by the work done, not by the clock: every refusal runs the slow hash once, for every kind of account."""
    await an_account(console, "claire", "coordinator")
    await an_account(console, "parti", "coordinator")
    await accounts.disable(console.database, "parti")
    await accounts.add_account(console.database, "neuf", PASSWORD, "Neuf", ["ops"], "bievre", None, "N", machine_made=True)
    costs: list[int] = []
    verify = accounts._matches

    def counted(hashed: str, password: str) -> bool:
        costs.append(int(hashed.split("m=")[1].split(",")[0]))
        return verify(hashed, password)

    monkeypatch.setattr(accounts, "_matches", counted)
    for login in ("claire", "parti", "neuf", "nobody", "", "x" * 100_000, "nul\x00"):
        costs.clear()
        assert await accounts.verify(console.database, login, "pas le bon") == "unknown"
        assert costs.count(65_536) == 1, f"{login[:20]!r}: {costs}"


@pytest.mark.proof
async def test_the_time_of_a_refusal_does_not_tell_whether_the_login_exists(console: Running) -> None:
    await accounts.add_account(console.database, "neuf", PASSWORD, "Neuf", ["ops"], "bievre", None, "N", machine_made=True)
    await an_account(console, "claire", "coordinator")
    took: dict[str, list[float]] = {"claire": [], "neuf": [], "nobody": []}
    for _ in range(40):
        for login, times in took.items():
            started = time.perf_counter()
            await accounts.verify(console.database, login, "pas le bon")
            times.append(time.perf_counter() - started)
    middle = {login: median(times) for login, times in took.items()}
    print("median seconds of a refusal:", {login: round(seconds, 4) for login, seconds in middle.items()})
    assert max(middle.values()) < 1.5 * min(middle.values()), middle


async def test_a_second_factor_cannot_be_guessed_replayed_or_broken(console: Running) -> None:
    await an_account(console, "claire", "coordinator")
    sealer = console.service.app.state.console.sealer
    await accounts.require_second_factor(console.database, "claire", sealer)
    async with console.database.reading() as sql:
        secret = sealer.open(await sql.fetchval("SELECT totp_secret FROM account WHERE login = 'claire'"))
    code = totp.code_at(secret, int(time.time() // 30))
    said = {"login": "claire", "password": PASSWORD}
    async with a_browser(console) as browser:
        for strange in ("é", "\x00", "١٢٣٤٥٦", "1" * 100_000, "-1"):
            assert (await browser.post("/connexion", data=said | {"code": strange})).status_code in (401, 429), strange
            await console.service.redis.flushdb()
            console.service.app.state.console.throttle = SignInThrottle(console.service.redis)
        assert (await browser.post("/connexion", data=said | {"code": code})).status_code == 303
        assert (await browser.post("/connexion", data=said | {"code": code})).status_code == 401, "a code opens once"
        wrong = [await browser.post("/connexion", data=said | {"code": f"{number:06d}"}) for number in range(6)]
    assert [one.status_code for one in wrong].count(401) <= 5 and wrong[-1].status_code == 429


async def test_a_second_factor_sealed_by_another_key_keeps_the_door_shut(console: Running) -> None:
    await an_account(console, "claire", "coordinator")
    async with console.database.transaction() as tx:
        await tx.sql.execute("UPDATE account SET totp_secret = $1 WHERE login = 'claire'", uuid4().bytes * 4)
    async with a_browser(console) as browser:
        answer = await browser.post("/connexion", data={"login": "claire", "password": PASSWORD, "code": "123456"})
    assert answer.status_code == 401
