"""Who calls: short EdDSA tokens that the console (or `recours`) signs for one service, and roles checked at each route."""

import base64
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from shared.errors import Forbidden, Unauthenticated

Role = Literal[
    "secretary", "gp", "duty_doctor", "regulator", "arm", "osnp", "coordinator", "ops", "admin", "telephony", "patient", "system"
]  # fmt: skip

_ISSUER = "recours"
_ALGORITHM = "EdDSA"
_TERRITORY = re.compile(r"[a-z][a-z0-9-]{1,30}")
_LEEWAY_SECONDS = 5  # two machines' clocks; business time plays no part in tokens
_KNOWN_TOKENS = 10_000  # about 5 MB


@dataclass(frozen=True)
class Principal:
    """The person or machine behind a command. `initials` are a professional's, shown to colleagues; never a patient's."""

    sub: UUID
    roles: frozenset[str]
    territory_id: str
    practitioner_id: UUID | None = None
    initials: str = ""


class TokenIssuer:
    """Signs tokens with the stack's private key (base64 of the raw 32-byte seed)."""

    def __init__(self, private_key_b64: str) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(private_key_b64))

    @classmethod
    def generate(cls) -> "TokenIssuer":
        key = Ed25519PrivateKey.generate()
        return cls(base64.b64encode(key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())).decode())

    @property
    def private_key_b64(self) -> str:
        return base64.b64encode(self._key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())).decode()

    @property
    def public_key_b64(self) -> str:
        return base64.b64encode(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

    def issue(self, principal: Principal, audience: str, lifetime_seconds: int = 300) -> str:
        """A token for `audience` (the service's name) only."""
        issued_at = int(time.time())
        claims: dict[str, Any] = {
            "iss": _ISSUER,
            "aud": audience,
            "iat": issued_at,
            "exp": issued_at + lifetime_seconds,
            "sub": str(principal.sub),
            "roles": sorted(principal.roles),
            "territory": principal.territory_id,
            "practitioner": None if principal.practitioner_id is None else str(principal.practitioner_id),
            "initials": principal.initials,
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)


class TokenVerifier:
    """Accepts tokens of the stack's key (base64 of the raw public key) that are meant for `audience`."""

    def __init__(self, public_key_b64: str, audience: str) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key_b64))
        self._audience = audience
        self._known: dict[str, tuple[Principal, float]] = {}

    def verify(self, token: str) -> Principal:
        """Raises Unauthenticated, without saying more than a caller may know. A token that was verified is known until it expires."""
        known = self._known.get(token)
        if known is not None and known[1] > time.time():
            return known[0]
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=self._audience,
                issuer=_ISSUER,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "aud", "iss", "sub"]},
            )
            principal, until = _principal(claims), float(claims["exp"]) + _LEEWAY_SECONDS
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as invalid:
            raise Unauthenticated("token refused") from invalid
        if len(self._known) >= _KNOWN_TOKENS:
            self._known.clear()
        self._known[token] = (principal, until)
        return principal


def _principal(claims: dict[str, Any]) -> Principal:
    roles, territory, practitioner = claims["roles"], claims["territory"], claims.get("practitioner")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles) or not _TERRITORY.fullmatch(territory):
        raise ValueError("claims")
    return Principal(
        sub=UUID(claims["sub"]),
        roles=frozenset(roles),
        territory_id=territory,
        practitioner_id=None if practitioner is None else UUID(practitioner),
        initials=str(claims.get("initials", "")),
    )


_bearer = HTTPBearer(auto_error=False, description="EdDSA token of five minutes for this service")


# Our dependencies are coroutines although they wait for nothing: FastAPI would hand a plain function to a thread and wait for it.
async def authenticated(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)] = None
) -> Principal:
    """The caller, whatever the role; verified once a request."""
    known: Principal | None = getattr(request.state, "principal", None)
    if known is None:
        if credentials is None:
            raise Unauthenticated("a bearer token is needed")
        verifier: TokenVerifier = request.app.state.verifier
        known = request.state.principal = verifier.verify(credentials.credentials)
    return known


def require(*roles: Role) -> Callable[..., Awaitable[Principal]]:
    """Dependency that lets through who has one of `roles` ("admin" passes nowhere by itself); 401 or 403 otherwise."""
    allowed = frozenset[str](roles)

    async def principal(caller: Annotated[Principal, Depends(authenticated)]) -> Principal:
        if allowed.isdisjoint(caller.roles):
            raise Forbidden("this role may not do that")
        return caller

    return principal
