"""Types of what comes in over HTTP: days, hours and instants written as such and of our time, numbers that a column holds.

Pydantic alone reads 0 as 1 January 1970 and takes the year 1 and the year 9999, which no time zone can be applied to.
"""

import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field, WithJsonSchema

T = TypeVar("T", bound=BaseModel)

_WRITTEN = re.compile(r"\d{4}-\d\d-\d\d([Tt _].*)?")
_WALL_TIME = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?"
_FIRST_YEAR, _LAST_YEAR = 1800, 2199
_LARGEST_INTEGER = 2**31 - 1


def _as_text(value: Any) -> Any:
    """A date is written, ISO 8601: a number is not one."""
    if isinstance(value, date) or (isinstance(value, str) and _WRITTEN.fullmatch(value.strip())):
        return value
    raise ValueError("is not written as a date (ISO 8601)")


def _of_our_time(value: date) -> date:
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise ValueError(f"is not between {_FIRST_YEAR} and {_LAST_YEAR}")
    return value


def _instant_of_our_time(value: datetime) -> datetime:
    _of_our_time(value)
    return value.astimezone(UTC)


def _as_wall_time(value: Any) -> Any:
    """A number is no hour, and an offset says which instant, not which hour of the clock on the wall."""
    if isinstance(value, str) and re.fullmatch(_WALL_TIME, value):
        return value
    raise ValueError("is not written as an hour of the day (hh:mm)")


Day = Annotated[date, BeforeValidator(_as_text, json_schema_input_type=date), AfterValidator(_of_our_time)]
Instant = Annotated[AwareDatetime, BeforeValidator(_as_text, json_schema_input_type=AwareDatetime), AfterValidator(_instant_of_our_time)]
WallTime = Annotated[time, BeforeValidator(_as_wall_time), WithJsonSchema({"type": "string", "pattern": f"^{_WALL_TIME}$"})]
"""An hour as the territory's people say it, without offset."""
Count = Annotated[int, Field(ge=0, le=_LARGEST_INTEGER)]
"""A number or version that fits a column of type integer."""
RowId = Annotated[int, Field(ge=0, le=2**63 - 1)]


def checked_instant(text: str) -> datetime:
    """The instant in a cursor; raises ValueError for one that we never wrote."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError("an instant without its offset")
    return _instant_of_our_time(value)


def storable(value: T) -> T:
    """A fact that comes in by HTTP rather than by Kafka: its instants and numbers must fit where they will be kept. Raises ValueError."""
    for name in type(value).model_fields:
        field = getattr(value, name)
        if isinstance(field, date):
            try:
                _of_our_time(field)
            except ValueError as wrong:
                raise ValueError(f"{name} {wrong}") from None
        if isinstance(field, int) and abs(field) > _LARGEST_INTEGER:
            raise ValueError(f"{name} is too large")
    return value
