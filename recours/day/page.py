"""The report as one HTML page that stands alone: no script, no file beside it, printable."""

from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from recours.day import plots
from recours.day.report import Report
from recours.day.words import DELAYS, MODES, MT_HELP, OUTCOMES, duration, euros, share

_DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip


def write_page(report: Report, folder: Path) -> Path:
    """Write `jour-YYYY-MM-DD.html` into `folder` (made when missing); the path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"jour-{report.on.isoformat()}.html"
    path.write_text(render(report), encoding="utf-8")
    return path


def render(report: Report) -> str:
    """The page's text."""
    figures: dict[str, Any] = dict(report.figures)
    environment = Environment(
        loader=PackageLoader("recours.day"), autoescape=select_autoescape(), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"duration": duration, "euros": euros}
    environment.globals |= {"share": share}
    drawn = {
        "calls": plots.calls_by_hour(figures),
        "answered": plots.answered_over_time(report.history),
        "bookings": plots.bookings_by_hour(report.history, report.plan.territory, report.on.isoformat()),
        "seen": plots.seen_by_delay(report.history),
        "load": plots.load_per_doctor(figures),
        "reasons": plots.reasons(figures, _reason_labels(report.plan.territory.folder)),
    }
    return environment.get_template("report.html").render(
        f=figures,
        plots={name: Markup(svg) for name, svg in drawn.items()},  # noqa: S704 - our own drawing, no text from outside
        territory=report.plan.territory.name,
        day=f"{_DAYS[report.on.weekday()]} {report.on.day} {_MONTHS[report.on.month - 1]} {report.on.year}",
        modes=MODES,
        outcomes=OUTCOMES,
        delays=DELAYS,
        mt_help=MT_HELP,
        clean=report.is_clean,
    )


def _reason_labels(folder: Path) -> dict[str, str]:
    """Names of the reasons as the territory's protocol words them; codes alone when it has none."""
    path = folder / "protocol.yaml"
    if not path.exists():
        return {}
    body = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {reason["code"]: f"{reason['label']}" for reason in body.get("reasons", []) if "code" in reason and "label" in reason}
