"""What every fact on Kafka has in common: identity, territory, version, instant, and how it becomes a record and back."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.ids import new_id

TerritoryId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")]
Version = Annotated[int, Field(ge=1)]

Urgency = Literal["red_flag", "advice", "same_day", "within_48h", "planned"]
Mode = Literal["visit", "teleconsultation", "surgery"]
AgeBand = Literal["0-2m", "3-11m", "1-5y", "6-15y", "16-17y", "18-69y", "70-74y", "75-79y", "80y+"]
Sex = Literal["M", "F", "I"]
Answer = Literal["yes", "no", "unknown"]
InseeCode = Annotated[str, Field(pattern=r"^[0-9][0-9AB][0-9]{3}$")]
Cell = Annotated[str, Field(pattern=r"^\d{5,7}:\d{5,7}$", description="centre of a 200 m square, Lambert-93 metres, x:y")]
Reason = Annotated[str, Field(pattern=r"^Q(0[1-9]|1[0-9]|20)$")]
Code = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]


class Event(BaseModel):
    """A fact, immutable. Strict when written, tolerant when read (`read` ignores fields it does not know).

    `version` is the version of the aggregate that the fact made; `occurred_at` is business time, aware UTC.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    type: ClassVar[str]
    topic: ClassVar[str]
    keyed_by: ClassVar[str]

    event_id: UUID = Field(default_factory=new_id)
    territory_id: TerritoryId
    version: Version
    occurred_at: AwareDatetime

    @classmethod
    def read(cls, body: bytes) -> Self:
        """The fact in `body`; raises pydantic.ValidationError without quoting the input."""
        return cls.model_validate_json(body, extra="ignore")

    def body(self) -> bytes:
        """The record's value: UTF-8 JSON without the absent optional fields."""
        return self.model_dump_json(exclude_none=True).encode()

    @property
    def key(self) -> str:
        """The record's key: order exists inside one topic and key, nowhere else."""
        return str(getattr(self, self.keyed_by))


def source_of(event_type: str) -> str:
    """The publisher in `scheduling.AppointmentBooked.v1`, as a CloudEvents source."""
    return f"urn:recours:{event_type.split('.', 1)[0]}"


def headers_of(event: Event, *, recorded_at: datetime, traceparent: str | None) -> dict[str, str]:
    """CloudEvents 1.0 attributes in the Kafka binary binding."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(event.event_id),
        "ce_source": source_of(event.type),
        "ce_type": event.type,
        "ce_time": recorded_at.isoformat(),
        "ce_subject": event.key,
        "content-type": "application/json",
    }
    if traceparent is not None:
        headers["traceparent"] = traceparent
    return headers
