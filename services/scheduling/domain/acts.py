"""Outcomes of the act, and the codes proposed for it from the dated tariff. The platform proposes, the doctor confirms.

Which supplement goes with which mode is the territory's profile (data), never a constant here; each proposal keeps its caution.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, get_args

from services.scheduling.domain.refusals import ActNotAllowed, OutcomeNotForMode
from shared.events.base import Mode
from shared.events.scheduling import ActOutcome

BILLED: frozenset[ActOutcome] = frozenset({"seen", "seen_again", "seen_ed", "called_15"})
"""The patient was examined. A phone call is not billed as a teleconsultation (national-rules.md 8), a closed door is no act."""

FINAL: frozenset[ActOutcome] = frozenset({"seen", "seen_again", "seen_ed", "called_15", "phone_only", "already_taken", "death"})
"""After these the same qualification gets no other appointment; the others leave the request with the desk (operations.md §8)."""

_ONLY_FOR: dict[ActOutcome, frozenset[Mode]] = {
    "door_closed": frozenset({"visit"}),
    "missed": frozenset({"surgery", "teleconsultation"}),
    "needs_exam": frozenset({"teleconsultation"}),
}


def check_outcome(outcome: ActOutcome, mode: Mode) -> None:
    """Raises OutcomeNotForMode where §8 ties a code to other modes."""
    if mode not in _ONLY_FOR.get(outcome, frozenset(get_args(Mode))):
        raise OutcomeNotForMode(f"{outcome} is not an outcome of a {mode}")


@dataclass(frozen=True, slots=True)
class Line:
    """One code of the tariff between two days, with its source. `needs` are conditions, all of them; `any_flag` is met by one flag."""

    code: str
    label: str
    amount_euros: Decimal
    valid_from: date
    valid_to: date | None
    modes: frozenset[Mode]
    base: bool
    any_flag: frozenset[str]
    needs: frozenset[str]
    not_with: frozenset[str]
    automatic: bool
    confidence: str
    source: str
    caution: str | None

    def holds_on(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Tariff:
    """A territory's profile over the national table. `name` goes into ActClosed, so that an amount can be traced to its table."""

    name: str
    lines: tuple[Line, ...]

    def on(self, day: date) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.holds_on(day))


@dataclass(frozen=True, slots=True)
class Regulation:
    """A traced regulation by the SAS: all of it, or no SNP (national-rules.md 9, rule 2)."""

    organisation: str
    regulator: str
    file_number: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ActFacts:
    """What the conditions look at."""

    mode: Mode
    starts_at: datetime
    flags: frozenset[str]
    without_mt: bool
    regulation: Regulation | None
    snp_this_week: int


@dataclass(frozen=True, slots=True)
class Proposed:
    """A code with its amount, and the national caution where the profile differs from the national text."""

    code: str
    label: str
    amount_euros: Decimal
    caution: str | None


_SNP_WITHIN = timedelta(hours=48)
_SNP_PER_WEEK = 20  # NGAP 14.1.3, per doctor and civil week


def propose(outcome: ActOutcome, facts: ActFacts, tariff: Tariff, on: date) -> list[Proposed]:
    """The codes to show for this act; none when nothing is billed. The base comes first, supplements in the table's order."""
    if outcome not in BILLED:
        return []
    chosen: list[Line] = []
    for line in sorted(tariff.on(on), key=lambda line: not line.base):
        conflicts = any(line.code in other.not_with or other.code in line.not_with for other in chosen)
        if line.automatic and unmet_condition(line, facts) is None and not conflicts:
            chosen.append(line)
    return [_proposed(line) for line in chosen]


def keep(codes: Sequence[str], outcome: ActOutcome, facts: ActFacts, tariff: Tariff, on: date) -> list[Proposed]:
    """The codes that the doctor kept. Raises ActNotAllowed for an unknown code, an unmet condition or two codes that exclude each other."""
    if codes and outcome not in BILLED:
        raise ActNotAllowed(f"no act for {outcome}", act=codes[0])
    known = {line.code: line for line in tariff.on(on)}
    kept: list[Line] = []
    for code in dict.fromkeys(codes):
        line = known.get(code)
        if line is None:
            raise ActNotAllowed(f"{code} is not in the tariff that day", act=code)
        unmet = unmet_condition(line, facts)
        if unmet is not None:
            raise ActNotAllowed(f"{code} needs {unmet}", act=code, condition=unmet)
        if any(code in other.not_with or other.code in line.not_with for other in kept):
            raise ActNotAllowed(f"{code} excludes another code kept", act=code)
        kept.append(line)
    return [_proposed(line) for line in kept]


def unmet_condition(line: Line, facts: ActFacts) -> str | None:
    """The first condition of `line` that this act does not meet."""
    if facts.mode not in line.modes:
        return "mode"
    if line.any_flag and not line.any_flag & facts.flags:
        return "reason_for_visit"
    if "mt" in line.needs and facts.without_mt:
        return "mt"
    if "traced_regulation" in line.needs:
        if facts.regulation is None:
            return "traced_regulation"
        if facts.starts_at - facts.regulation.at > _SNP_WITHIN:
            return "within_48h_of_regulation"
        if facts.snp_this_week >= _SNP_PER_WEEK:
            return "twenty_a_week"
    return None


def _proposed(line: Line) -> Proposed:
    return Proposed(line.code, line.label, line.amount_euros, line.caution)


_KEYS = {
    "code", "label", "amount_euros", "valid_from", "valid_to", "modes", "base", "any_flag", "needs", "not_with", "automatic",
    "confidence", "source", "caution",
}  # fmt: skip
_CONDITIONS = frozenset({"mt", "traced_regulation"})


class BadTariff(ValueError):
    """The tariff file cannot be used; the message names the line and what is wrong."""


def read_tariff(raw: Mapping[str, Any]) -> Tariff:
    """A tariff from its YAML mapping; raises BadTariff. Amounts are decimals written as text: a float is refused."""
    if not isinstance(raw, Mapping) or not {"name", "lines"} <= set(raw):
        raise BadTariff("a name and lines are needed")
    entries = raw["lines"]
    if not isinstance(entries, list):
        raise BadTariff("lines: is not a list")
    for place, entry in enumerate(entries):
        if not isinstance(entry, Mapping):
            raise BadTariff(f"lines.{place}: is not a line of a tariff")
    tariff = Tariff(str(raw["name"]), tuple(_line(entry) for entry in entries))
    _refuse_overlaps(tariff.lines)
    return tariff


def _line(entry: Mapping[str, Any]) -> Line:
    code = str(entry.get("code", "?"))
    unknown = set(entry) - _KEYS
    if unknown:
        raise BadTariff(f"{code}: unknown {', '.join(sorted(map(str, unknown)))}")
    try:
        if not isinstance(entry["amount_euros"], str):
            raise BadTariff(f"{code}: amount_euros must be text")
        line = Line(
            code=code, label=str(entry["label"]), amount_euros=Decimal(entry["amount_euros"]),
            valid_from=_day(entry["valid_from"]), valid_to=_day(entry["valid_to"]) if entry.get("valid_to") else None,
            modes=frozenset(entry["modes"]), base=bool(entry.get("base", False)), any_flag=_words(entry.get("any_flag", ())),
            needs=_words(entry.get("needs", ())), not_with=_words(entry.get("not_with", ())), automatic=bool(entry.get("automatic", True)),
            confidence=str(entry["confidence"]), source=str(entry["source"]), caution=entry.get("caution"),
        )  # fmt: skip
    except KeyError as missing:
        raise BadTariff(f"{code}: {missing} is missing") from missing
    except BadTariff:
        raise
    except (TypeError, ValueError, InvalidOperation) as wrong:
        raise BadTariff(f"{code}: {wrong}") from wrong
    if not line.modes <= set(get_args(Mode)) or not line.needs <= _CONDITIONS:
        raise BadTariff(f"{code}: unknown mode or condition")
    return line


def _day(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _words(values: Collection[str]) -> frozenset[str]:
    return frozenset(values)


def _refuse_overlaps(lines: Sequence[Line]) -> None:
    """One amount per code and day."""
    for position, one in enumerate(lines):
        for other in lines[position + 1 :]:
            if one.code == other.code and not (_ends_before(one, other) or _ends_before(other, one)):
                raise BadTariff(f"{one.code}: two lines on one day")


def _ends_before(one: Line, other: Line) -> bool:
    return one.valid_to is not None and one.valid_to < other.valid_from
