"""Each event against its stored schema, both ways: what we write an older consumer reads, what it wrote we read."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.events import REGISTRY, TOPICS, Event, event_class
from shared.events.base import headers_of
from shared.events.documents import FOLDER, asyncapi, breaking_changes, schema_of
from shared.events.scheduling import ProposedAct
from shared.ids import new_id

EVENTS = sorted(REGISTRY.values(), key=lambda cls: cls.type)
_IDENTIFIERS = ("name", "phone", "address", "birth", "ins", "nir", "email", "words", "comment", "text")
_PROFESSIONAL_NAMES = {"display_name"}


def stored(event: type[Event]) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((FOLDER / f"{event.type}.json").read_text(encoding="utf-8"))
    return schema


@pytest.mark.parametrize("event", EVENTS, ids=lambda cls: cls.type)
def test_the_stored_schema_is_the_one_of_the_class(event: type[Event]) -> None:
    assert stored(event) == schema_of(event), "run `python -m shared.events.documents` and look at the difference"


def test_the_asyncapi_page_is_up_to_date() -> None:
    assert yaml.safe_load((FOLDER / "asyncapi.yaml").read_text(encoding="utf-8")) == asyncapi()


@pytest.mark.parametrize("event", EVENTS, ids=lambda cls: cls.type)
def test_an_event_says_where_it_goes(event: type[Event]) -> None:
    assert event.topic in TOPICS
    assert event.type.startswith(event.topic.split(".")[0] + ".")
    assert event.keyed_by in event.model_fields
    assert event_class(event.type) is event
    assert (event.__doc__ or "").strip()


@pytest.mark.parametrize("event", EVENTS, ids=lambda cls: cls.type)
def test_no_event_has_a_field_for_an_identity(event: type[Event]) -> None:
    parts = {part for field in set(event.model_fields) - _PROFESSIONAL_NAMES for part in field.split("_")}
    assert parts.isdisjoint(_IDENTIFIERS)


@pytest.mark.parametrize("event", EVENTS, ids=lambda cls: cls.type)
def test_what_we_write_fits_the_schema_and_is_read_back(event: type[Event]) -> None:
    validator = jsonschema.Draft202012Validator(stored(event))

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.builds(event, **_strategies(event)))
    def check(instance: Event) -> None:
        written = json.loads(instance.body())
        validator.validate(written)
        assert event.read(instance.body()) == instance
        assert event.read(json.dumps(written | {"a_field_of_tomorrow": {"x": 1}}).encode()) == instance

    check()


_MOMENTS = st.integers(1_700_000_000, 2_100_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
_CODES = st.from_regex(r"\A[a-z0-9_]{1,40}\Z")
# What Hypothesis cannot draw from an annotation because a pattern rules it.
_BY_NAME: dict[str, Any] = {
    "territory_id": st.from_regex(r"\A[a-z][a-z0-9-]{1,30}\Z"),
    "commune": st.from_regex(r"\A[0-9][0-9AB][0-9]{3}\Z"),
    "cell": st.none() | st.from_regex(r"\A[0-9]{5,7}:[0-9]{5,7}\Z"),
    "reason": st.from_regex(r"\AQ(0[1-9]|1[0-9]|20)\Z"),
    "flags": st.lists(_CODES, max_size=4), "priority": st.lists(_CODES, max_size=4),
    "cause": _CODES, "outcome": _CODES, "why": _CODES, "rule": st.none() | _CODES,
    "acts": st.lists(st.builds(ProposedAct, code=st.from_regex(r"\A[A-Z]{1,5}\Z"), amount_euros=st.decimals(0, 999, places=2)), max_size=3),
}  # fmt: skip


def _strategies(event: type[Event]) -> dict[str, Any]:
    """Aware UTC instants and the closed lists of codes; the rest from the annotations."""
    drawn: dict[str, Any] = {}
    for name, field in event.model_fields.items():
        if "datetime.datetime" in str(field.annotation) or "AwareDatetime" in str(field.annotation):
            drawn[name] = _MOMENTS if field.is_required() else st.none() | _MOMENTS
        elif name in _BY_NAME and "Literal" not in str(field.annotation):
            drawn[name] = _BY_NAME[name]
    return drawn


def test_headers_are_cloudevents() -> None:
    event = REGISTRY["intake.RequestCancelled.v1"]
    body = {"event_id": str(new_id()), "territory_id": "bievre", "version": 1, "occurred_at": "2026-03-02T08:00:00Z",
            "request_id": str(new_id()), "cause": "by_patient"}  # fmt: skip
    instance = event.read(json.dumps(body).encode())
    headers = headers_of(instance, recorded_at=instance.occurred_at, traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01")
    schema = asyncapi()["components"]["schemas"]["CloudEventHeaders"]
    jsonschema.Draft202012Validator(schema).validate(headers)
    assert headers["ce_source"] == "urn:recours:intake"
    assert headers["ce_subject"] == instance.key


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda schema: schema["properties"].pop("urgency"), "urgency was removed"),
        (lambda schema: schema["required"].append("cell"), "cell became required"),
        (lambda schema: schema["required"].remove("see_by"), "see_by is no longer required"),
        (lambda schema: schema["properties"]["urgency"]["enum"].append("whenever"), "urgency has another type"),
        (lambda schema: schema.update({"x-key": "patient_id"}), "key is another"),
    ],
    ids=["removed", "required", "optional", "longer_list", "key"],
)
def test_a_change_that_an_older_consumer_could_not_read_is_found(change: Any, told: str) -> None:
    old = schema_of(REGISTRY["intake.RequestQualified.v1"])
    new = json.loads(json.dumps(old))
    change(new)
    assert breaking_changes(old, new) == [told]


def test_a_new_optional_field_is_allowed() -> None:
    old = schema_of(REGISTRY["intake.RequestQualified.v1"])
    new = json.loads(json.dumps(old))
    new["properties"]["of_tomorrow"] = {"type": "string"}
    assert breaking_changes(old, new) == []


def test_nothing_released_was_broken() -> None:
    """Against the schemas of the last two releases (git tags v*); before the first release there is nothing to keep."""
    root = Path(__file__).parents[2]
    tags = subprocess.run(
        ["git", "tag", "--list", "v*", "--sort=-v:refname"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.split()
    for tag in tags[:2]:
        for event in EVENTS:
            shown = subprocess.run(
                ["git", "show", f"{tag}:docs/events/{event.type}.json"], cwd=root, capture_output=True, text=True, check=False
            )
            if shown.returncode == 0:
                assert breaking_changes(json.loads(shown.stdout), schema_of(event)) == [], f"{event.type} since {tag}"
