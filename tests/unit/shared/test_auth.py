"""A token opens one service, for five minutes, to the roles it names."""

import base64
import json
import time
from typing import Annotated, Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import APIRouter, Depends

from shared import http
from shared.auth import Principal, TokenIssuer, TokenVerifier, require
from shared.errors import Unauthenticated
from shared.testing.fixtures import eventually

ISSUER = TokenIssuer.generate()
GP = Principal(uuid4(), frozenset({"gp", "duty_doctor"}), "bievre", uuid4(), "CR")

router = APIRouter()


@router.get("/day")
async def day(principal: Annotated[Principal, Depends(require("gp", "secretary"))]) -> dict[str, str]:
    return {"initials": principal.initials, "territory": principal.territory_id}


def client() -> httpx.AsyncClient:
    app = http.make_app("intake", [router])
    app.state.verifier = TokenVerifier(ISSUER.public_key_b64, "intake")
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://intake")


def signed(**changes: Any) -> str:
    """A token of our own key with other claims."""
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(ISSUER.private_key_b64))
    now = int(time.time())
    claims = {"iss": "recours", "aud": "intake", "iat": now, "exp": now + 60, "sub": str(uuid4()), "roles": ["gp"], "territory": "bievre"}
    return jwt.encode({key: value for key, value in {**claims, **changes}.items() if value is not None}, key, algorithm="EdDSA")


def test_what_was_issued_is_what_is_verified() -> None:
    assert TokenVerifier(ISSUER.public_key_b64, "intake").verify(ISSUER.issue(GP, "intake")) == GP


def without_signature() -> str:
    claims = jwt.decode(signed(), options={"verify_signature": False})
    return jwt.encode(claims, "", algorithm="none")


def tampered() -> str:
    head, _, signature = signed().split(".")
    claims = {**jwt.decode(signed(), options={"verify_signature": False}), "roles": ["admin"]}
    return ".".join([head, base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode(), signature])


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(ISSUER.issue(GP, "scheduling"), id="for another service"),
        pytest.param(ISSUER.issue(GP, "intake", lifetime_seconds=-60), id="expired"),
        pytest.param(TokenIssuer.generate().issue(GP, "intake"), id="another key"),
        pytest.param(signed(iss="somebody"), id="another issuer"),
        pytest.param(signed(exp=None), id="without end"),
        pytest.param(signed(roles="gp"), id="roles that are no list"),
        pytest.param(signed(territory="../etc"), id="no territory"),
        pytest.param(signed(sub="me"), id="no id"),
        pytest.param(without_signature(), id="unsigned"),
        pytest.param(tampered(), id="tampered"),
        pytest.param("nonsense", id="nonsense"),
    ],
)
async def test_a_token_that_is_not_for_us_is_refused(token: str) -> None:
    with pytest.raises(Unauthenticated):
        TokenVerifier(ISSUER.public_key_b64, "intake").verify(token)
    async with client() as http_client:
        answer = await http_client.get("/day", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:recours:unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic Z3A6Z3A="}])
async def test_no_bearer_is_401(headers: dict[str, str]) -> None:
    async with client() as http_client:
        assert (await http_client.get("/day", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("roles", "status"), [({"gp"}, 200), ({"secretary", "ops"}, 200), ({"admin"}, 403), ({"regulator", "arm"}, 403), (set(), 403)]
)
async def test_one_of_the_roles_is_needed_and_admin_is_no_master_key(roles: set[str], status: int) -> None:
    token = ISSUER.issue(Principal(uuid4(), frozenset(roles), "bievre"), "intake")
    async with client() as http_client:
        answer = await http_client.get("/day", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["type"] == "urn:recours:forbidden"


async def test_the_route_knows_who_calls() -> None:
    async with client() as http_client:
        answer = await http_client.get("/day", headers={"Authorization": f"Bearer {ISSUER.issue(GP, 'intake')}"})
    assert answer.json() == {"initials": "CR", "territory": "bievre"}


async def test_a_known_token_is_refused_once_it_expired() -> None:
    verifier = TokenVerifier(ISSUER.public_key_b64, "intake")
    token = ISSUER.issue(GP, "intake", lifetime_seconds=-3)  # over, but for the leeway of two clocks: a second or two
    assert verifier.verify(token) == GP

    def refused() -> bool:
        try:
            return verifier.verify(token) != GP
        except Unauthenticated:
            return True

    await eventually(refused)
