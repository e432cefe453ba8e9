"""Step 0 (operations.md §4): danger before identity, for every call."""

from dataclasses import dataclass
from typing import Literal

from services.intake.domain.ages import SaidAge
from shared.events.base import Answer

QUESTION_SET = "step0-v1"

VITAL_QUESTIONS: dict[str, str] = {
    "breathing": "Là, maintenant, n’arrive pas à respirer ou à finir une phrase ?",
    "consciousness": "Difficile à réveiller, confus(e), ne répond pas normalement ?",
    "chest_or_collapse": "Douleur dans la poitrine, malaise en ce moment, paralysie, convulsion, gros saignement ?",
}

BABY_WORDING: dict[str, str] = {"consciousness": "Mou, ne boit plus, ne vous regarde plus ?"}

Result = Literal["clear", "advice", "red_flag"]


@dataclass(frozen=True)
class Vital:
    """The three answers, yes = danger; None = not asked yet.

    `confirmed_not_now`: the one confirming « là, maintenant ? » after a yes to the first question or to « malaise » was answered no.
    `baby_unwell`: under 3 months only, whether the baby is ill (no = skin, feeding).
    """

    breathing: Answer | None = None
    consciousness: Answer | None = None
    chest_or_collapse: Answer | None = None
    confirmed_not_now: bool = False
    baby_unwell: Answer | None = None

    @property
    def answers(self) -> tuple[Answer | None, ...]:
        return (self.breathing, self.consciousness, self.chest_or_collapse)

    @property
    def complete(self) -> bool:
        return None not in self.answers


@dataclass(frozen=True)
class Screening:
    result: Result
    rule: str | None = None


def screen(vital: Vital, age: SaidAge) -> Screening | None:
    """What step 0 says, or None while it cannot say: any yes or unknown is the 15; age may decide before the answers.

    A confirmed « not now » makes one single yes (not to the second question) a doctor's advice, never lower.
    """
    baby = age.band == "0-2m"
    if baby and vital.baby_unwell != "no":
        return Screening("red_flag", "under_3_months")
    if not vital.complete:
        return None
    if "unknown" in vital.answers or vital.answers.count("yes") > 1 or vital.consciousness == "yes":
        return Screening("red_flag")
    if "yes" in vital.answers:
        return Screening("advice", "confirmed_not_now") if vital.confirmed_not_now else Screening("red_flag")
    return Screening("advice", "under_3_months_not_ill") if baby else Screening("clear")


def danger_already_said(vital: Vital) -> bool:
    """A yes or an unknown before the three answers are complete: the page may go to the 15 without asking more."""
    return any(answer in ("yes", "unknown") for answer in vital.answers)
