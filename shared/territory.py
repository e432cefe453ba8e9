"""A territory as its folder describes it (`territory.yaml`): place, hours, communes. One deployment may serve several."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError


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


class _Opening(BaseModel):
    model_config = ConfigDict(extra="forbid")

    mon_fri: str = Field(pattern=r"^\d\d:\d\d-\d\d:\d\d$")
    sat: str | None = Field(default=None, pattern=r"^\d\d:\d\d-\d\d:\d\d$")


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")
    name: str
    zone: str
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
        try:
            raw = yaml.safe_load(path.read_text(encoding="utf-8"))
            file = _File.model_validate(raw)
            zone = ZoneInfo(file.zone)
        except OSError as reason:
            raise BadTerritory(f"{path}: {reason.strerror}") from reason
        except ValidationError as reason:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in reason.errors())
            raise BadTerritory(f"{path}: {wrong}") from reason
        except (yaml.YAMLError, KeyError, ValueError) as reason:
            raise BadTerritory(f"{path}: {reason}") from reason
        weekdays = {day: _hours(file.opening.mon_fri) for day in range(1, 6)}
        if file.opening.sat is not None:
            weekdays[6] = _hours(file.opening.sat)
        return cls(file.id, file.name, zone, file.phone, file.department, tuple(file.communes), weekdays, folder, raw)

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


def _hours(text: str) -> tuple[time, time]:
    start, end = (time.fromisoformat(part) for part in text.split("-"))
    return start, end
