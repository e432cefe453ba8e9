"""Identifiers: UUIDv7 from the machine's real clock, and the short reference that is spoken on the phone."""

import os
import re
import time
from uuid import UUID

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: no I, L, O, U, which sound or look like something else
_HEARD_AS = str.maketrans({"I": "1", "L": "1", "O": "0", "U": "V"})


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562). The order of two ids means nothing in the business: they come from technical time."""
    milliseconds = time.time_ns() // 1_000_000
    random_bits = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76
    value |= (random_bits >> 62 & 0xFFF) << 64
    value |= 0b10 << 62
    value |= random_bits & ((1 << 62) - 1)
    return UUID(int=value)


def spoken_reference(request_id: UUID) -> str:
    """`K7M-4QX-2`: six Crockford letters of the random bits and a check letter. Two requests may share one: a lookup shows the day."""
    letters = _letters(request_id.int & ((1 << 30) - 1))
    return f"{letters[:3]}-{letters[3:]}-{_check_letter(letters)}"


def normalise_reference(spoken: str) -> str | None:
    """The canonical form of what somebody typed or heard, or None when its check letter is wrong."""
    letters = re.sub(r"[^0-9A-Z]", "", spoken.upper()).translate(_HEARD_AS)
    if len(letters) != 7 or any(letter not in _ALPHABET for letter in letters):
        return None
    body, check = letters[:6], letters[6]
    return f"{body[:3]}-{body[3:]}-{check}" if _check_letter(body) == check else None


def _letters(bits: int) -> str:
    return "".join(_ALPHABET[bits >> shift & 31] for shift in range(25, -1, -5))


def _check_letter(letters: str) -> str:
    """Modulo 31 of the weighted sum: finds a wrong letter or a swap of neighbours, save 0 taken for Z (congruent)."""
    total = sum(weight * _ALPHABET.index(letter) for weight, letter in enumerate(letters, start=2))
    return _ALPHABET[total % 31]
