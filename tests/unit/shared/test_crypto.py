"""Sealed words: only the right key, in the right place, opens them."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.crypto import SealBroken, Sealer

SEALER = Sealer(base64.b64encode(bytes(range(32))).decode())
OTHER = Sealer(base64.b64encode(bytes(32)).decode())
WRAPPED = SEALER.new_key()


@given(st.text(), st.text(max_size=20))
def test_what_is_sealed_opens_again(text: str, context: str) -> None:
    key = SEALER.open(WRAPPED)
    assert key.decrypt(key.encrypt(text, context=context), context=context) == text


def test_the_same_text_never_looks_the_same() -> None:
    key = SEALER.open(WRAPPED)
    assert key.encrypt("a", context="c") != key.encrypt("a", context="c")


def test_it_does_not_open_elsewhere_altered_or_with_another_key() -> None:
    key, stranger = SEALER.open(WRAPPED), SEALER.open(SEALER.new_key())
    sealed = key.encrypt("Odette", context="patient/name")
    for opener, what, where in (
        (key, sealed, "patient/phone"),
        (key, sealed[:-1] + bytes([sealed[-1] ^ 1]), "patient/name"),
        (stranger, sealed, "patient/name"),
    ):
        with pytest.raises(SealBroken):
            opener.decrypt(what, context=where)
    with pytest.raises(SealBroken):
        OTHER.open(WRAPPED)


def test_a_master_key_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(base64.b64encode(b"short").decode())
