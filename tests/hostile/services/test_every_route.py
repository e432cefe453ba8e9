"""Every route of every service, called by those who may not: wrong tokens, wrong roles, the territory next door; then at random."""

import base64
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.auth import Principal, TokenIssuer
from shared.testing.fixtures import eventually
from tests.hostile.services.campaign import campaign
from tests.hostile.services.minimal import Call, calls
from tests.hostile.services.platform import APIS, EVERY_ROLE, NEXT_DOOR, Platform

# These make something under an id that the caller chose. Regulation and scheduling keep it as the other territory's own; the ids of
# intake belong to one territory.
_MINE_TO_NAME = {
    "POST /requests": {404}, "POST /hooks/telephony": {404}, "PUT /practitioners/{practitioner_id}": {200},
    "PUT /cases/{request_id}": {200}, "POST /cases/{request_id}/advice": {200, 404},
}  # fmt: skip
_WITH_A_CASE = 3
"""The place of the request that was handed over, among those that `fill` makes."""


@pytest.fixture(scope="session")
def issuer(platform: Platform) -> TokenIssuer:
    return TokenIssuer(platform.stack.access.token_private_key)


@asynccontextmanager
async def calling(platform: Platform, service: str, token: str | None) -> AsyncIterator[httpx.AsyncClient]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=platform.stack.access.url(service), headers=headers, trust_env=False, timeout=30) as client:
        yield client


async def every_call(platform: Platform, service: str, place: int = 0) -> list[Call]:
    async with calling(platform, service, None) as client:
        return list(calls((await client.get("/openapi.json")).json(), platform.known, place))


async def sent(client: httpx.AsyncClient, call: Call) -> httpx.Response:
    return await client.request(call.method, call.path, params=call.params, json=call.body)


def problem_of(answer: httpx.Response) -> str:
    assert answer.headers["Content-Type"] == "application/problem+json"
    code: str = answer.json()["type"]
    return code


def forged(issuer: TokenIssuer, service: str) -> Iterator[tuple[str, str | None]]:
    """Every token that is none, each otherwise perfect."""
    somebody = Principal(uuid4(), EVERY_ROLE, "bievre", uuid4(), "XX")
    other = "orientation" if service != "orientation" else "intake"
    valid = issuer.issue(somebody, service)
    head, _, signature = valid.split(".")
    claims = jwt.decode(valid, options={"verify_signature": False})
    admin = base64.urlsafe_b64encode(json.dumps(claims | {"territory": NEXT_DOOR}).encode()).rstrip(b"=").decode()
    yield "absent", None
    yield "empty", "."
    yield "of another service", issuer.issue(somebody, other)
    yield "expired", issuer.issue(somebody, service, lifetime_seconds=-60)
    yield "of a foreign key", TokenIssuer.generate().issue(somebody, service)
    yield "unsigned", jwt.encode(claims, "", algorithm="none")
    yield "signed with the public key", jwt.encode(claims, issuer.public_key_b64.ljust(32, "="), algorithm="HS256")
    yield "changed after signing", ".".join((head, admin, signature))
    yield "cut short", valid[:-10]
    yield "huge", valid + "A" * 20_000
    yield "not yet issued", _later(issuer, claims)


def _later(issuer: TokenIssuer, claims: dict[str, Any]) -> str:
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(issuer.private_key_b64))
    now = int(time.time())
    return jwt.encode(claims | {"iat": now + 3600, "nbf": now + 3600, "exp": now + 7200}, key, algorithm="EdDSA")


@pytest.mark.parametrize("service", APIS)
async def test_no_route_opens_to_a_wrong_token(platform: Platform, issuer: TokenIssuer, service: str) -> None:
    every = await every_call(platform, service)
    for kind, token in forged(issuer, service):
        async with calling(platform, service, token) as client:
            for call in every:
                answer = await sent(client, call)
                assert (answer.status_code, problem_of(answer)) == (401, "urn:recours:unauthenticated"), f"{call.label}: token {kind}"
                assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("service", APIS)
async def test_no_route_opens_without_a_role_for_it(platform: Platform, issuer: TokenIssuer, service: str) -> None:
    every = await every_call(platform, service)
    for roles in (frozenset[str](), frozenset({"patient"}), frozenset({"Secretary", "root", ""})):
        async with calling(platform, service, issuer.issue(Principal(uuid4(), roles, "bievre"), service)) as client:
            for call in every:
                answer = await sent(client, call)
                assert (answer.status_code, problem_of(answer)) == (403, "urn:recours:forbidden"), f"{call.label}: {sorted(roles)}"


@pytest.mark.parametrize("territory", [NEXT_DOOR, "unserved"])
async def test_no_route_shows_or_changes_anything_of_another_territory(platform: Platform, issuer: TokenIssuer, territory: str) -> None:
    before = await _settled(platform, issuer)
    foreigner = Principal(uuid4(), EVERY_ROLE, territory, None, "XX")
    walked, named, made = 0, 0, []
    for service in APIS:
        async with calling(platform, service, issuer.issue(foreigner, service)) as client:
            for call in [*await every_call(platform, service), *await every_call(platform, service, _WITH_A_CASE)]:
                if call.label in _MINE_TO_NAME:
                    made.append((service, call))
                    continue
                answer = await sent(client, call)
                walked += 1
                said = f"{service} {call.label}: {answer.status_code} {answer.text[:300]}"
                assert answer.status_code < 500, said
                if "{" in call.template:
                    named += 1
                    nothing = call.template == "/references/{reference}" and answer.is_success and answer.json()["items"] == []
                    assert answer.status_code == 404 or nothing, said
                assert not _shows(platform, answer, call), f"shows what is not its own: {said}"
    for service, call in made:
        async with calling(platform, service, issuer.issue(foreigner, service)) as client:
            assert (await sent(client, call)).status_code in _MINE_TO_NAME[call.label], call.label
    assert walked > 100 and named > 50
    assert await _settled(platform, issuer) == before


def _shows(platform: Platform, answer: httpx.Response, call: Call) -> bool:
    """Whether an answer holds an id of the Bièvre that the question did not."""
    asked = call.path + json.dumps(call.body)
    ids = {one for values in platform.known.ids.values() for one in values}
    return any(one in answer.text for one in ids if one not in asked)


async def _settled(platform: Platform, issuer: TokenIssuer) -> dict[str, Any]:
    """Everything, once what was set going before (allocations, events) has come to rest."""
    last: dict[str, Any] = {}

    async def at_rest() -> bool:
        nonlocal last
        before, last = last, await _everything(platform, issuer)
        return before == last

    await eventually(at_rest, within=60, every=1.0)
    return last


async def _everything(platform: Platform, issuer: TokenIssuer) -> dict[str, Any]:
    """What its own people see of each thing known; what looks and the hour change is left out."""
    seen: dict[str, Any] = {}
    insider = Principal(uuid4(), EVERY_ROLE, "bievre", None, "IN")
    pages = {"intake": ["/requests?limit=200", "/calls?limit=200"], "scheduling": ["/practitioners"], "regulation": ["/cases?state=all"]}
    for service, paths in pages.items():
        async with calling(platform, service, issuer.issue(insider, service)) as client:
            for path in paths:
                items = (await client.get(path)).raise_for_status().json()["items"]
                for item in items:
                    item.pop("waited_seconds", None)
                    item.pop("matches_count", None)
                seen[path] = items
    async with calling(platform, "pilotage", issuer.issue(insider, "pilotage")) as client:
        for request_id in platform.known.ids["request_id"]:
            story = (await client.get(f"/requests/{request_id}/timeline")).json()
            seen[request_id] = [item["type"] for item in story.get("items", [])]
    return seen


async def test_a_short_campaign_finds_no_fault(platform: Platform) -> None:
    """The long one is `python -m tests.hostile` and `make proof`."""
    result = await campaign(platform, cases=1_200, seed=7)
    assert result.cases >= 1_200
    assert result.clean, result.report()


@pytest.mark.proof
@pytest.mark.timeout(2400)
async def test_fifty_thousand_hostile_cases_find_no_fault(platform: Platform) -> None:
    result = await campaign(platform, cases=50_000, seed=7)
    print(result.report())
    assert result.cases >= 50_000
    assert result.clean, result.report()
