"""The client signs, tries again only what may be tried again, and raises what the service raised."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import httpx
import pytest

from shared import http, telemetry
from shared.auth import Principal, TokenIssuer, TokenVerifier
from shared.errors import Forbidden, KeyReused, Malformed, NotFound, RecoursError, Refused, Stale, Unauthenticated, Unavailable

ISSUER = TokenIssuer.generate()
ME = Principal(uuid4(), frozenset({"secretary"}), "bievre", None, "ML")


@asynccontextmanager
async def talking_to(answer: Callable[[httpx.Request], httpx.Response]) -> AsyncIterator[http.ServiceClient]:
    client = http.ServiceClient("http://intake:8701", ISSUER, "intake", transport=httpx.MockTransport(answer))
    try:
        yield client
    finally:
        await client.close()


class SlotTaken(Refused):
    code = "slot_taken"


@pytest.mark.parametrize(
    "error",
    [
        NotFound("gone"),
        Forbidden("no"),
        Unauthenticated("who"),
        Stale("old", current={"version": 4}),
        KeyReused("again"),
        Malformed("bad", errors=[{"field": "a", "message": "b"}]),
        Unavailable("later"),
        SlotTaken("late", proposals=[1, 2]),
    ],
)
async def test_what_the_service_raised_is_raised(error: RecoursError) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        document = http.problem(error)
        return httpx.Response(document.status_code, content=bytes(document.body), headers={"Content-Type": "application/problem+json"})

    async with talking_to(answer) as client:
        with pytest.raises(RecoursError) as raised:
            await client.get("/x", principal=ME)
    assert (raised.value.code, raised.value.status, raised.value.detail) == (error.code, error.status, error.detail)
    assert raised.value.extra == error.extra
    assert isinstance(raised.value, Refused if isinstance(error, Refused) else type(error))


@pytest.mark.parametrize(
    ("status", "expected"),
    [(502, Unavailable), (504, Unavailable), (404, NotFound), (401, Unauthenticated), (409, Refused), (500, http.Unexpected)],
)
async def test_an_answer_that_is_no_problem_is_judged_by_its_status(status: int, expected: type[RecoursError]) -> None:
    async with talking_to(lambda _: httpx.Response(status, text="<html>")) as client:
        with pytest.raises(expected):
            await client.get("/x", principal=ME)


async def test_a_command_is_signed_keyed_conditional_and_in_the_current_trace() -> None:
    telemetry.setup("console", "none")
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(204)

    async with talking_to(answer) as client:
        with telemetry.tracer().start_as_current_span("click"):
            trace_id = telemetry.current_trace_id()
            body = await client.put(
                "/x", principal=ME, json={"a": 1}, params={"on": "2026-03-02", "no": None}, idempotency_key="k-1", if_match=4
            )
    [request] = seen
    assert body == {}
    assert (request.headers["Idempotency-Key"], request.headers["If-Match"]) == ("k-1", '"4"')
    assert TokenVerifier(ISSUER.public_key_b64, "intake").verify(request.headers["Authorization"].removeprefix("Bearer ")) == ME
    assert request.headers["traceparent"].split("-")[1] == trace_id
    assert str(request.url) == "http://intake:8701/x?on=2026-03-02"


@pytest.mark.parametrize(("key", "failures", "calls", "succeeds"), [("k", 2, 3, True), ("k", 3, 3, False), (None, 1, 1, False)])
async def test_only_a_command_with_a_key_is_tried_again_and_twice_at_most(
    key: str | None, failures: int, calls: int, succeeds: bool
) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("Idempotency-Key", ""))
        if len(seen) <= failures:
            raise httpx.ConnectError("refused")
        return httpx.Response(200, json={"version": 1})

    async with talking_to(answer) as client:
        if succeeds:
            assert await client.post("/x", principal=ME, json={}, idempotency_key=key) == {"version": 1}
        else:
            with pytest.raises(Unavailable):
                await client.post("/x", principal=ME, json={}, idempotency_key=key)
    assert seen == [key or ""] * calls


async def test_a_refusal_is_never_tried_again() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(409, json={"type": "urn:recours:slot_taken"})

    async with talking_to(answer) as client:
        with pytest.raises(Refused) as refused:
            await client.post("/x", principal=ME, idempotency_key="k")
    assert (refused.value.code, len(seen)) == ("slot_taken", 1)


async def test_a_service_that_is_not_there_is_unavailable() -> None:
    client = http.ServiceClient("http://127.0.0.1:9", ISSUER, "intake")
    with pytest.raises(Unavailable):
        await client.get("/x", principal=ME)
    await client.close()


async def test_a_person_keeps_the_token_of_the_last_minute_and_another_person_has_another() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(204)

    async with talking_to(answer) as client:
        for who in (ME, ME, replace(ME, sub=uuid4())):
            await client.get("/x", principal=who)
    assert seen[0] == seen[1] != seen[2]
