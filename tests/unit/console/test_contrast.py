"""Every colour pair that the screens use, in both themes: text 4.5:1, graphics and borders 3:1 (WCAG 2.2 AA)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

_CSS = (Path(__file__).parents[3] / "services" / "console" / "static" / "css" / "tokens.css").read_text(encoding="utf-8")
_LIGHT, _DARK = _CSS.split('[data-theme="dark"] {', 1)
_COLOUR = re.compile(r"--([\w-]+):\s*(#[0-9A-Fa-f]{6})\b")
THEMES = {"light": dict(_COLOUR.findall(_LIGHT)), "dark": dict(_COLOUR.findall(_LIGHT)) | dict(_COLOUR.findall(_DARK))}


def _luminance(colour: str) -> float:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))

    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)

    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def _ratio(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _pairs() -> Iterator[tuple[str, str, float]]:
    for ink in ("ink", "ink-2", "ink-3", "link"):
        yield from ((ink, back, 4.5) for back in ("surface", "surface-2", "ground", "select", "flash"))
    yield from (("ink", back, 4.5) for back in ("sunk", "q-0", "q-1", "q-2", "q-3"))
    yield from (("q-4-ink", "q-4", 4.5), ("action-ink", "action", 4.5), ("action-ink", "action-hover", 4.5))
    for urgency in ("red", "adv", "day", "48h", "pla"):
        name = f"u-{urgency}"
        yield from ((f"{name}-ink", f"{name}-bg", 4.5), (f"{name}-text", "surface", 4.5), (f"{name}-text", f"{name}-tint", 4.5))
        yield from ((ink, f"{name}-tint", 4.5) for ink in ("ink", "ink-2", "ink-3"))
        yield from ((f"{name}-edge", back, 3.0) for back in ("surface", "surface-2", f"{name}-tint"))
    for state in ("booked", "arrived", "honoured", "missed", "cancelled"):
        yield from ((f"a-{state}", "surface", 4.5), (f"a-{state}", f"a-{state}-tint", 4.5))
    for mode in ("visit", "tele", "surg"):
        yield from ((f"m-{mode}", "surface", 4.5), (f"m-{mode}", f"m-{mode}-tint", 4.5))
        yield from ((ink, f"m-{mode}-tint", 4.5) for ink in ("ink", "ink-2"))
    for status in ("ok", "warn", "bad", "idle"):
        yield from ((status, "surface", 4.5), (status, "surface-2", 4.5), (status, f"{status}-tint", 4.5))
    yield from ((f"d-{number}", "surface", 3.0) for number in range(1, 6))
    yield from (("focus", back, 3.0) for back in ("surface", "surface-2", "ground", "select"))
    yield from (("line-2", back, 3.0) for back in ("surface", "surface-2"))


@pytest.mark.parametrize("theme", sorted(THEMES))
def test_every_pair_of_colours_can_be_read(theme: str) -> None:
    colours = THEMES[theme]
    too_low = [
        f"{a} on {b}: {_ratio(colours[a], colours[b]):.2f} < {need}" for a, b, need in _pairs() if _ratio(colours[a], colours[b]) < need
    ]
    assert too_low == []
