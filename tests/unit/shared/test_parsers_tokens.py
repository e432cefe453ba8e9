"""Every forged, borrowed or broken token is refused in the same words, and quickly."""

import base64
import json
import time
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from shared.auth import Principal, TokenIssuer, TokenVerifier
from shared.errors import Unauthenticated

ISSUER = TokenIssuer.generate()
VERIFIER = TokenVerifier(ISSUER.public_key_b64, "intake")
KEY = Ed25519PrivateKey.from_private_bytes(base64.b64decode(ISSUER.private_key_b64))
VALID = ISSUER.issue(Principal(uuid4(), frozenset({"gp"}), "bievre"), "intake")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    said = {"iss": "recours", "aud": "intake", "iat": now, "exp": now + 60, "sub": str(uuid4()), "roles": ["gp"], "territory": "bievre"}
    return said | changes


def signed(**changes: Any) -> str:
    """By our own key: what a faulty issuer of ours could write."""
    return jwt.encode(claims(**changes), KEY, algorithm="EdDSA")


def with_header(header: dict[str, Any]) -> str:
    """Our signature under another header, which the signature covers."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims())]
    message = b".".join(parts)
    return (message + b"." + base64.urlsafe_b64encode(KEY.sign(message)).rstrip(b"=")).decode()


def refused(token: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        VERIFIER.verify(token)
    assert refusal.value.detail == "token refused"


@given(st.text(max_size=300) | st.from_regex(r"[\w-]{0,60}\.[\w-]{0,60}\.[\w-]{0,60}", fullmatch=True))
def test_any_text_is_refused(token: str) -> None:
    refused(token)


@given(st.integers(0, len(VALID) - 1), st.sampled_from("ABCabc012-_.=\u0000é"))
def test_a_token_with_one_letter_changed_is_refused_or_says_the_same(place: int, letter: str) -> None:
    """The last letter of a part has bits that mean nothing: then it is the same token."""
    changed = VALID[:place] + letter + VALID[place + 1 :]
    try:
        principal = VERIFIER.verify(changed)
    except Unauthenticated:
        return
    assert principal == VERIFIER.verify(VALID)


@given(st.dictionaries(st.sampled_from(["sub", "roles", "territory", "practitioner", "initials", "exp", "iat", "nbf", "aud", "iss"]), JSON))
def test_signed_claims_of_any_type_are_read_or_refused(changes: dict[str, Any]) -> None:
    try:
        principal = VERIFIER.verify(signed(**changes))
    except (Unauthenticated, TypeError, ValueError):  # the last two: this issuer itself cannot write them
        return
    assert principal.territory_id and all(isinstance(role, str) for role in principal.roles)


@given(st.dictionaries(st.sampled_from(["alg", "typ", "kid", "jwk", "jku", "crit", "b64", "zip"]), JSON))
def test_a_header_of_any_content_is_read_or_refused(header: dict[str, Any]) -> None:
    try:
        VERIFIER.verify(with_header(header))
    except Unauthenticated:
        return
    assert header.get("alg") == "EdDSA"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS256", "RS256", "ES256", "ed25519", "", None, 7, ["EdDSA"]])
def test_another_algorithm_is_refused_even_under_our_signature(algorithm: object) -> None:
    refused(with_header({"alg": algorithm, "typ": "JWT"}))


def test_the_public_key_is_no_shared_secret() -> None:
    """The old confusion: an HMAC made with the public key, which everybody knows."""
    public = base64.b64decode(ISSUER.public_key_b64)
    for secret in (public, ISSUER.public_key_b64.encode()):
        refused(jwt.encode(claims(), secret.ljust(32, b"="), algorithm="HS256"))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(time.time()) - 60},
        {"nbf": int(time.time()) + 3600},
        {"iat": int(time.time()) + 3600},
        {"aud": "scheduling"},
        {"aud": ["scheduling", "orientation"]},
        {"aud": ""},
        {"iss": "Recours"},
        {"territory": "../ailleurs"},
        {"territory": "bievre\n"},
        {"territory": ["bievre"]},
        {"territory": None},
        {"roles": {"gp": True}},
        {"roles": [["gp"]]},
        {"roles": None},
        {"sub": ""},
        {"sub": 7},
        {"practitioner": "me"},
        {"practitioner": 7},
        {"exp": "soon"},
    ],
    ids=repr,
)
def test_a_claim_that_does_not_hold_is_refused(changes: dict[str, Any]) -> None:
    refused(signed(**changes))


def test_an_end_beyond_any_clock_is_no_fault() -> None:
    refused(signed(exp=10**400))


def test_a_known_token_lends_nothing_to_another() -> None:
    token = signed()
    VERIFIER.verify(token)
    refused(token[:-4] + "AAAA")
    refused(f"{token} ")


@pytest.mark.parametrize("part", range(3))
def test_a_huge_token_is_refused(part: int) -> None:
    parts = VALID.split(".")
    parts[part] += "A" * 1_000_000
    refused(".".join(parts))


def test_a_deeply_nested_token_is_refused() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 100_000).rstrip(b"=").decode()
    head, _, signature = VALID.split(".")
    refused(f"{head}.{deep}.{signature}")
    refused(f"{deep}.{deep}.{signature}")
