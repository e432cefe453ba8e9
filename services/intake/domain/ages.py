"""Ages as they are said on the phone, and the bands that may leave intake."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from shared.events.base import AgeBand

AgeUnit = Literal["years", "months", "weeks", "days"]

_MONTHS_PER_UNIT: dict[AgeUnit, float] = {"years": 12.0, "months": 1.0, "weeks": 12 / 52.1775, "days": 12 / 365.2425}
_BANDS: tuple[tuple[float, AgeBand], ...] = (
    (3, "0-2m"),
    (12, "3-11m"),
    (6 * 12, "1-5y"),
    (16 * 12, "6-15y"),
    (18 * 12, "16-17y"),
    (70 * 12, "18-69y"),
    (75 * 12, "70-74y"),
    (80 * 12, "75-79y"),
)
_LOWEST_MONTHS: dict[AgeBand, int] = {
    "0-2m": 0,
    "3-11m": 3,
    "1-5y": 12,
    "6-15y": 72,
    "16-17y": 192,
    "18-69y": 216,
    "70-74y": 840,
    "75-79y": 900,
    "80y+": 960,
}


@dataclass(frozen=True)
class SaidAge:
    """What the caller said. A baby whose age nobody knows (a small unit without number, or « 0 an ») counts as under 3 months (H9)."""

    value: int | None
    unit: AgeUnit | None

    @property
    def months(self) -> float | None:
        """None when nothing tells a baby from an adult."""
        if self.unit is None:
            return None
        if self.value is None:
            return None if self.unit == "years" else 0.0
        return self.value * _MONTHS_PER_UNIT[self.unit]

    @property
    def band(self) -> AgeBand | None:
        months = self.months
        return None if months is None else band_of_months(months)


def band_of_months(months: float) -> AgeBand:
    """The band of decisions.md that holds an age of `months`."""
    for below, band in _BANDS:
        if months < below:
            return band
    return "80y+"


def lowest_months(band: AgeBand) -> int:
    """The youngest age of the band, in months: what a rule by age may safely assume."""
    return _LOWEST_MONTHS[band]


def months_between(birth: date, today: date) -> int:
    """Completed months; never negative."""
    months = (today.year - birth.year) * 12 + today.month - birth.month - (1 if today.day < birth.day else 0)
    return max(0, months)


def band_of_birth_date(birth: date, today: date) -> AgeBand:
    return band_of_months(months_between(birth, today))
