"""One trace through the process and out of it, and nothing personal in what is exported."""

import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import APIRouter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import http, telemetry
from shared.auth import Principal, TokenIssuer, TokenVerifier
from shared.db import Database
from shared.ids import new_id

PHONE = "0612345678"
ISSUER = TokenIssuer.generate()
SOMEBODY = Principal(new_id(), frozenset({"secretary"}), "bievre")


@pytest.fixture(autouse=True)
def _stop_exporting() -> Iterator[None]:
    yield
    telemetry.shutdown()


def spans(path: Path) -> list[dict[str, Any]]:
    telemetry.shutdown()
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_stored_traceparent_is_taken_up_later_without_any_exporter() -> None:
    telemetry.setup("intake", "none")
    assert telemetry.current_traceparent() is None
    with telemetry.tracer().start_as_current_span("command"):
        stored = telemetry.current_traceparent()
        trace_id = telemetry.current_trace_id()
    assert stored is not None and stored.startswith(f"00-{trace_id}-")
    with telemetry.attached(stored), telemetry.tracer().start_as_current_span("publish"):
        assert telemetry.current_trace_id() == trace_id
    assert telemetry.current_trace_id() is None


@pytest.mark.parametrize("traceparent", [None, "", "nonsense", "00-zz-zz-01"])
def test_an_unreadable_traceparent_changes_nothing(traceparent: str | None) -> None:
    telemetry.setup("intake", "none")
    with telemetry.tracer().start_as_current_span("outer"):
        before = telemetry.current_trace_id()
        with telemetry.attached(traceparent):
            assert telemetry.current_trace_id() == before


def test_spans_are_lines_of_a_file_linked_to_their_parent(tmp_path: Path) -> None:
    path = tmp_path / "traces" / "spans.jsonl"
    telemetry.setup("intake", f"file:{path}")
    with telemetry.tracer().start_as_current_span("outer"), telemetry.tracer().start_as_current_span("inner"):
        pass
    inner, outer = spans(path)
    assert (inner["name"], outer["name"], outer["service"]) == ("inner", "outer", "intake")
    assert inner["trace_id"] == outer["trace_id"] and inner["parent_id"] == outer["span_id"] and outer["parent_id"] is None
    assert outer["start"] <= inner["start"] <= inner["end"] <= outer["end"]


def test_only_allowed_attributes_leave_the_process(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    telemetry.setup("intake", f"file:{path}")
    with pytest.raises(ValueError), telemetry.tracer().start_as_current_span("work") as span:
        span.set_attributes({"enduser.id": PHONE, "url.query": f"phone={PHONE}", "url.path": f"/x/{PHONE}", "http.route": "/x/{id}"})
        span.set_attribute("url.full", f"http://user:{PHONE}@intake:8701/calls?phone={PHONE}")
        span.add_event("seen", {"words": PHONE})
        raise ValueError(f"bad number {PHONE}")
    [line] = spans(path)
    assert PHONE not in path.read_text()
    assert line["error"] is True
    assert line["attributes"] == {"http.route": "/x/{id}", "url.full": "http://intake:8701/calls"}


def test_any_exporter_gets_neither_messages_nor_event_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = InMemorySpanExporter()
    monkeypatch.setattr(telemetry, "OTLPSpanExporter", lambda: memory)
    telemetry.setup("intake", "otlp")
    with pytest.raises(ValueError), telemetry.tracer().start_as_current_span("work"):
        raise ValueError(f"bad number {PHONE}")
    monkeypatch.setattr(memory, "shutdown", lambda: None)
    telemetry.shutdown()
    [span] = memory.get_finished_spans()
    assert PHONE not in span.to_json()
    assert [dict(event.attributes or {}) for event in span.events] == [{"exception.type": "ValueError", "exception.escaped": "False"}]


async def test_a_command_is_one_trace_from_client_to_sql_and_without_parameters(
    tmp_path: Path, make_database: Callable[..., Awaitable[Database]]
) -> None:
    path = tmp_path / "spans.jsonl"
    telemetry.setup("intake", f"file:{path}")
    database = await make_database("intake")
    router = APIRouter()

    @router.get("/patients/{name}")
    async def patients(name: str, phone: str) -> dict[str, str]:
        async with database.reading() as sql:
            await sql.fetchval("SELECT $1::text", phone)
            with pytest.raises(asyncpg.InvalidTextRepresentationError):
                await sql.fetchval("SELECT ($1::text)::int", name)
        return {"trace_id": str(telemetry.current_trace_id())}

    app = http.make_app("intake", [router])
    app.state.verifier = TokenVerifier(ISSUER.public_key_b64, "intake")
    client = http.ServiceClient("http://intake", ISSUER, "intake", transport=httpx.ASGITransport(app))
    answer = await client.get("/patients/DUPONT", principal=SOMEBODY, params={"phone": PHONE})
    await client.close()
    async with database.reading() as sql:
        await sql.fetchval("SELECT 'outside any trace'")

    written = spans(path)
    text = path.read_text()
    assert PHONE not in text and "DUPONT" not in text
    assert {span["trace_id"] for span in written} == {answer["trace_id"]}
    by_id = {span["span_id"]: span for span in written}
    [sql_span] = [span for span in written if span["attributes"].get("db.statement") == "SELECT $1::text"]
    server = by_id[sql_span["parent_id"]]
    assert (server["kind"], server["name"]) == ("server", "GET /patients/{name}")
    assert by_id[server["parent_id"]]["kind"] == "client"
