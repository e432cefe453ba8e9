"""The agenda strip: eleven doctors by today's hours, drawn as SVG positions in per cent (no inline style is needed or allowed)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

_OPENS, _CLOSES = 8, 20


@dataclass(frozen=True)
class Cell:
    """One slot on a lane; `x` and `width` in per cent of the day shown."""

    x: float
    width: float
    mode: str
    state: str
    initials: str
    mine: bool
    title: str


@dataclass(frozen=True)
class Lane:
    """One practitioner's day."""

    name: str
    short: str
    free: int
    cells: tuple[Cell, ...]


def per_cent(at: datetime, *, zone: ZoneInfo) -> float:
    """Where an instant stands between 8:00 and 20:00, clamped, in per cent."""
    there = at.astimezone(zone)
    minutes = (there.hour - _OPENS) * 60 + there.minute + there.second / 60
    return round(min(max(minutes / ((_CLOSES - _OPENS) * 60) * 100, 0.0), 100.0), 3)


def hours() -> list[tuple[int, float]]:
    """The even hours of the axis with their place."""
    return [(hour, round((hour - _OPENS) / (_CLOSES - _OPENS) * 100, 3)) for hour in range(_OPENS, _CLOSES + 1, 2)]


def lanes(practitioners: Iterable[Mapping[str, Any]], *, zone: ZoneInfo, me: str, words: Mapping[str, str]) -> list[Lane]:
    """Lanes in the order of the agenda; `me` marks my own hold, `words` gives the French word of a mode."""
    return [_lane(practitioner, zone=zone, me=me, words=words) for practitioner in practitioners]


def _lane(practitioner: Mapping[str, Any], *, zone: ZoneInfo, me: str, words: Mapping[str, str]) -> Lane:
    name = str(practitioner["name"])
    cells = tuple(_cell(slot, zone=zone, me=me, words=words) for slot in practitioner["slots"])
    neighbours = zip((None, *cells), cells, strict=False)
    cells = tuple(replace(cell, initials="") if _goes_on(before, cell) else cell for before, cell in neighbours)
    return Lane(name=name, short=name.removeprefix("Dr ").split(" ")[-1], free=sum(cell.state == "free" for cell in cells), cells=cells)


def _goes_on(before: Cell | None, cell: Cell) -> bool:
    """Two neighbouring slots held by one person: the initials are written once."""
    held = before is not None and before.state == cell.state == "held" and before.initials == cell.initials
    return held and before is not None and abs(before.x + before.width - cell.x) < 0.1


def _cell(slot: Mapping[str, Any], *, zone: ZoneInfo, me: str, words: Mapping[str, str]) -> Cell:
    starts, ends = instant(slot["starts_at"]), instant(slot["ends_at"])
    x = per_cent(starts, zone=zone)
    state = str(slot["state"])
    said = {"free": "libre", "held": "tenu", "booked": "réservé", "past": "passé"}.get(state, state)
    return Cell(
        x=x,
        width=max(round(per_cent(min(ends, starts + timedelta(hours=3)), zone=zone) - x, 3), 0.6),
        mode=str(slot["mode"]),
        state=state,
        initials=str(slot.get("held_by_initials") or ""),
        mine=state == "held" and slot.get("held_by_initials") == me,
        title=f"{starts.astimezone(zone):%H:%M} {words.get(str(slot['mode']), '')}, {said}",
    )


def instant(text: str | datetime) -> datetime:
    """An aware instant from a service's JSON."""
    return text if isinstance(text, datetime) else datetime.fromisoformat(text)
