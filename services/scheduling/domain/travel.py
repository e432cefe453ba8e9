"""Where people are and how long a doctor drives: a straight-line model, without traffic.

Distances are taken in Lambert-93 (EPSG:2154), the projection of a request's `cell`: its scale error is under 0.1 % here.
Minutes = ceil(straight line × 1.35 ÷ 20 km/h) + 3, at least the minimum of operations.md §9. These figures are assumptions: 1.35 is a
usual ratio of road to straight line in dense suburbs, 20 km/h a usual speed there by day, 3 min to park. A road matrix may replace
this module's one function.
"""

from dataclasses import dataclass
from math import atanh, ceil, cos, exp, hypot, radians, sin

_EXPONENT = 0.7256077650532670
_CONSTANT = 11754255.4261
_ORIGIN_X_METRES = 700000.0
_ORIGIN_Y_METRES = 12655612.0499
_ECCENTRICITY = 0.08181919104281579  # GRS80
_ORIGIN_LONGITUDE = radians(3.0)

_DETOUR = 1.35
_METRES_PER_MINUTE = 20_000 / 60
_PARKING_MINUTES = 3


@dataclass(frozen=True, slots=True)
class Position:
    """A point in Lambert-93 metres."""

    x_metres: float
    y_metres: float


def position_of_degrees(lon: float, lat: float) -> Position:
    """WGS84 degrees to Lambert-93 (the datums differ by less than a metre)."""
    sine = sin(radians(lat))
    isometric = atanh(sine) - _ECCENTRICITY * atanh(_ECCENTRICITY * sine)
    radius = _CONSTANT * exp(-_EXPONENT * isometric)
    angle = _EXPONENT * (radians(lon) - _ORIGIN_LONGITUDE)
    return Position(_ORIGIN_X_METRES + radius * sin(angle), _ORIGIN_Y_METRES - radius * cos(angle))


def position_of_cell(cell: str) -> Position:
    """The centre named by a `cell` (`x:y`)."""
    x, _, y = cell.partition(":")
    return Position(float(x), float(y))


def travel_minutes(start: Position, end: Position) -> int:
    """Minutes on the road, parking included; the caller applies its own minimum."""
    metres = hypot(end.x_metres - start.x_metres, end.y_metres - start.y_metres)
    return ceil(metres * _DETOUR / _METRES_PER_MINUTE) + _PARKING_MINUTES
