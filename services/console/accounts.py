"""Local accounts: Argon2id passwords, an optional second factor (RFC 6238), roles and territory. Kept in the console's database."""

import asyncio
from dataclasses import dataclass
from typing import Literal, get_args
from uuid import UUID

import asyncpg
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.console import totp
from shared import log
from shared.auth import Principal, Role
from shared.db import Database
from shared.errors import Malformed, NotFound
from shared.ids import new_id

_HASHER = PasswordHasher()  # Argon2id, the library's defaults (RFC 9106, low-memory profile: 64 MiB, 3 passes)
_MACHINE_MADE = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1)
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$cmVjb3Vycy1ub2JvZHk$7qVzRgmbG6CZ9dPzBSHGBZKa2lSjg0nYy8Tg2p6fX2E"
MIN_PASSWORD = 10

_log = log.get("console")

Refusal = Literal["unknown", "code_needed", "code_wrong"]


@dataclass(frozen=True)
class Account:
    """A member of the staff. `id` is the `sub` of the tokens and the author of what he does."""

    id: UUID
    login: str
    display_name: str
    initials: str
    roles: frozenset[str]
    territory_id: str
    practitioner_id: UUID | None
    second_factor: bool
    disabled: bool

    @property
    def principal(self) -> Principal:
        return Principal(self.id, self.roles, self.territory_id, self.practitioner_id, self.initials)


_COLUMNS = """id, login, display_name, initials, roles, territory_id, practitioner_id,
    totp_secret IS NOT NULL AS second_factor, disabled_at IS NOT NULL AS disabled"""

_UPSERT = """
    INSERT INTO account (id, login, password_hash, display_name, initials, roles, territory_id, practitioner_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (login) DO UPDATE SET password_hash = excluded.password_hash, display_name = excluded.display_name,
        initials = excluded.initials, roles = excluded.roles, territory_id = excluded.territory_id,
        practitioner_id = excluded.practitioner_id, disabled_at = NULL
    RETURNING id
"""


async def add_account(
    database: Database,
    login: str,
    password: str,
    display_name: str,
    roles: list[str],
    territory_id: str,
    practitioner_id: UUID | None,
    initials: str,
    *,
    account_id: UUID | None = None,
    machine_made: bool = False,
) -> UUID:
    """Make the account, or give an existing login this password and these roles (its id stays, its sessions end). Raises Malformed.

    A `machine_made` password of 60 random bits cannot be guessed from its hash: it is hashed quickly now, and slowly at the first sign-in.
    """
    unknown = set(roles) - set(get_args(Role))
    if not roles or unknown:
        raise Malformed("roles", errors=[{"field": "roles", "message": f"unknown: {sorted(unknown)}" if unknown else "at least one"}])
    if len(password) < MIN_PASSWORD:
        raise Malformed("password", errors=[{"field": "password", "message": f"at least {MIN_PASSWORD} characters"}])
    hashed = await asyncio.to_thread((_MACHINE_MADE if machine_made else _HASHER).hash, password)
    async with database.transaction() as tx:
        added: UUID = await tx.sql.fetchval(
            _UPSERT, account_id or new_id(), login.strip().lower(), hashed, display_name, initials, roles, territory_id, practitioner_id
        )
        await tx.sql.execute(_END_SESSIONS, added)
    return added


_END_SESSIONS = "DELETE FROM session WHERE account_id = $1"

_BY_LOGIN = """
    SELECT id, login, display_name, initials, roles, territory_id, practitioner_id, totp_secret IS NOT NULL AS second_factor,
        disabled_at IS NOT NULL AS disabled, password_hash, totp_secret, totp_last_step
    FROM account WHERE login = $1
"""
_SPEND_CODE = "UPDATE account SET totp_last_step = $2 WHERE id = $1 AND totp_last_step < $2"
_REHASH = "UPDATE account SET password_hash = $2 WHERE id = $1"


async def verify(
    database: Database, login: str, password: str, *, code: str = "", sealer: totp.SecretBox | None = None
) -> Account | Refusal:
    """Who this is, or why not. An unknown login costs the same work as a wrong password, and says the same."""
    wanted = login.strip().lower()
    async with database.reading() as sql:
        row = await sql.fetchrow(_BY_LOGIN, wanted) if wanted.isprintable() else None
    right = await asyncio.to_thread(_matches, row["password_hash"] if row else _NOBODY, password)
    if row is not None and not right and _HASHER.check_needs_rehash(row["password_hash"]):
        await asyncio.to_thread(_matches, _NOBODY, password)  # its own hash is quick (machine-made): that would tell that it exists
    if row is None or not right or row["disabled"]:
        return "unknown"
    if row["totp_secret"] is not None:
        if not code.strip():
            return "code_needed"
        step = _step_of(row["totp_secret"], code, sealer)
        if step is None or not await _spend(database, row["id"], step):
            return "code_wrong"
    if _HASHER.check_needs_rehash(row["password_hash"]):
        hashed = await asyncio.to_thread(_HASHER.hash, password)
        async with database.transaction() as tx:
            await tx.sql.execute(_REHASH, row["id"], hashed)
    return account_of(row)


def _step_of(sealed: bytes, code: str, sealer: totp.SecretBox | None) -> int | None:
    try:
        return totp.matching_step(sealer.open(sealed), code) if sealer else None
    except ValueError:
        _log.error("second_factor_of_another_key")  # the stack's key changed: `recours user` gives a new second factor
        return None


async def _spend(database: Database, account_id: UUID, step: int) -> bool:
    async with database.transaction() as tx:
        return bool(await tx.sql.execute(_SPEND_CODE, account_id, step) == "UPDATE 1")


async def require_second_factor(database: Database, login: str, sealer: totp.SecretBox) -> str:
    """Give the account a new TOTP secret and return it (base32, to be shown once). Raises NotFound."""
    secret = totp.new_secret()
    async with database.transaction() as tx:
        done = await tx.sql.execute(
            "UPDATE account SET totp_secret = $2, totp_last_step = 0 WHERE login = $1", login.strip().lower(), sealer.seal(secret)
        )
    if done != "UPDATE 1":
        raise NotFound("no account of that login")
    return totp.as_base32(secret)


_DISABLE = "UPDATE account SET disabled_at = clock_timestamp() WHERE login = $1 RETURNING id"


async def disable(database: Database, login: str) -> None:
    """Close the account and all its sessions at once. Raises NotFound."""
    async with database.transaction() as tx:
        account_id = await tx.sql.fetchval(_DISABLE, login.strip().lower())
        if account_id is None:
            raise NotFound("no account of that login")
        await tx.sql.execute(_END_SESSIONS, account_id)


async def list_accounts(database: Database) -> list[Account]:
    """All accounts by login, the disabled ones too; never a hash."""
    async with database.reading() as sql:
        rows = await sql.fetch(f"SELECT {_COLUMNS} FROM account ORDER BY login")  # noqa: S608 - a constant
    return [account_of(row) for row in rows]


def account_of(row: asyncpg.Record) -> Account:
    return Account(
        row["id"], row["login"], row["display_name"], row["initials"], frozenset(row["roles"]), row["territory_id"],
        row["practitioner_id"], row["second_factor"], row["disabled"],
    )  # fmt: skip


def _matches(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False
