"""Second factor: time-based one-time codes (RFC 6238: SHA-1, 30 s, 6 digits) and the seal of their secrets at rest."""

import base64
import hashlib
import hmac
import os
import struct
import time

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_STEP_SECONDS = 30
_DRIFT_STEPS = 1  # one step early or late: a phone's clock, a slow hand


class SecretBox:
    """Seals second-factor secrets with a key derived from the stack's token key, which never enters the database."""

    def __init__(self, token_private_key_b64: str) -> None:
        seed = base64.b64decode(token_private_key_b64)
        self._aead = AESGCM(HKDF(SHA256(), 32, salt=None, info=b"recours console second factor").derive(seed))

    def seal(self, secret: bytes) -> bytes:
        nonce = os.urandom(12)
        return nonce + self._aead.encrypt(nonce, secret, None)

    def open(self, sealed: bytes) -> bytes:
        """Raises ValueError when the stack's key is not the one that sealed."""
        try:
            return self._aead.decrypt(sealed[:12], sealed[12:], None)
        except InvalidTag as wrong:
            raise ValueError("sealed with another key") from wrong


def new_secret() -> bytes:
    return os.urandom(20)


def as_base32(secret: bytes) -> str:
    return base64.b32encode(secret).decode()


def code_at(secret: bytes, step: int) -> str:
    """The six digits of one 30 s step (RFC 4226 truncation)."""
    digest = hmac.new(secret, struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = struct.unpack_from(">I", digest, offset)[0] & 0x7FFF_FFFF
    return f"{number % 1_000_000:06d}"


def matching_step(secret: bytes, code: str, *, at: float | None = None) -> int | None:
    """The step that `code` belongs to, or None; pasted spaces do not matter. Technical time, never the business clock."""
    digits = "".join(code.split())
    now = int((time.time() if at is None else at) // _STEP_SECONDS)
    for step in range(now - _DRIFT_STEPS, now + _DRIFT_STEPS + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), digits.encode(errors="replace")):
            return step
    return None
