"""What arrives on Kafka, at its worst: an event is read whole, or refused without quoting it."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.consumer import Incoming, readable_headers
from shared.events.base import Event
from shared.events.intake import RequestCancelled
from shared.events.registry import REGISTRY
from shared.ids import new_id

CANARY = "Zwartenbroeck"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(CANARY),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
CANCELLED = {
    "event_id": str(new_id()), "territory_id": "bievre", "version": 1, "occurred_at": "2026-11-24T08:00:00Z",
    "request_id": str(new_id()), "cause": "by_patient",
}  # fmt: skip


def read(event_class: type[Event], body: bytes) -> None:
    try:
        event = event_class.read(body)
    except ValidationError as refusal:
        assert CANARY not in str(refusal)
    else:
        assert event.occurred_at.tzinfo is not None and event.key
        assert event_class.read(event.body()) == event


@given(st.sampled_from(list(REGISTRY.values())), st.binary(max_size=200) | JSON.map(lambda content: json.dumps(content).encode()))
def test_any_body_is_an_event_or_refused_without_being_quoted(event_class: type[Event], body: bytes) -> None:
    read(event_class, body)


@given(st.sampled_from(list(REGISTRY.values())), st.data())
def test_any_fields_are_an_event_or_refused_without_being_quoted(event_class: type[Event], data: st.DataObject) -> None:
    names = st.sampled_from([*event_class.model_fields, "unknown"])
    said: dict[str, Any] = CANCELLED | data.draw(st.dictionaries(names, JSON, max_size=6))
    read(event_class, json.dumps(said).encode())


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'{"event_id":' * 10_000, json.dumps(CANCELLED).encode() + b"}", b"\x00"],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValidationError):
        RequestCancelled.read(body)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 0}, {"version": "one"}, {"version": 1.5}, {"territory_id": "../x"}, {"territory_id": "bievre\n"},
        {"event_id": "1"}, {"occurred_at": "2026-11-24T08:00:00"}, {"occurred_at": "yesterday"}, {"cause": CANARY}, {"cause": None},
        {"request_id": None},
    ],
    ids=repr,
)  # fmt: skip
def test_a_field_that_does_not_hold_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refusal:
        RequestCancelled.read(json.dumps(CANCELLED | changes).encode())
    assert CANARY not in str(refusal.value)


def test_a_later_release_may_say_more_and_the_last_of_two_equal_names_counts() -> None:
    more = json.dumps(CANCELLED | {"a_new_field": {"x": 1}})[:-1] + ', "cause": "no_longer_needed"}'
    assert RequestCancelled.read(more.encode()).cause == "no_longer_needed"


@given(st.lists(st.tuples(st.text(max_size=12), st.none() | st.binary(max_size=40)), max_size=6))
def test_any_headers_are_text_that_a_dead_letter_can_keep(headers: list[tuple[str, bytes | None]]) -> None:
    assert all("\x00" not in value.decode() for _, value in readable_headers(headers))


@given(st.dictionaries(st.sampled_from(["ce_id", "ce_type", "ce_time", "traceparent", "content-type"]), st.text(max_size=60)))
def test_any_cloudevents_headers_have_an_id_or_none(headers: dict[str, str]) -> None:
    incoming = Incoming("intake.requests", 0, 0, None, b"", headers)
    assert incoming.event_id is None or isinstance(incoming.event_id, UUID)
    assert incoming.event_type == headers.get("ce_type")
