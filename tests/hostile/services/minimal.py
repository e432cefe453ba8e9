"""The smallest valid call of each operation of an OpenAPI document, with ids that exist: it gets past every check of form."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.hostile.services.platform import Known

_BY_FORMAT = {"date": "2026-11-25", "date-time": "2026-11-25T09:00:00Z", "time": "09:00:00", "uuid": "01a204c9-0000-7000-8000-000000000001"}
# A word for each pattern of our types; the first that names the field decides, then the pattern.
_BY_NAME = {
    "commune": "94021", "insee": "94021", "rpps": "10000000001", "phone": "0199004815", "reason": "Q06", "territory_id": "bievre",
    "cell": "652000:6855000", "from": "09:00:00", "to": "12:00:00", "starts_at": "2026-11-25T09:00:00Z", "ends_at": "2026-11-25T12:00:00Z",
    "outcome": "pharmacy", "cause": "by_patient", "purpose": "call", "acts": "G",
}  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One operation, ready to be sent."""

    label: str
    method: str
    template: str
    path: str
    params: dict[str, Any]
    body: Any
    names_ids: bool
    """Some id in its path or body exists."""


def calls(document: dict[str, Any], known: Known, place: int = 0) -> Iterator[Call]:
    """Each operation once, with the id of each kind that stands at `place`."""
    for template, operations in document["paths"].items():
        for method, operation in operations.items():
            builder = _Builder(document, known, place)
            parameters = operation.get("parameters", [])
            in_path = {one["name"]: builder.value(one["name"], one["schema"]) for one in parameters if one["in"] == "path"}
            params = {
                one["name"]: builder.value(one["name"], one["schema"]) for one in parameters if one["in"] == "query" and one["required"]
            }
            body = None
            if "requestBody" in operation:
                body = builder.value("", operation["requestBody"]["content"]["application/json"]["schema"])
            yield Call(
                f"{method.upper()} {template}", method.upper(), template, template.format(**in_path), params, body, builder.named > 0
            )


class _Builder:
    def __init__(self, document: dict[str, Any], known: Known, place: int) -> None:
        self._document, self._known, self._place = document, known, place
        self.named = 0

    def value(self, name: str, schema: dict[str, Any]) -> Any:
        if "$ref" in schema:
            return self.value(name, self._document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
        if name == "qualified" and self._known.qualified:
            self.named += 1
            return self._known.qualified[0]
        if name in self._known.ids and schema.get("type") != "array":
            self.named += 1
            ids = self._known.ids[name]
            return ids[min(self._place, len(ids) - 1)]
        for choice in ("anyOf", "oneOf", "allOf"):
            if choice in schema:
                return self.value(name, schema[choice][0])
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        match schema.get("type"):
            case "object":
                required = set(schema.get("required", ())) | ({"birth_date"} & set(schema.get("properties", ())))
                return {field: self.value(field, inner) for field, inner in schema.get("properties", {}).items() if field in required}
            case "array":
                return self._items(name, schema)
            case "integer" | "number":
                return max(1, schema.get("minimum", 1))
            case "boolean":
                return True
        return _BY_NAME.get(name) or _BY_FORMAT.get(schema.get("format", "")) or "by_patient"

    def _items(self, name: str, schema: dict[str, Any]) -> list[Any]:
        if name in self._known.ids:
            self.named += 1
            return self._known.ids[name][:5]
        return [self.value(name, schema["items"])] if schema.get("minItems") or name == "items" else []
