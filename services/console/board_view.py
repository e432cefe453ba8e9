"""The live board as drawn: six figures in words, the calls of the day as a path, free places by hour, sentences that must read 0."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from services.console import words
from shared.territory import Territory

HOURS = tuple(range(8, 20))
_QUARTER = timedelta(minutes=15)
_MODES = ("visit", "teleconsultation", "surgery")
_WIDTH, _TOP, _BOTTOM, _LEFT, _RIGHT = 780, 8, 192, 30, 772  # of the drawing of the calls, in its own units


@dataclass(frozen=True)
class Big:
    """One of the six figures. `state`: ok, warn, bad for the verdict; `spark` and `aim` are paths in a 100 × 28 box."""

    name: str
    value: str
    target: str
    state: str
    verdict: str
    spark: str
    aim: str


# name -> how the value is written, what the target says
_WRITTEN = {
    "waiting_calls": ("count", "cible {} au plus"),
    "oldest_wait_seconds": ("clock", "cible {}"),
    "share_answered_under_60s": ("percent", "cible {}"),
    "share_abandoned": ("percent", "cible {} au plus"),
    "at_risk_48h": ("count", "cible {}"),
    "red_flags_without_voice": ("count", "limite 01:00"),
}
_GRAVE = frozenset({"oldest_wait_seconds", "red_flags_without_voice"})


def bigs(figures: Mapping[str, Mapping[str, Any]]) -> list[Big]:
    """In the order of the page; a value that is not known is a dash, never zero."""
    return [_big(name, figures.get(name, {})) for name in _WRITTEN]


def _big(name: str, figure: Mapping[str, Any]) -> Big:
    kind, target = _WRITTEN[name]
    value, aim, good = figure.get("value"), figure.get("target"), figure.get("good")
    state = "" if value is None or good is None else "ok" if good else "bad" if name in _GRAVE else "warn"
    verdict = {"": "sans donnée", "ok": "tenue", "warn": "hors cible", "bad": "en retard"}[state]
    if name == "red_flags_without_voice" and value:
        verdict = words.duration(figure.get("oldest_seconds"))
    curve = [point.get("value") for point in figure.get("curve", [])]
    spark, line = sparkline(curve, aim)
    return Big(name, _number(value, kind), target.format(_number(aim, kind)), state, verdict, spark, line)


def _number(value: float | None, kind: str) -> str:
    if value is None:
        return "–"
    if kind == "percent":
        return f"{words.decimal(value * 100, 0 if value >= 0.1 else 1).removesuffix(',0')} %"
    return words.duration(value) if kind == "clock" else str(round(value))


def sparkline(curve: list[float | None], aim: float | None) -> tuple[str, str]:
    """Paths of the last four hours and of the target; a gap in the data is a gap in the line."""
    known = [value for value in curve if value is not None]
    highest = max([*known, aim or 0, 1e-9])
    step = 96 / max(len(curve) - 1, 1)
    path, pen_down = [], False
    for place, value in enumerate(curve):
        if value is None:
            pen_down = False
            continue
        path.append(f"{'L' if pen_down else 'M'}{place * step:.1f} {25 - 22 * value / highest:.1f}")
        pen_down = True
    return "".join(path), "" if aim is None else f"M0 {25 - 22 * aim / highest:.1f}H96"


@dataclass(frozen=True)
class Chart:
    """Calls per quarter of an hour. Coordinates in the drawing's units; axis from zero."""

    grid: list[tuple[float, int]]
    hours: list[tuple[float, str]]
    line: str
    dots: list[tuple[float, float]]
    lost: list[tuple[float, float, float]]
    now_x: float | None
    last: str
    rows: list[Mapping[str, Any]]


def chart(quarters: Sequence[Mapping[str, Any]], territory: Territory, now: datetime) -> Chart:
    past = [one for one in quarters if not one.get("future")]
    highest = max([one["received"] for one in quarters] + [4])
    tick = next(size for size in (1, 2, 5, 10, 20, 50, 100) if highest / size <= 5)
    top = (highest // tick + (highest % tick > 0)) * tick
    step = (_RIGHT - _LEFT) / max(len(quarters), 1)

    def y(value: float) -> float:
        return round(float(_BOTTOM - (_BOTTOM - _TOP) * value / top), 1)

    dots = [(round(_LEFT + (place + 0.5) * step, 1), y(one["received"])) for place, one in enumerate(past)]
    hours = []
    for place, one in enumerate(quarters):
        local = territory.local(words.instant(one["at"]))
        if local.minute == 0 and local.hour % 2 == 0:
            hours.append((round(_LEFT + place * step, 1), f"{local:%H}"))
    if quarters:
        hours.append((float(_RIGHT), f"{territory.local(words.instant(quarters[-1]['at']) + _QUARTER):%H}"))
    lost = [
        (round(_LEFT + (place + 0.2) * step, 1), y(one["abandoned"]), round(_BOTTOM - y(one["abandoned"]), 1))
        for place, one in enumerate(past)
        if one["abandoned"]
    ]
    now_x = None
    if quarters and past and len(past) < len(quarters):
        begun = (now - words.instant(past[-1]["at"])).total_seconds() / 900
        now_x = round(_LEFT + (len(past) - 1 + min(max(begun, 0), 1)) * step, 1)
    last = f"{past[-1]['received']} appel{'s' if past[-1]['received'] > 1 else ''} ce quart d’heure" if past else ""
    grid = [(y(value), value) for value in range(0, top + 1, tick)]
    line = "".join(f"{'L' if place else 'M'}{x} {at}" for place, (x, at) in enumerate(dots))
    return Chart(grid, hours, line, dots, lost, now_x, last, past)


@dataclass(frozen=True)
class HeatRow:
    """A mode on a day: for each hour free places, None where nothing is offered (any more)."""

    on: str
    mode: str
    cells: list[tuple[int, int | None]]


def heat_of_free(free: Mapping[str, Any], days: Iterable[date], territory: Territory) -> list[HeatRow]:
    """For who may not read the agenda: free places only; an hour without any is not told from an hour without offer."""
    counted = {(date.fromisoformat(one["on"]), one["mode"], one["hour"]): one["free"] for one in free.get("by_mode_hour", [])}
    return _rows(counted, days, territory)


def heat(agenda: Mapping[str, Any], days: Iterable[date], territory: Territory) -> list[HeatRow]:
    """Free and offered places by day, mode and local hour; the past is not offered any more."""
    offered: dict[tuple[date, str, int], int] = {}
    for doctor in agenda.get("practitioners", []):
        for slot in doctor["slots"]:
            if slot["state"] == "past":
                continue
            local = territory.local(words.instant(slot["starts_at"]))
            place = (local.date(), slot["mode"], local.hour)
            offered[place] = offered.get(place, 0) + (slot["state"] == "free")
    return _rows(offered, days, territory)


def _rows(offered: Mapping[tuple[date, str, int], int], days: Iterable[date], territory: Territory) -> list[HeatRow]:
    rows = []
    for number, on in enumerate(days):
        for mode in _MODES:
            cells = [(hour, offered.get((on, mode, hour))) for hour in HOURS]
            if any(free is not None for _, free in cells):
                rows.append(HeatRow("auj." if number == 0 else words.short_day(on, territory).rsplit(" ", 1)[0], mode, cells))
    return rows


def level(free: int | None) -> int:
    """Step of the sequential ramp."""
    return 0 if not free else 1 if free == 1 else 2 if free == 2 else 3 if free == 3 else 4
