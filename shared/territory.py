"""A territory as its folder describes it (`territory.yaml`): place, hours, communes. One deployment may serve several."""

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import holidays
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError


class BadTerritory(ValueError):
    """The folder or its file cannot be used; the message names the file and the field."""


class Commune(BaseModel):
    """One commune: its INSEE code is the key, its postcode is not."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    insee: str = Field(pattern=r"^[0-9][0-9AB][0-9]{3}$")
    postcode: str = Field(pattern=r"^[0-9]{5}$")
    population: int = Field(gt=0)
    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)


def _hours(text: Any) -> tuple[time, time]:
    """`08:00-20:00`, local wall time; raises ValueError."""
    if not isinstance(text, str) or not re.fullmatch(r"[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]", text):
        raise ValueError("is not written as 08:00-20:00")
    start, end = (time.fromisoformat(part) for part in text.split("-"))
    if start >= end:
        raise ValueError("ends before it starts")
    return start, end


def _zone(name: Any) -> ZoneInfo:
    try:
        return ZoneInfo(str(name))
    except (KeyError, ValueError, OSError):
        raise ValueError("is not a time zone, such as Europe/Paris") from None


Hours = Annotated[tuple[time, time], BeforeValidator(_hours)]


class _Opening(BaseModel):
    model_config = ConfigDict(extra="forbid")

    mon_fri: Hours
    sat: Hours | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore", arbitrary_types_allowed=True)

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")
    name: str
    zone: Annotated[ZoneInfo, BeforeValidator(_zone)]
    phone: str
    department: str
    communes: list[Commune] = Field(min_length=1)
    opening: _Opening


@dataclass(frozen=True)
class Territory:
    """Facts only. Hours are local wall time; `local` and `day_bounds` do the conversion, also on days when the clock changes."""

    id: str
    name: str
    zone: ZoneInfo
    phone: str
    department: str
    communes: tuple[Commune, ...]
    opening: dict[int, tuple[time, time]]
    folder: Path
    settings: dict[str, Any] = field(hash=False, compare=False)

    @classmethod
    def load(cls, folder: Path) -> "Territory":
        """Reads `folder/territory.yaml`; raises BadTerritory naming what is wrong."""
        path = folder / "territory.yaml"
        raw = read_yaml(path)
        try:
            file = _File.model_validate(raw)
        except ValidationError as reason:
            raise BadTerritory(f"{path}: {wrong_fields(reason)}") from reason
        weekdays = dict.fromkeys(range(1, 6), file.opening.mon_fri)
        if file.opening.sat is not None:
            weekdays[6] = file.opening.sat
        return cls(file.id, file.name, file.zone, file.phone, file.department, tuple(file.communes), weekdays, folder, raw)

    @cached_property
    def _holidays(self) -> holidays.HolidayBase:
        return holidays.country_holidays("FR")

    def is_holiday(self, on: date) -> bool:
        """One of the eleven national holidays (package `holidays`, country FR)."""
        return on in self._holidays

    def local(self, instant: datetime) -> datetime:
        """The same instant on the wall clock of the territory."""
        return instant.astimezone(self.zone)

    def at(self, on: date, wall: time) -> datetime:
        """The UTC instant of a wall time: in a gap the later one, in a fold the first."""
        return datetime.combine(on, wall, tzinfo=self.zone).replace(fold=0).astimezone(UTC)

    def day_bounds(self, on: date) -> tuple[datetime, datetime]:
        """Midnight to midnight, UTC: 23, 24 or 25 hours apart."""
        return self.at(on, time()), self.at(on + timedelta(days=1), time())

    def opening_on(self, on: date) -> tuple[datetime, datetime] | None:
        """When the line is open that day (UTC), or None on Sundays and holidays."""
        hours = self.opening.get(on.isoweekday())
        if hours is None or self.is_holiday(on):
            return None
        return self.at(on, hours[0]), self.at(on, hours[1])

    def commune(self, insee: str) -> Commune | None:
        return next((commune for commune in self.communes if commune.insee == insee), None)


def load_territories(folders: list[Path]) -> dict[str, Territory]:
    """All territories of a deployment by id; raises BadTerritory, also when two share an id."""
    loaded: dict[str, Territory] = {}
    for folder in folders:
        territory = Territory.load(folder)
        if territory.id in loaded:
            raise BadTerritory(f"{folder}: the id {territory.id} is used twice")
        loaded[territory.id] = territory
    return loaded


def read_yaml(path: Path) -> Any:
    """What a file of a territory says; raises BadTerritory naming the file for one that cannot be read."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as reason:
        raise BadTerritory(f"{path}: {reason.strerror}") from reason
    except RecursionError as reason:
        raise BadTerritory(f"{path}: is nested beyond reason") from reason
    except (yaml.YAMLError, ValueError) as reason:
        raise BadTerritory(f"{path}: {reason}") from reason


def wrong_fields(invalid: ValidationError) -> str:
    """`field: what is wrong` for each, in one line."""
    errors = invalid.errors(include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg'].removeprefix('Value error, ')}" for e in errors)
