"""A record of the log as pilotage keeps it: the envelope in columns, the body as it came. Types of a later release are kept raw."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from aiokafka import ConsumerRecord
from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError

from shared.consumer import readable_headers
from shared.events.base import Event, TerritoryId, Version
from shared.events.registry import event_class


class _Envelope(BaseModel):
    """What every fact of a later release carries too, and the subjects that a history is searched by."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    event_id: UUID
    territory_id: TerritoryId
    version: Version
    occurred_at: AwareDatetime
    request_id: UUID | None = None
    call_id: UUID | None = None
    patient_id: UUID | None = None
    practitioner_id: UUID | None = None
    appointment_id: UUID | None = None


_SUBJECTS = ("request_id", "call_id", "patient_id", "practitioner_id", "appointment_id")
_INSTANT: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


@dataclass(frozen=True)
class Arrived:
    """A readable fact with its place in the log. `topic` is our name, without the deployment's prefix; `fact` is None for unknown types."""

    event_id: UUID
    territory_id: str
    type: str
    topic: str
    key: str
    version: int
    occurred_at: datetime
    recorded_at: datetime
    ids: dict[str, UUID]
    body: str
    partition: int
    offset: int
    fact: Event | None = field(repr=False, compare=False)
    record: "ConsumerRecord[Any, Any]" = field(repr=False, compare=False)


@dataclass(frozen=True)
class Poisoned:
    """A record that is not one of our facts, whatever it is; or one that our code cannot fold."""

    event_id: UUID | None
    event_type: str | None
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: dict[str, str]
    reason: str
    error_class: str


def read(record: "ConsumerRecord[Any, Any]", topic: str) -> Arrived | Poisoned:
    """The fact in `record`, or why there is none. Never raises for what a record holds."""
    headers: dict[str, bytes | None] = dict(record.headers)
    type_told, time_told = headers.get("ce_type"), headers.get("ce_time")
    if type_told is None:
        return poisoned(record, topic, "malformed", "NoType")
    try:
        event_type = type_told.decode()
        value: bytes = record.value or b""
        known = event_class(event_type)
        fact = known.read(value) if known is not None else None
        envelope = fact or _Envelope.model_validate_json(value)
        if headers.get("ce_id") != str(envelope.event_id).encode():
            return poisoned(record, topic, "malformed", "NotItsId")
        recorded_at = _INSTANT.validate_strings(time_told.decode()) if time_told else envelope.occurred_at
        key = (record.key or b"").decode()
        body = value.decode()
    except (ValidationError, UnicodeDecodeError) as reason:
        return poisoned(record, topic, "malformed", type(reason).__name__)
    return Arrived(
        event_id=envelope.event_id, territory_id=envelope.territory_id, type=event_type, topic=topic, key=key, version=envelope.version,
        occurred_at=envelope.occurred_at, recorded_at=recorded_at,
        ids={name: found for name in _subjects(type(envelope)) if (found := getattr(envelope, name)) is not None},
        body=body, partition=record.partition, offset=record.offset, fact=fact, record=record,
    )  # fmt: skip


@cache
def _subjects(kind: type[BaseModel]) -> tuple[str, ...]:
    """Those that facts of this kind have: Pydantic answers slowly for an attribute that is not there."""
    return tuple(name for name in _SUBJECTS if name in kind.model_fields)


def poisoned(record: "ConsumerRecord[Any, Any]", topic: str, reason: str, error_class: str) -> Poisoned:
    """The dead letter of `record`; its type and id as far as they can be read."""
    headers = _headers(record)
    try:
        event_id = UUID(headers.get("ce_id", ""))
    except ValueError:
        event_id = None
    return Poisoned(
        event_id,
        headers.get("ce_type"),
        topic,
        record.partition,
        record.offset,
        record.key,
        record.value or b"",
        headers,
        reason,
        error_class,
    )


def _headers(record: "ConsumerRecord[Any, Any]") -> dict[str, str]:
    return {name.replace("\0", "\\x00"): value.decode() for name, value in readable_headers(record.headers)}
