"""From a point or a commune to the 200 m cell that may leave intake (decisions.md, identity)."""

import math

CELL_METRES = 200

# Lambert-93 (EPSG:2154) on GRS80, IGN's technical note NTG_71: constants of the secant conic, n, C and the false origin.
_E = 0.0818191910428158
_N = 0.725607765053267
_C = 11754255.426096
_XS = 700_000.0
_YS = 12655612.049876
_LON0 = math.radians(3.0)


def lambert93(lon: float, lat: float) -> tuple[float, float]:
    """Metres east and north of a WGS84 point in France."""
    phi = math.radians(lat)
    e_sin = _E * math.sin(phi)
    isometric = math.log(math.tan(math.pi / 4 + phi / 2) * ((1 - e_sin) / (1 + e_sin)) ** (_E / 2))
    radius = _C * math.exp(-_N * isometric)
    gamma = _N * (math.radians(lon) - _LON0)
    return _XS + radius * math.sin(gamma), _YS - radius * math.cos(gamma)


def cell(lon: float, lat: float) -> str:
    """`x:y`, the centre of the 200 m square that holds the point: a block of houses, never a door.

    Raises ValueError for a point where this projection means nothing: outside metropolitan France.
    """
    if not (-5.2 <= lon <= 9.7 and 41.3 <= lat <= 51.2):
        raise ValueError("not in metropolitan France")
    x, y = (int(value // CELL_METRES) * CELL_METRES + CELL_METRES // 2 for value in lambert93(lon, lat))
    return f"{x}:{y}"
