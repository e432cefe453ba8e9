"""Lambert-93 (EPSG:2154), the French grid in metres: the 200 m square that stands for an address in events."""

from math import atanh, cos, exp, log, radians, sin, sqrt

# IGN, « Projections coniques conformes »: ellipsoid GRS 80, standard parallels 44° and 49°, origin 3° E, 46.5° N
_E = 0.0818191910428158
_A = 6_378_137.0
_LON0 = radians(3)
_X0, _Y0 = 700_000.0, 6_600_000.0
_SQUARE_METRES = 200


def _isometric(lat: float) -> float:
    return atanh(sin(lat)) - _E * atanh(_E * sin(lat))


def _radius(lat: float) -> float:
    return _A * cos(lat) / sqrt(1 - (_E * sin(lat)) ** 2)


_P1, _P2, _P0 = radians(44), radians(49), radians(46.5)
_N = log(_radius(_P2) / _radius(_P1)) / (_isometric(_P1) - _isometric(_P2))
_C = _radius(_P1) * exp(_N * _isometric(_P1)) / _N
_RHO0 = _C * exp(-_N * _isometric(_P0))


def lambert93(lon: float, lat: float) -> tuple[float, float]:
    """Degrees WGS 84 to metres, exact to the centimetre in mainland France."""
    rho = _C * exp(-_N * _isometric(radians(lat)))
    gamma = _N * (radians(lon) - _LON0)
    return _X0 + rho * sin(gamma), _Y0 + _RHO0 - rho * cos(gamma)


def cell_of(lon: float, lat: float) -> str:
    """Centre of the 200 m square, `x:y`."""
    x, y = lambert93(lon, lat)
    half = _SQUARE_METRES // 2
    return f"{int(x // _SQUARE_METRES) * _SQUARE_METRES + half}:{int(y // _SQUARE_METRES) * _SQUARE_METRES + half}"
