"""Sessions: an opaque cookie whose hash is in the database, and the dependency that turns it into a Visitor of a page."""

import hashlib
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from services.console.accounts import Account, account_of
from shared.auth import Principal
from shared.db import Database
from shared.errors import Unavailable
from shared.territory import Territory

LIFETIME = timedelta(hours=12)  # a long shift; technical time
IDLE = timedelta(hours=4)  # a round of visits with the phone in a pocket; an open page keeps asking, so it is never idle
_SEEN_EVERY = timedelta(minutes=1)
_LANDING = (
    ("secretary", "/secretariat"), ("gp", "/medecin"), ("duty_doctor", "/medecin"), ("regulator", "/regulation"),
    ("arm", "/regulation"), ("ops", "/direct"),
)  # fmt: skip


class SignInNeeded(Exception):
    """No valid session: the page answers with the way to /connexion."""


class NotYourPage(Exception):
    """Signed in, but the role has no business here."""


@dataclass(frozen=True)
class Visitor:
    """Who is looking at the page."""

    account: Account
    territory: Territory

    @property
    def account_id(self) -> UUID:
        return self.account.id

    @property
    def principal(self) -> Principal:
        return self.account.principal

    @property
    def roles(self) -> frozenset[str]:
        return self.account.roles

    @property
    def display_name(self) -> str:
        return self.account.display_name

    @property
    def initials(self) -> str:
        return self.account.initials

    @property
    def practitioner_id(self) -> UUID | None:
        return self.account.practitioner_id

    @property
    def landing(self) -> str:
        """The first page after sign-in; roles without a page of their own get one that says what they may see."""
        return next((path for role, path in _LANDING if role in self.roles), "/accueil")


_OPEN = "INSERT INTO session (token_hash, account_id, expires_at) VALUES ($1, $2, clock_timestamp() + $3)"
_FORGET_OLD = "DELETE FROM session WHERE expires_at < clock_timestamp() OR seen_at < clock_timestamp() - $1::interval"
_FIND = """
    SELECT a.id, a.login, a.display_name, a.initials, a.roles, a.territory_id, a.practitioner_id,
        a.totp_secret IS NOT NULL AS second_factor, false AS disabled, s.seen_at < clock_timestamp() - $3::interval AS to_see
    FROM session AS s JOIN account AS a ON a.id = s.account_id
    WHERE s.token_hash = $1 AND s.expires_at > clock_timestamp() AND s.seen_at > clock_timestamp() - $2::interval AND a.disabled_at IS NULL
"""
_SEE = "UPDATE session SET seen_at = clock_timestamp() WHERE token_hash = $1"


async def open_session(database: Database, account: Account, *, replacing: str | None) -> str:
    """A fresh token, never one the browser brought; the session it replaces ends."""
    token = secrets.token_urlsafe(32)
    async with database.transaction() as tx:
        await tx.sql.execute(_FORGET_OLD, IDLE)
        if replacing:
            await tx.sql.execute("DELETE FROM session WHERE token_hash = $1", _hash(replacing))
        await tx.sql.execute(_OPEN, _hash(token), account.id, LIFETIME)
    return token


async def close_session(database: Database, token: str) -> None:
    async with database.transaction() as tx:
        await tx.sql.execute("DELETE FROM session WHERE token_hash = $1", _hash(token))


async def account_of_token(database: Database, token: str, *, using: bool = True) -> Account | None:
    """Whose session this is, if it stands. Not `using` it: asked for its own sake, which does not keep it from falling idle."""
    async with database.reading() as sql:
        row = await sql.fetchrow(_FIND, _hash(token), IDLE, _SEEN_EVERY)
    if row and row["to_see"] and using:
        async with database.transaction() as tx:
            await tx.sql.execute(_SEE, _hash(token))
    return account_of(row) if row else None


def cookie_name(request: Request) -> str:
    """With https the name itself forbids another host or path to set it."""
    return "__Host-recours" if _secure(request) else "recours"


def set_cookie(request: Request, response: Response, token: str) -> None:
    response.set_cookie(
        cookie_name(request), token, max_age=int(LIFETIME.total_seconds()), path="/", httponly=True, samesite="lax", secure=_secure(request)
    )


def clear_cookie(request: Request, response: Response) -> None:
    response.delete_cookie(cookie_name(request), path="/", httponly=True, samesite="lax", secure=_secure(request))


async def current_visitor(request: Request) -> Visitor:
    """The signed-in person, or SignInNeeded; read once a request."""
    known: Visitor | None = getattr(request.state, "visitor", None)
    if known is None:
        token = request.cookies.get(cookie_name(request))
        account = await account_of_token(request.app.state.service.database, token) if token else None
        territory = request.app.state.console.territories.get(account.territory_id) if account else None
        if account is None or territory is None:
            raise SignInNeeded
        known = request.state.visitor = Visitor(account, territory)
    return known


async def still_visiting(request: Request, visitor: Visitor) -> bool:
    """Whether the session behind `visitor` stands and gives the same rights: asked by what stays open, such as a live stream.

    While the database is away nobody can say; the answer is then yes.
    """
    token = request.cookies.get(cookie_name(request), "")
    try:
        return await account_of_token(request.app.state.service.database, token, using=False) == visitor.account
    except Unavailable:
        return True


def page_for(*roles: str) -> Callable[[Request], Coroutine[Any, Any, Visitor]]:
    """Dependency of a page: the visitor when he has one of `roles` (none given = any role), else SignInNeeded or NotYourPage."""
    allowed = frozenset(roles)

    async def visitor(request: Request) -> Visitor:
        known = await current_visitor(request)
        if allowed and allowed.isdisjoint(known.roles):
            raise NotYourPage
        return known

    return visitor


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _secure(request: Request) -> bool:
    return bool(request.app.state.console.settings.public_url.startswith("https:"))
