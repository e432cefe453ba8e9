"""Encryption at rest: one data key per person or case, wrapped by a master key that never enters a database.

AES-256-GCM; a ciphertext is nonce (12 bytes) followed by the sealed text. The `context` is authenticated: a value copied
into another column or row does not open there. Destroying the wrapped key destroys everything sealed with it.
"""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_WRAP_CONTEXT = b"recours data key v1"


class SealBroken(ValueError):
    """The bytes were altered, belong elsewhere, or another key sealed them."""


class DataKey:
    """The key of one subject, held in memory only."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def encrypt(self, text: str | bytes, *, context: str) -> bytes:
        """Seal `text` (UTF-8 when it is a string) for `context`."""
        nonce = os.urandom(_NONCE_BYTES)
        plain = text.encode() if isinstance(text, str) else text
        return nonce + self._cipher.encrypt(nonce, plain, context.encode())

    def decrypt(self, sealed: bytes, *, context: str) -> str:
        """The text; raises SealBroken."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode()).decode()
        except (InvalidTag, ValueError) as reason:
            raise SealBroken(context) from reason


class Sealer:
    """Makes and opens data keys with the master key."""

    def __init__(self, master_key_b64: str) -> None:
        master = base64.b64decode(master_key_b64)
        if len(master) != 32:
            raise ValueError("the master key has 32 bytes, base64")
        self._master = AESGCM(master)

    def new_key(self) -> bytes:
        """A fresh data key, wrapped: what the database stores."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._master.encrypt(nonce, os.urandom(32), _WRAP_CONTEXT)

    def open(self, wrapped: bytes) -> DataKey:
        """The data key; raises SealBroken when another master key wrapped it."""
        try:
            return DataKey(self._master.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _WRAP_CONTEXT))
        except InvalidTag as reason:
            raise SealBroken("data key") from reason
