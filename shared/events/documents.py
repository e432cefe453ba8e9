"""The published language as documents: a JSON Schema per event and one AsyncAPI 3.0 page, generated from the classes.

`python -m shared.events.documents` writes them into docs/events; a contract test refuses a class that no longer matches, and a
change that an older consumer could not read.
"""

import json
from pathlib import Path
from typing import Any

import yaml

from shared.events.base import Event
from shared.events.registry import REGISTRY, TOPICS

FOLDER = Path(__file__).parents[2] / "docs" / "events"


def schema_of(event: type[Event]) -> dict[str, Any]:
    """JSON Schema (2020-12) of the record's value. Consumers ignore fields they do not know, so it is open to new ones."""
    schema = event.model_json_schema(mode="serialization")
    schema.pop("additionalProperties", None)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$id"] = f"urn:recours:event:{event.type}"
    schema["title"] = event.type
    schema["x-topic"] = event.topic
    schema["x-key"] = event.keyed_by
    schema["required"] = sorted(name for name, field in event.model_fields.items() if field.is_required() or name == "event_id")
    return schema


def asyncapi() -> dict[str, Any]:
    """Channels are topics, messages are events, operations say who sends."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for topic in TOPICS:
        events = [cls for cls in REGISTRY.values() if cls.topic == topic]
        channels[topic] = {
            "address": topic,
            "description": f"Published by {topic.split('.')[0]} only. Order is kept per key."
            if events
            else "Reserved; nothing is published yet.",
            "messages": {cls.type: {"$ref": f"#/components/messages/{cls.type}"} for cls in events},
        }
        if events:
            operations[f"send.{topic}"] = {"action": "send", "channel": {"$ref": f"#/channels/{topic}"}}
        for cls in events:
            messages[cls.type] = {
                "name": cls.type,
                "summary": (cls.__doc__ or "").strip().splitlines()[0],
                "contentType": "application/json",
                "headers": {"$ref": "#/components/schemas/CloudEventHeaders"},
                "payload": {"schemaFormat": "application/schema+json;version=2020-12", "schema": {"$ref": f"./{cls.type}.json"}},
                "bindings": {"kafka": {"key": {"type": "string", "format": "uuid", "description": cls.keyed_by}}},
            }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "recours events",
            "version": "1.0.0",
            "description": "Facts in the past tense, CloudEvents 1.0 in the binary binding for Kafka. Never an identity.",
        },
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": {"CloudEventHeaders": _CLOUD_EVENT_HEADERS}},
    }


_CLOUD_EVENT_HEADERS: dict[str, Any] = {
    "type": "object",
    "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time"],
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid"},
        "ce_source": {"type": "string", "pattern": "^urn:recours:[a-z]+$"},
        "ce_type": {"type": "string"},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_subject": {"type": "string"},
        "traceparent": {"type": "string"},
    },
}


def breaking_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Why a consumer of the `old` schema could not read what `new` writes, or the reverse. Within v1 only optional fields are added."""
    found = []
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in sorted(set(before) - set(after)):
        found.append(f"{name} was removed")
    for name in sorted(set(new.get("required", [])) - set(old.get("required", []))):
        found.append(f"{name} became required")
    for name in sorted(set(old.get("required", [])) - set(new.get("required", []))):
        found.append(f"{name} is no longer required")
    for name in sorted(set(before) & set(after)):
        if _meaning(before[name]) != _meaning(after[name]):  # a longer closed list too: an older consumer refuses the new code
            found.append(f"{name} has another type")
    for name in ("x-topic", "x-key"):
        if old.get(name) != new.get(name):
            found.append(f"{name[2:]} is another")
    return found


def _meaning(schema: Any) -> Any:
    """The schema without its words."""
    if isinstance(schema, dict):
        return {key: _meaning(value) for key, value in schema.items() if key not in ("description", "title", "default", "examples")}
    return [_meaning(value) for value in schema] if isinstance(schema, list) else schema


def write() -> list[Path]:
    """Write all documents; returns what is in the folder now. Documents of events that no longer exist are removed."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    written = []
    for event in REGISTRY.values():
        path = FOLDER / f"{event.type}.json"
        path.write_text(json.dumps(schema_of(event), indent=2, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
        written.append(path)
    page = FOLDER / "asyncapi.yaml"
    page.write_text(yaml.safe_dump(asyncapi(), sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")
    for stale in set(FOLDER.glob("*.json")) - set(written):
        stale.unlink()
    return [*written, page]


if __name__ == "__main__":
    write()
