"""What a GP reads of his day: appointments of scheduling with the names of intake, grouped by mode, in reading order."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.console.composition import Identities
from services.console.words import instant, reference, word

MODES = ("visit", "teleconsultation", "surgery")
OUTCOMES = (
    ("seen", "1"), ("seen_again", "2"), ("seen_ed", "3"), ("called_15", "4"), ("door_closed", "5"), ("missed", "6"), ("needs_exam", "7"),
    ("phone_only", "8"), ("refused", "9"), ("impossible", "0"), ("already_taken", "P"), ("death", "D"),
)  # fmt: skip
# The modes an outcome belongs to when it is not all of them (operations.md §8; scheduling refuses the others).
ONLY_FOR = {"door_closed": ("visit",), "missed": ("surgery", "teleconsultation"), "needs_exam": ("teleconsultation",)}
_SEEN = frozenset({"seen", "seen_again", "seen_ed", "called_15", "phone_only"})
_LATE_CLOSING = timedelta(hours=2)  # « Visit not closed at +2 h after its window: the GP is phoned »


_VITAL = ("breathing", "consciousness", "chest_or_collapse")


@dataclass(frozen=True)
class Said:
    """What was answered on the phone: the three vital questions, then those of the reason."""

    vital: list[tuple[str, str | None]]
    asked: list[dict[str, Any]]


def said_of(who: dict[str, Any] | None, raw: dict[str, Any]) -> Said:
    """From intake's answers; a case that regulation holds knows the vital ones while intake is away."""
    answers: list[dict[str, Any]] = (who or {}).get("answers") or []
    known = {one["code"]: one["answer"] for one in answers if one.get("code") in _VITAL}
    return Said([(name, known.get(name) or raw.get(name)) for name in _VITAL], [one for one in answers if one.get("code") not in _VITAL])


@dataclass(frozen=True)
class Line:
    """One appointment as the page shows it. `who` is intake's answer, None when intake is down or does not know."""

    raw: dict[str, Any]
    who: dict[str, Any] | None

    @property
    def id(self) -> str:
        return str(self.raw.get("appointment_id") or self.raw["id"])

    @property
    def request_id(self) -> str:
        return str(self.raw["request_id"])

    @property
    def mode(self) -> str:
        return str(self.raw["mode"])

    @property
    def urgency(self) -> str:
        return str(self.raw.get("urgency") or "planned")

    @property
    def starts_at(self) -> datetime:
        return instant(self.raw["starts_at"])

    @property
    def promised(self) -> tuple[datetime, datetime] | None:
        """The window told on the phone, for a visit."""
        start, end = self.raw.get("window_starts_at"), self.raw.get("window_ends_at")
        return (instant(start), instant(end)) if start and end else None

    @property
    def due(self) -> datetime:
        """The latest instant at which it can still begin as promised."""
        return self.promised[1] if self.promised else self.starts_at

    @property
    def outcome(self) -> str | None:
        return self.raw.get("outcome")

    @property
    def closed(self) -> bool:
        return self.raw.get("state") in ("closed", "cancelled") or self.outcome is not None

    @property
    def shape(self) -> str:
        """State of the appointment for `data-a`."""
        if self.raw.get("state") == "cancelled":
            return "cancelled"
        if self.outcome is None:
            return "booked"
        return "honoured" if self.outcome in _SEEN else "missed"

    @property
    def sex(self) -> str | None:
        return (self.who or {}).get("sex") or self.raw.get("sex")

    @property
    def name(self) -> str:
        """The person, or the spoken reference while nobody can say who it is."""
        return str((self.who or {}).get("display_name") or reference(self.request_id))

    @property
    def short_age(self) -> str:
        """`82`, or the age band of the event while intake is away."""
        years = (self.who or {}).get("age")
        return str(years) if years else word(self.raw.get("age_band"), "age_bands")

    @property
    def state_words(self) -> str:
        if self.outcome is None:
            return word(self.shape, "states")
        return word(self.outcome, "outcomes_f" if self.sex == "F" else "outcomes")

    @property
    def flags(self) -> list[str]:
        known = [*self.raw.get("flags", []), *(self.who or {}).get("flags", [])]
        if (self.who or {}).get("homonym"):
            known.append("homonym")
        return list(dict.fromkeys(str(flag) for flag in known))

    @property
    def said(self) -> Said:
        return said_of(self.who, self.raw)

    @property
    def reason(self) -> str:
        return str((self.who or {}).get("reason_label") or word(self.raw.get("reason"), "reasons"))

    def waits_for_closing(self, now: datetime) -> bool:
        """Two hours after its window and still without outcome."""
        return not self.closed and now > max(self.due, instant(self.raw.get("ends_at") or self.raw["starts_at"])) + _LATE_CLOSING


@dataclass(frozen=True)
class Group:
    """The lines of one mode."""

    mode: str
    lines: list[Line]

    @property
    def done(self) -> int:
        return sum(line.closed for line in self.lines)


@dataclass(frozen=True)
class Day:
    """The whole day, and the line that comes next."""

    groups: list[Group]
    names: bool

    @property
    def lines(self) -> list[Line]:
        return [line for group in self.groups for line in group.lines]

    @property
    def seen(self) -> int:
        return sum(line.closed for line in self.lines)

    @property
    def next(self) -> Line | None:
        """What has no outcome yet and was promised first."""
        return min((line for line in self.lines if not line.closed), key=lambda line: (line.starts_at, line.id), default=None)

    def line(self, appointment_id: str) -> Line | None:
        return next((line for line in self.lines if line.id == appointment_id), None)


def day_of(items: list[dict[str, Any]], names: Identities) -> Day:
    """Grouped by mode in the order of the day's windows; the order inside a mode is scheduling's."""
    lines = [Line(item, names.of_request(item["request_id"])) for item in items]
    groups = [Group(mode, [line for line in lines if line.mode == mode]) for mode in MODES]
    return Day([group for group in groups if group.lines], names.available)


def outcomes_for(line: Line) -> list[dict[str, Any]]:
    """The twelve outcomes with their key; those of another mode are shown closed, so that places never move."""
    section = "outcomes_f" if line.sex == "F" else "outcomes"
    return [
        {
            "code": code,
            "key": key,
            "words": word(code, section),
            "icon": word(code, "outcome_icons"),
            "open": line.mode in ONLY_FOR.get(code, MODES),
        }
        for code, key in OUTCOMES
    ]
