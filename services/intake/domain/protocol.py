"""The guided protocol: data signed by a doctor (design.md), and what it says of a person's answers. The engine knows no medicine.

The level may only rise: the usual level of the reason, then each danger answered, each rule by age or state, the floor of step 0,
and what the secretary adds. Doubt counts: `unknown` is advice, and the 15 for a child under one year.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from services.intake.domain.ages import lowest_months
from services.intake.domain.deadlines import most_urgent, rank
from services.intake.domain.refusals import OnlyADoctorLowers, UnknownReason
from shared.events.base import AgeBand, Answer, Mode, Urgency

UNDER_ONE_YEAR: tuple[AgeBand, ...] = ("0-2m", "3-11m")


@dataclass(frozen=True)
class Question:
    """Phrased so that yes = danger. `danger` is what a yes asks for; `flag` is what a yes tells about the person."""

    id: str
    text: str
    danger: Literal["red_flag", "advice"] | None = None
    flag: str | None = None


@dataclass(frozen=True)
class When:
    """All that is given must hold; an empty `When` always holds."""

    min_age_months: int | None = None
    below_age_months: int | None = None
    any_flag: tuple[str, ...] = ()
    all_flags: tuple[str, ...] = ()
    no_flag: tuple[str, ...] = ()
    any_yes: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    except_reasons: tuple[str, ...] = ()

    def holds(self, reason: str, age_band: AgeBand, flags: frozenset[str], answers: Mapping[str, Answer]) -> bool:
        """Bands are compared by their youngest age: a limit that falls inside a band does not fire for it."""
        months = lowest_months(age_band)
        return (
            (self.min_age_months is None or months >= self.min_age_months)
            and (self.below_age_months is None or months < self.below_age_months)
            and (not self.any_flag or not flags.isdisjoint(self.any_flag))
            and flags.issuperset(self.all_flags)
            and flags.isdisjoint(self.no_flag)
            and (not self.any_yes or any(answers.get(question) == "yes" for question in self.any_yes))
            and (not self.reasons or reason in self.reasons)
            and reason not in self.except_reasons
        )


@dataclass(frozen=True)
class Rule:
    """At least `at_least` when `when` holds; `modes`, when given, replaces the reason's."""

    code: str
    when: When
    at_least: Urgency
    modes: tuple[Mode, ...] = ()


@dataclass(frozen=True)
class Reason:
    """One line of operations.md §6."""

    code: str
    label: str
    usual: Urgency
    modes: tuple[Mode, ...]
    questions: tuple[Question, ...]
    safety_net: tuple[str, str]
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Protocol:
    name: str
    version: int
    signed_by: str | None
    reasons: Mapping[str, Reason]
    rules: tuple[Rule, ...]

    @property
    def title(self) -> str:
        """Name and version, as stored with each request."""
        return f"{self.name} v{self.version}"

    def reason(self, code: str) -> Reason:
        found = self.reasons.get(code)
        if found is None:
            raise UnknownReason(code)
        return found


@dataclass(frozen=True)
class Limits:
    """What the person can do today, asked after who it is (operations.md §4). None = not asked: taken as possible."""

    can_move: bool | None = None
    isolated: bool | None = None
    camera: bool | None = None
    confined: bool | None = None
    refused_modes: tuple[Mode, ...] = ()


@dataclass(frozen=True)
class Assessment:
    """What the protocol says: `causes` are codes of questions and rules, most urgent first, never free text."""

    reason: str
    urgency: Urgency
    modes: tuple[Mode, ...]
    flags: tuple[str, ...]
    causes: tuple[str, ...]
    protocol: str


def assess(
    protocol: Protocol,
    reason_code: str,
    answers: Mapping[str, Answer],
    *,
    age_band: AgeBand,
    known_flags: frozenset[str],
    limits: Limits,
    floor: Urgency | None = None,
    raised_to: Urgency | None = None,
) -> Assessment:
    """Level, modes in order and flags. Raises UnknownReason, and OnlyADoctorLowers when `raised_to` is under what the answers ask for.

    A question of the reason that was not asked counts as unknown.
    """
    reason = protocol.reason(reason_code)
    given: dict[str, Answer] = {question.id: answers.get(question.id, "unknown") for question in reason.questions}
    flags = (
        known_flags | {question.flag for question in reason.questions if question.flag and given[question.id] == "yes"} | _flags_of(limits)
    )
    found: list[tuple[Urgency, str]] = [(reason.usual, "usual")]
    if floor is not None:
        found.append((floor, "floor"))
    found += [
        (level, question.id) for question in reason.questions if (level := _danger(question, given[question.id], age_band)) is not None
    ]
    fired = [rule for rule in (*protocol.rules, *reason.rules) if rule.when.holds(reason.code, age_band, flags, given)]
    found += [(rule.at_least, rule.code) for rule in fired]
    urgency = most_urgent(*(level for level, _ in found))
    if raised_to is not None:
        if rank(raised_to) < rank(urgency):
            raise OnlyADoctorLowers(f"the protocol says {urgency}", urgency=urgency)
        found.append((raised_to, "raised"))
        urgency = raised_to
    offered = next((rule.modes for rule in reversed(fired) if rule.modes), reason.modes)
    causes = tuple(code for _, code in sorted(found, key=lambda pair: -rank(pair[0])))
    return Assessment(reason.code, urgency, _modes(offered, age_band, flags, limits), tuple(sorted(flags)), causes, protocol.title)


def _danger(question: Question, answer: Answer, age_band: AgeBand) -> Urgency | None:
    if answer == "yes":
        return question.danger
    if answer == "unknown" and question.danger is not None:
        return "red_flag" if age_band in UNDER_ONE_YEAR else "advice"
    return None


def _flags_of(limits: Limits) -> frozenset[str]:
    said = {"reduced_mobility": limits.can_move is False, "isolated": limits.isolated is True, "confined": limits.confined is True}
    return frozenset(flag for flag, holds in said.items() if holds)


def _modes(offered: tuple[Mode, ...], age_band: AgeBand, flags: frozenset[str], limits: Limits) -> tuple[Mode, ...]:
    """Visit first for who cannot come today (reduced mobility, confinement) or is cut off; video only with a camera and from one year;
    a refusal is respected. What is said today wins over the file; living alone (flag `isolated`) is no reason for a visit by itself.

    Never empty: when nothing is left, the person is seen where he can be.
    """
    known_immobile = limits.can_move is None and "reduced_mobility" in flags
    cannot_come = limits.can_move is False or limits.confined is True or known_immobile
    possible = [mode for mode in offered if mode != "surgery" or not cannot_come]
    if (cannot_come or limits.isolated is True) and "visit" not in possible:
        possible.insert(0, "visit")
    if limits.camera is False or age_band in UNDER_ONE_YEAR:
        possible = [mode for mode in possible if mode != "teleconsultation"]
    wanted = [mode for mode in possible if mode not in limits.refused_modes]
    if wanted:
        return tuple(wanted)
    return ("visit",) if cannot_come else ("surgery",)
