"""A command with an Idempotency-Key is done once, whoever repeats it and whenever, against a real database."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI

from shared import http
from shared.auth import Principal, TokenIssuer, TokenVerifier, require
from shared.db import Connection, Database, Tx
from shared.errors import KeyReused, Malformed, Refused, Stale
from shared.ids import new_id

ISSUER = TokenIssuer.generate()
ME = Principal(uuid4(), frozenset({"secretary"}), "bievre")
COUNT = "SELECT count(*) FROM due_work WHERE kind = 'unit'"

router = APIRouter()


async def _show(sql: Connection, subject_id: UUID) -> dict[str, Any]:
    """Reads in the transaction that wrote: a subject that cannot be shown was not made."""
    territory_id = await sql.fetchval("SELECT territory_id FROM due_work WHERE kind = 'unit' AND subject_id = $1", subject_id)
    if territory_id == "invisible":
        raise Refused("cannot be shown")
    return {"subject_id": str(subject_id), "state": territory_id, "version": 1}


@router.post("/things", status_code=201)
async def make(body: dict[str, Any], _: Annotated[Principal, Depends(require("secretary"))], command: http.CommandDep) -> dict[str, Any]:
    """Each run makes a new subject: running twice would be seen."""

    async def do(tx: Tx, now: datetime) -> UUID:
        if body.get("refused"):
            await tx.schedule("unit", "half", new_id(), now)
            raise Refused("no")
        if command.if_match == 1:
            raise Stale("seen 1", current={"version": 2})
        subject_id = new_id()
        await tx.schedule("unit", body.get("state", "fresh"), subject_id, now)
        await asyncio.sleep(0.05)  # wide enough for a concurrent repeat to arrive meanwhile
        return subject_id

    return await command.run(do, _show)


@pytest.fixture
async def database(make_database: Callable[..., Awaitable[Database]]) -> Database:
    return await make_database("intake")


@pytest.fixture
def client(database: Database) -> http.ServiceClient:
    app: FastAPI = http.make_app("intake", [router])
    app.state.verifier = TokenVerifier(ISSUER.public_key_b64, "intake")
    app.state.service = SimpleNamespace(database=database)
    return http.ServiceClient("http://intake", ISSUER, "intake", transport=httpx.ASGITransport(app))


async def count(database: Database) -> int:
    async with database.reading() as sql:
        return int(await sql.fetchval(COUNT))


async def test_a_repeat_shows_the_present_state_and_does_nothing(client: http.ServiceClient, database: Database) -> None:
    first = await client.post("/things", principal=ME, json={"a": 1}, idempotency_key="k")
    async with database.transaction() as tx:
        await tx.sql.execute("UPDATE due_work SET territory_id = 'later'")
    second = await client.post("/things", principal=ME, json={"a": 1}, idempotency_key="k")
    assert (first["state"], second["state"]) == ("fresh", "later")
    assert first["subject_id"] == second["subject_id"]
    assert await count(database) == 1
    async with database.reading() as sql:
        row = await sql.fetchrow("SELECT caller, key, status, subject_id FROM idempotency_key")
    assert tuple(row or ()) == (ME.sub, "k", 201, UUID(first["subject_id"]))


async def test_concurrent_repeats_wait_and_see_one_subject(client: http.ServiceClient, database: Database) -> None:
    answers = await asyncio.gather(*(client.post("/things", principal=ME, json={}, idempotency_key="k") for _ in range(8)))
    assert len({answer["subject_id"] for answer in answers}) == 1
    assert await count(database) == 1


async def test_a_key_with_another_body_is_refused(client: http.ServiceClient, database: Database) -> None:
    await client.post("/things", principal=ME, json={"a": 1}, idempotency_key="k")
    with pytest.raises(KeyReused):
        await client.post("/things", principal=ME, json={"a": 2}, idempotency_key="k")
    assert await count(database) == 1


async def test_keys_belong_to_their_caller_and_no_key_means_each_time(client: http.ServiceClient, database: Database) -> None:
    somebody = Principal(uuid4(), frozenset({"secretary"}), "bievre")
    await client.post("/things", principal=ME, json={}, idempotency_key="k")
    await client.post("/things", principal=somebody, json={}, idempotency_key="k")
    await client.post("/things", principal=ME, json={})
    await client.post("/things", principal=ME, json={})
    assert await count(database) == 4


async def test_a_refusal_changes_nothing_and_leaves_the_key_free(client: http.ServiceClient, database: Database) -> None:
    with pytest.raises(Refused):
        await client.post("/things", principal=ME, json={"refused": True}, idempotency_key="k")
    assert await count(database) == 0
    await client.post("/things", principal=ME, json={}, idempotency_key="k")
    assert await count(database) == 1


async def test_what_cannot_be_shown_was_not_done(client: http.ServiceClient, database: Database) -> None:
    with pytest.raises(Refused):
        await client.post("/things", principal=ME, json={"state": "invisible"}, idempotency_key="k")
    assert await count(database) == 0


async def test_the_handler_gets_the_version_the_caller_saw(client: http.ServiceClient) -> None:
    with pytest.raises(Stale) as stale:
        await client.post("/things", principal=ME, json={}, if_match=1)
    assert stale.value.extra["current"] == {"version": 2}
    assert (await client.post("/things", principal=ME, json={}, if_match=2))["state"] == "fresh"


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({"Idempotency-Key": "k" * 201}, "Idempotency-Key"),
        ({"Idempotency-Key": "a b"}, "Idempotency-Key"),
        ({"If-Match": "soon"}, "If-Match"),
    ],
)
async def test_unreadable_headers_are_named(client: http.ServiceClient, database: Database, headers: dict[str, str], field: str) -> None:
    app = http.make_app("intake", [router])
    app.state.verifier = TokenVerifier(ISSUER.public_key_b64, "intake")
    app.state.service = SimpleNamespace(database=database)
    signed = {"Authorization": f"Bearer {ISSUER.issue(ME, 'intake')}", **headers}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://intake") as raw:
        answer = await raw.post("/things", json={}, headers=signed)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (Malformed.status, field)
    assert await count(database) == 0
