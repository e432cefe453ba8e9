"""The catalogue of interface words (strings/fr.yaml) and how instants, ages and places are written in French."""

import re
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml

from shared.ids import spoken_reference
from shared.territory import Territory

_CATALOGUE = Path(__file__).parent / "strings" / "fr.yaml"
_DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_MONTHS = ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre")
_SHORT_MONTHS = ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.")


@cache
def catalogue() -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = yaml.safe_load(_CATALOGUE.read_text(encoding="utf-8"))
    return loaded


def word(code: object, section: str) -> str:
    """The French word of a closed code; the code itself when the catalogue has none, so that nothing is hidden."""
    return str(catalogue().get(section, {}).get(str(code), "" if code is None else code))


def text(key: str) -> str:
    """`section.name` of the catalogue."""
    section, _, name = key.partition(".")
    return word(name, section)


# Control characters (not the line and the tab), and those that turn the reading direction of whatever follows.
_DISTURBING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


def plain_text(said: str) -> str:
    """What somebody wrote, without the invisible characters that a page, a log or a database could be misled by."""
    return _DISTURBING.sub("", said)


def instant(value: datetime | str) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def unbroken(value: str | None) -> str:
    """French punctuation stays with its word: a narrow no-break space before ? ! ; and inside « »."""
    return re.sub(r" (?=[?!;»])|(?<=«) ", "\u202f", value or "")


def clock_time(value: datetime | str | None, territory: Territory) -> str:
    """`14:05`, on the territory's wall clock."""
    return "" if value is None else f"{territory.local(instant(value)):%H:%M}"


def clock_seconds(value: datetime | str | None, territory: Territory) -> str:
    """`14:05:09`."""
    return "" if value is None else f"{territory.local(instant(value)):%H:%M:%S}"


def day(value: datetime | date | str, territory: Territory) -> str:
    """`mardi 24 novembre`."""
    on = _local_date(value, territory)
    return f"{_DAYS[on.weekday()]} {_ordinal(on.day)} {_MONTHS[on.month - 1]}"


def short_day(value: datetime | date | str, territory: Territory) -> str:
    """`mar. 24 nov.`."""
    on = _local_date(value, territory)
    return f"{_DAYS[on.weekday()][:3]}. {_ordinal(on.day)} {_SHORT_MONTHS[on.month - 1]}"


def day_and_time(value: datetime | str | None, territory: Territory) -> str:
    """`mar. 24 à 14:05`."""
    if value is None:
        return ""
    local = territory.local(instant(value))
    return f"{_DAYS[local.weekday()][:3]}. {_ordinal(local.day)} à {local:%H:%M}"


def limit(value: datetime | str | None, territory: Territory, now: datetime) -> str:
    """A deadline in words: `ce soir 20:00`, `aujourd’hui 15:30`, `demain 10:00`, `jeu. 26 à 10:20`."""
    if value is None:
        return ""
    local, today = territory.local(instant(value)), territory.local(now).date()
    if local.date() == today:
        return f"ce soir {local:%H:%M}" if local.hour >= 18 else f"aujourd’hui {local:%H:%M}"
    if local.date() == today + timedelta(days=1):
        return f"demain {local:%H:%M}"
    return day_and_time(value, territory)


def duration(seconds: float | None) -> str:
    """`04:10`, `6 h 12` from an hour on."""
    if seconds is None:
        return "–"
    whole = max(0, round(seconds))
    return f"{whole // 60:02d}:{whole % 60:02d}" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60:02d}"


def minutes(seconds: float | None) -> str:
    """`12 min`, never "2 hours ago"."""
    if seconds is None:
        return "–"
    whole = max(0, round(seconds / 60))
    return f"{whole} min" if whole < 60 else f"{whole // 60} h {whole % 60:02d}"


def decimal(value: float | None, digits: int = 0) -> str:
    """A number with a French comma."""
    return "–" if value is None else f"{value:.{digits}f}".replace(".", ",")


def age(birth_date: date | str | None, years: int | None, today: date) -> str:
    """`82 ans`, in months before two years; `years` is what was said when the birth date is not known."""
    if birth_date is None:
        return "" if years is None else f"{years} an{'s' if years > 1 else ''}"
    born = date.fromisoformat(birth_date) if isinstance(birth_date, str) else birth_date
    months = (today.year - born.year) * 12 + today.month - born.month - (today.day < born.day)
    return f"{months} mois" if months < 24 else f"{months // 12} ans"


def commune(insee: str | None, territory: Territory) -> str:
    if insee is None:
        return ""
    found = territory.commune(insee)
    return found.name if found else insee


def reference(request_id: UUID | str) -> str:
    return spoken_reference(request_id if isinstance(request_id, UUID) else UUID(request_id))


def spoken_number(phone: str | None) -> str:
    """A phone number in pairs, as it is read aloud."""
    digits = "".join(character for character in phone or "" if character.isdigit())
    if len(digits) == 11 and digits.startswith("33"):
        digits = "0" + digits[2:]
    return " ".join(digits[at : at + 2] for at in range(0, len(digits), 2)) if len(digits) == 10 else (phone or "")


def _local_date(value: datetime | date | str, territory: Territory) -> date:
    if isinstance(value, str):
        return date.fromisoformat(value) if len(value) == 10 else territory.local(datetime.fromisoformat(value)).date()
    return territory.local(value).date() if isinstance(value, datetime) else value


def _ordinal(number: int) -> str:
    return "1er" if number == 1 else str(number)
