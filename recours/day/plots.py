"""The plots of the report as SVG text: ink on paper, hue only for meaning, words beside the marks instead of legends."""

import io
from collections.abc import Mapping
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from recours.day.figures import SEEN, answered_at, is_clinical, live_booking
from recours.day.history import DayHistory
from recours.day.words import MODES
from shared.events.scheduling import ActClosed
from shared.territory import Territory

# The palette of the console's tokens: ink, lines, the three modes, states.
INK, INK_2, LINE, FREE = "#15202B", "#46525E", "#DADEE3", "#CBD1D7"
MODE_COLOURS = {"visit": "#80531A", "teleconsultation": "#5A4A94", "surgery": "#1C665A"}
BLUE, RED, GREEN = "#2F5D8A", "#A8001C", "#14683D"

_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "recours",
    "font.family": "sans-serif",
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK_2,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "xtick.color": INK_2,
    "ytick.color": INK_2,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


def calls_by_hour(figures: Mapping[str, Any]) -> str:
    """Answered and cut calls, hour by hour."""
    figure, axes = _canvas(6.4, 2.6)
    hours = list(figures["calls_by_hour"])
    answered = [figures["calls_by_hour"][hour]["answered"] for hour in hours]
    cut = [figures["calls_by_hour"][hour]["abandoned"] for hour in hours]
    axes.bar(hours, answered, color=BLUE, width=0.72)
    axes.bar(hours, cut, bottom=answered, color=RED, width=0.72)
    for place, (one, other) in enumerate(zip(answered, cut, strict=True)):
        axes.annotate(str(one + other), (place, one + other), ha="center", va="bottom", fontsize=10, color=INK)
    axes.set_xticks(range(len(hours)), [f"{int(hour)} h" for hour in hours])
    axes.set_yticks([])
    axes.grid(visible=False)
    _caption(axes, (("décrochés", BLUE), ("coupés avant réponse", RED)))
    return _svg(figure)


def bookings_by_hour(history: DayHistory, territory: Territory, on_iso: str) -> str:
    """When people are seen on the day, by mode."""
    figure, axes = _canvas(6.4, 2.6)
    hours = list(range(8, 21))
    counts = {mode: [0] * len(hours) for mode in MODES}
    for story in history.requests:
        booking = live_booking(story)
        if booking is not None:
            local = territory.local(booking.starts_at)
            if local.date().isoformat() == on_iso and local.hour in hours:
                counts[booking.mode][hours.index(local.hour)] += 1
    bottom = [0] * len(hours)
    for mode, found in counts.items():
        axes.bar(range(len(hours)), found, bottom=bottom, color=MODE_COLOURS[mode], width=0.72)
        bottom = [one + other for one, other in zip(bottom, found, strict=True)]
    axes.set_xticks(range(len(hours)), [f"{hour} h" for hour in hours])
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    _caption(axes, tuple((MODES[mode], MODE_COLOURS[mode]) for mode in MODES))
    return _svg(figure)


def load_per_doctor(figures: Mapping[str, Any]) -> str:
    """Booked inside offered, one bar a doctor; the modes as hues."""
    lines = figures["load"]
    figure, axes = _canvas(6.4, 0.8 + 0.3 * max(1, len(lines)))
    for place, line in enumerate(lines):
        axes.barh(place, line["offered"], color=FREE, height=0.66)
        left = 0
        for mode, colour in MODE_COLOURS.items():
            booked = line["modes"][mode]["booked"]
            axes.barh(place, booked, left=left, color=colour, height=0.66)
            left += booked
        longest = max(line["offered"], line["booked"])
        axes.annotate(f" {line['booked']} / {line['offered']}", (longest, place), va="center", fontsize=10, color=INK)
    axes.set_yticks(range(len(lines)), [line["name"] for line in lines])
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.grid(visible=False)
    _caption(axes, (*((MODES[mode], MODE_COLOURS[mode]) for mode in MODES), ("encore libre", FREE)))
    return _svg(figure)


def answered_over_time(history: DayHistory) -> str:
    """Share of the clinical requests that a doctor has answered, by hours since their first ring; dashed: with the bookings kept."""
    figure, axes = _canvas(6.4, 2.6)
    clinical = [story for story in history.requests if is_clinical(story)]
    waits, promised = [], []
    for story in clinical:
        at = answered_at(story)
        booking = live_booking(story)
        if at is not None:
            waits.append((at - story.received.rang_at).total_seconds() / 3600)
        elif booking is not None:
            promised.append((booking.ends_at - story.received.rang_at).total_seconds() / 3600)
    for found, style in ((sorted(waits), "-"), (sorted((*waits, *promised)), "--")):
        hours = [0.0, *(min(hour, 48.0) for hour in found if hour <= 48), 48.0]
        shares = [100 * min(place, sum(hour <= 48 for hour in found)) / max(1, len(clinical)) for place in range(len(hours) - 1)]
        axes.step(hours, [*shares, shares[-1]], where="post", color=BLUE, linestyle=style, linewidth=1.6)
        axes.annotate(
            f"{shares[-1]:.0f} %", (48, shares[-1]), xytext=(4, 0), textcoords="offset points", va="center", fontsize=10, color=INK
        )
    axes.set_xlim(0, 51)
    axes.set_ylim(0, 104)
    axes.set_xticks([0, 4, 8, 12, 24, 36, 48], ["0 h", "4 h", "8 h", "12 h", "24 h", "36 h", "48 h"])
    axes.set_yticks([0, 50, 100], ["0", "50 %", "100 %"])
    _caption(axes, (("vues ou avis donné ; pointillé : avec les rendez-vous pris", BLUE),))
    return _svg(figure)


def reasons(figures: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """Why people called."""
    found = sorted(figures["reasons"].items(), key=lambda pair: (pair[1], pair[0]))
    figure, axes = _canvas(6.4, 0.6 + 0.24 * max(1, len(found)))
    for place, (_, count) in enumerate(found):
        axes.barh(place, count, color=INK_2, height=0.62)
        axes.annotate(f" {count}", (count, place), va="center", fontsize=10, color=INK)
    axes.set_yticks(range(len(found)), [labels.get(code, code) for code, _ in found])
    axes.set_xticks([])
    axes.grid(visible=False)
    return _svg(figure)


def seen_by_delay(history: DayHistory) -> str:
    """Hours from the ring to the doctor, for those seen on the day, one mark a person."""
    figure, axes = _canvas(6.4, 2.6)
    for place, (mode, colour) in enumerate(MODE_COLOURS.items()):
        hours = [
            (act.starts_at - story.received.rang_at).total_seconds() / 3600
            for story in history.requests
            for act in story.of(ActClosed)
            if act.mode == mode and act.outcome in SEEN
        ]
        axes.plot(hours, [place] * len(hours), "o", color=colour, alpha=0.55, markersize=6, markeredgewidth=0)
    axes.set_yticks(range(len(MODE_COLOURS)), [MODES[mode] for mode in MODE_COLOURS])
    axes.set_ylim(-0.6, len(MODE_COLOURS) - 0.4)
    axes.grid(visible=True, axis="x")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} h")
    axes.set_xlim(left=0)
    return _svg(figure)


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, figure.add_subplot()


def _caption(axes: Axes, entries: tuple[tuple[str, str], ...]) -> None:
    """A legend in one line above the plot: a square and a word each."""
    handles = [Patch(color=colour, label=label) for label, colour in entries]
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(handles), frameon=False, fontsize=10, handlelength=0.9,
        handleheight=0.9, borderpad=0, columnspacing=1.4, labelcolor=INK_2,
    )  # fmt: skip


def _svg(figure: Figure) -> str:
    """The `svg` element alone, without date: the same day gives the same page."""
    buffer = io.StringIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
