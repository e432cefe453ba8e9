"""One write over HTTP: a transaction, honoured once per Idempotency-Key, answered from the subject's present state."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Depends, Header, Request

from shared import clock
from shared.auth import Principal, authenticated
from shared.db import Connection, Database, Tx
from shared.errors import KeyReused, Malformed

T = TypeVar("T")

_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_IF_MATCH = re.compile(r'(?:W/)?"?(\d{1,9})"?')
_NOBODY = UUID(int=0)

# The claim waits for a concurrent command with the same key: its row is then seen below.
_CLAIM = """
    INSERT INTO idempotency_key (caller, key, request_hash, status, subject_id)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (caller, key) DO NOTHING
    RETURNING true
"""
_SELECT = "SELECT request_hash, subject_id FROM idempotency_key WHERE caller = $1 AND key = $2"
_SET_SUBJECT = "UPDATE idempotency_key SET subject_id = $3 WHERE caller = $1 AND key = $2"


class Command:
    """What a route does to write. `if_match` is the version the caller saw: the handler compares after locking and raises Stale."""

    def __init__(
        self,
        database: Database,
        principal: Principal,
        *,
        key: str | None = None,
        request_hash: bytes = b"",
        status: int = 200,
        if_match: int | None = None,
    ) -> None:
        self.principal = principal
        self.if_match = if_match
        self._database = database
        self._key = key
        self._request_hash = request_hash
        self._status = status

    async def run(self, do: Callable[[Tx, datetime], Awaitable[UUID]], show: Callable[[Connection, UUID], Awaitable[T]]) -> T:
        """Do it once, show the subject as it then is, and commit; a repeated key only shows. What either raises rolls everything back.

        `show` reads in the transaction that wrote, so it may keep nothing of what it reads: the commit is still to come. Raises
        KeyReused when the key came before with another method, path or body.
        """
        async with self._database.transaction() as tx:
            subject_id = await self._already_done(tx)
            if subject_id is None:
                subject_id = await do(tx, clock.now())
                if self._key is not None:
                    await tx.sql.execute(_SET_SUBJECT, self.principal.sub, self._key, subject_id)
                return await show(tx.sql, subject_id)
        async with self._database.reading() as connection:
            return await show(connection, subject_id)

    async def _already_done(self, tx: Tx) -> UUID | None:
        if self._key is None:
            return None
        caller = self.principal.sub
        if await tx.sql.fetchval(_CLAIM, caller, self._key, self._request_hash, self._status, _NOBODY):
            return None
        row = await tx.sql.fetchrow(_SELECT, caller, self._key)
        if row is None or row["request_hash"] != self._request_hash:
            raise KeyReused("this Idempotency-Key came with another request")
        subject_id: UUID = row["subject_id"]
        return subject_id


async def database(request: Request) -> Database:
    """The service's database, open during the lifespan."""
    found: Database = request.app.state.service.database
    return found


async def command(
    request: Request,
    principal: Annotated[Principal, Depends(authenticated)],
    opened: Annotated[Database, Depends(database)],
    idempotency_key: Annotated[str | None, Header(description="Repeat a command with the same key: it is done once")] = None,
    if_match: Annotated[str | None, Header(description="The version the caller saw, as in ETag")] = None,
) -> Command:
    """Dependency: `command: Annotated[Command, Depends(http.command)]`, beside `require(…)` which says who may."""
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise Malformed("bad header", errors=[{"field": "Idempotency-Key", "message": "1 to 200 visible ASCII characters"}])
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + await request.body()).digest()
    status = getattr(request.scope.get("route"), "status_code", None) or 200
    return Command(opened, principal, key=idempotency_key, request_hash=digest, status=status, if_match=_version(if_match))


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    matched = _IF_MATCH.fullmatch(if_match.strip())
    if matched is None:
        raise Malformed("bad header", errors=[{"field": "If-Match", "message": "one version, as in ETag"}])
    return int(matched[1])


CommandDep = Annotated[Command, Depends(command)]
DatabaseDep = Annotated[Database, Depends(database)]
