"""What can go wrong, with the code that HTTP answers, dead letters and logs share (`type` is `urn:recours:<code>`)."""

from collections.abc import Mapping
from typing import Any, ClassVar


class RecoursError(Exception):
    """Base of our errors. `detail` is for a person and holds no personal data; `extra` goes into the problem document."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra: Mapping[str, Any] = extra


class Refused(RecoursError):
    """The rules say no; trying again cannot help. Services subclass it with a code of their own."""

    code = "refused"
    status = 409


class NotFound(RecoursError):
    """No such thing in this territory (another territory's id answers the same)."""

    code = "not_found"
    status = 404


class Forbidden(RecoursError):
    """This role may not do that."""

    code = "forbidden"
    status = 403


class Unauthenticated(RecoursError):
    """No token, or one that is not ours or no longer valid."""

    code = "unauthenticated"
    status = 401


class Stale(RecoursError):
    """`If-Match` names an older version; `current` is the present state."""

    code = "stale"
    status = 412


class KeyReused(RecoursError):
    """The same Idempotency-Key came with another body."""

    code = "key_reused"
    status = 422


class Malformed(RecoursError):
    """Readable by no rule: a bad header, cursor or body. `errors` lists `{field, message}`."""

    code = "malformed"
    status = 422


class Unavailable(RecoursError):
    """Later may work: a server is away. Consumers wait and try again, HTTP answers 503 with Retry-After."""

    code = "unavailable"
    status = 503


# Codes of the kernel; services add Refused children beside their rules.
KERNEL_CODES = tuple(cls.code for cls in (Refused, NotFound, Forbidden, Unauthenticated, Stale, KeyReused, Malformed, Unavailable))
