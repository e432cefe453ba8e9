"""Every application answers the same way: problems, ids, limits, ETags, metrics; and the operator's address."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

import asyncpg
import httpx
import pytest
from fastapi import APIRouter, Header
from pydantic import BaseModel, Field, field_validator

from shared import http, log, metrics
from shared.errors import Forbidden, NotFound, Refused, Stale, Unavailable
from shared.ids import new_id
from shared.settling import SettledReport

router = APIRouter(prefix="/things")


class Part(BaseModel):
    size: Annotated[int, Field(le=9)]
    colour: str = "red"

    @field_validator("colour")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in {"red", "blue"}:
            raise ValueError("is not one of our colours")
        return value


class Thing(BaseModel):
    name: str
    parts: list[Part] = []
    version: int = 1


class SlotTaken(Refused):
    code = "slot_taken"


ERRORS: Mapping[str, Exception] = {
    "refused": SlotTaken("too late", proposals=[Thing(name="next")], taken_by_initials="CR", status="ignored"),
    "not_found": NotFound("no such thing"),
    "forbidden": Forbidden(),
    "stale": Stale("seen 3", current=Thing(name="now", version=4)),
    "unavailable": Unavailable("later"),
    "connection": ConnectionRefusedError("0612345678"),
    "deadlock": asyncpg.DeadlockDetectedError("0612345678"),
    "fault": RuntimeError("DUPONT 0612345678"),
}


@router.get("/raise/{name}")
async def fail(name: str) -> None:
    raise ERRORS[name]


@router.get("/{thing_id}")
async def one(thing_id: int, limit: http.Limit = 50) -> Thing:
    return Thing(name="bolt", version=thing_id)


@router.get("")
async def several(min_version: http.MinVersionDep, x_desk: Annotated[int | None, Header()] = None) -> dict[str, Any]:
    return {"items": [], "wanted": min_version.version if min_version else None}


@router.post("")
async def make(thing: Thing) -> Thing:
    return thing


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = http.make_app("unit", [router])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://unit") as opened:
        yield opened


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("refused", 409, "slot_taken"),
        ("not_found", 404, "not_found"),
        ("forbidden", 403, "forbidden"),
        ("stale", 412, "stale"),
        ("unavailable", 503, "unavailable"),
        ("connection", 503, "unavailable"),
        ("deadlock", 503, "unavailable"),
        ("fault", 500, "unexpected"),
    ],
)
async def test_an_error_is_a_problem_with_its_code(client: httpx.AsyncClient, name: str, status: int, code: str) -> None:
    answer = await client.get(f"/things/raise/{name}")
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.json()["type"], answer.json()["status"]) == (f"urn:recours:{code}", status)
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert "0612345678" not in answer.text and "DUPONT" not in answer.text


async def test_a_refusal_carries_its_members_but_they_cannot_replace_ours(client: httpx.AsyncClient) -> None:
    document = (await client.get("/things/raise/refused")).json()
    assert document["proposals"] == [{"name": "next", "parts": [], "version": 1}]
    assert (document["taken_by_initials"], document["detail"], document["status"]) == ("CR", "too late", 409)


async def test_a_fault_is_logged_by_class_and_request_only(client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]) -> None:
    log.setup("unit")
    answer = await client.get("/things/raise/fault", headers={"X-Request-Id": "desk-0001-a"})
    output = capsys.readouterr().err
    line = json.loads(output.splitlines()[0])
    assert (line["event"], line["error"], line["http_request_id"]) == ("request_failed", "RuntimeError", "desk-0001-a")
    assert "DUPONT" not in output
    assert answer.json() == {"type": "urn:recours:unexpected", "title": "unexpected", "status": 500, "detail": "unexpected fault"}


async def test_wrong_fields_are_named_with_dots_and_their_values_are_not_repeated(client: httpx.AsyncClient) -> None:
    body = {"parts": [{"size": 1}, {"size": 12345, "colour": "DUPONT"}]}
    answer = await client.post("/things", json=body)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:recours:malformed")
    assert answer.json()["errors"] == [
        {"field": "name", "message": "Field required"},
        {"field": "parts.1.size", "message": "Input should be less than or equal to 9"},
        {"field": "parts.1.colour", "message": "is not one of our colours"},
    ]
    assert "12345" not in answer.text and "DUPONT" not in answer.text


@pytest.mark.parametrize(
    ("path", "headers", "field"),
    [
        ("/things/1?limit=201", {}, "limit"),
        ("/things/1?limit=0", {}, "limit"),
        ("/things/x", {}, "thing_id"),
        ("/things", {"X-Desk": "a"}, "x-desk"),
        ("/things?min_version=7", {}, "min_version"),
    ],
)
async def test_wrong_parameters_are_named_too(client: httpx.AsyncClient, path: str, headers: dict[str, str], field: str) -> None:
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_unreadable_json_and_unknown_routes_are_problems(client: httpx.AsyncClient) -> None:
    answer = await client.post("/things", content=b"{DUPONT", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:recours:malformed")
    assert "DUPONT" not in answer.text
    assert (await client.get("/nowhere")).json()["type"] == "urn:recours:not_found"
    refused = await client.delete("/things/1")
    assert (refused.status_code, refused.json()["type"]) == (405, "urn:recours:method_not_allowed")
    assert (await client.delete("/things")).headers["Allow"] == "GET, POST"


async def test_min_version_is_read(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"/things?min_version={new_id()}:7")).json()["wanted"] == 7


async def test_the_request_id_is_kept_when_it_looks_like_one_and_made_otherwise(client: httpx.AsyncClient) -> None:
    kept = await client.get("/things/1", headers={"X-Request-Id": "desk-0001-a"})
    assert kept.headers["X-Request-Id"] == "desk-0001-a"
    for odd in ("0612345678", "a b c d e f g", "x", "é" * 10, "a" * 65):
        made = (await client.get("/things/1", headers=[(b"x-request-id", odd.encode())])).headers["X-Request-Id"]
        assert made != odd and len(made) == 36


async def test_a_representation_with_a_version_has_it_as_etag(client: httpx.AsyncClient) -> None:
    assert (await client.get("/things/7")).headers["ETag"] == '"7"'
    assert "ETag" not in (await client.get("/things")).headers


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_one_mebibyte_is_refused(client: httpx.AsyncClient, chunked: bool) -> None:
    async def send(size: int) -> httpx.Response:
        body = b'{"name": "' + b"a" * (size - 12) + b'"}'

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(body), 65_536):
                yield body[start : start + 65_536]

        headers = {"Content-Type": "application/json"} | ({"Transfer-Encoding": "chunked"} if chunked else {})
        return await client.post("/things", content=pieces() if chunked else body, headers=headers)

    assert (await send(http.BODY_LIMIT_BYTES)).status_code == 200
    refused = await send(http.BODY_LIMIT_BYTES + 1)
    assert (refused.status_code, refused.json()["type"]) == (413, "urn:recours:too_large")


async def test_time_is_measured_by_route_never_by_path(client: httpx.AsyncClient) -> None:
    await client.get("/things/424242")
    await client.get("/DUPONT/0612345678")
    page = metrics.exposition().decode()
    assert 'recours_http_request_seconds_count{method="GET",route="/things/{thing_id}",service="unit",status="200"}' in page
    assert 'route="unmatched",service="unit",status="404"' in page
    assert "424242" not in page and "DUPONT" not in page


class _Service:
    """Answers what the test wants the operator to see."""

    def __init__(self) -> None:
        self.parts = {"ready": True, "database": True, "kafka": True, "redis": True}
        self.ticks = 0

    async def health(self) -> Mapping[str, bool]:
        return self.parts

    async def settled(self) -> SettledReport:
        return SettledReport(service="unit", quiet=True, counters={"recorded": 2}, confirmed={}, positions={})

    async def tick(self) -> int:
        self.ticks += 1
        return 3


@pytest.mark.parametrize(
    ("away", "status", "word"),
    [(None, 200, "ok"), ("redis", 200, "degraded"), ("kafka", 200, "degraded"), ("database", 503, "down"), ("ready", 503, "down")],
)
async def test_health_names_the_parts_and_only_the_vital_ones_make_it_fail(away: str | None, status: int, word: str) -> None:
    service = _Service()
    if away is not None:
        service.parts[away] = False
    async with httpx.AsyncClient(transport=httpx.ASGITransport(http.make_ops_app(service)), base_url="http://ops") as ops:
        answer = await ops.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (status, word)
    assert answer.json()["parts"] == {name: "up" if name != away else "away" for name in service.parts}


async def test_the_operator_reads_metrics_and_steps_the_service() -> None:
    service = _Service()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(http.make_ops_app(service)), base_url="http://ops") as ops:
        page = await ops.get("/metrics")
        assert page.headers["Content-Type"].startswith("text/plain") and "recours_outbox_pending" in page.text
        assert (await ops.get("/internal/settled")).json()["counters"] == {"recorded": 2}
        assert (await ops.post("/internal/tick")).json() == {"ran": 3}
    assert service.ticks == 1


async def test_the_operators_paths_are_not_on_the_public_address(client: httpx.AsyncClient) -> None:
    for path in ("/health", "/metrics", "/internal/settled"):
        assert (await client.get(path)).status_code == 404
