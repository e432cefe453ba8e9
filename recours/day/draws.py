"""What actors decide, drawn from the seed by name: the order in which they come to it changes nothing."""

from collections.abc import Mapping
from datetime import date
from math import log
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """One stream per question (`voice`, need 12), all from the same seed."""

    def __init__(self, territory_id: str, on: date, seed: int) -> None:
        self._name = f"{territory_id}|{on.isoformat()}|{seed}"

    def stream(self, question: str, subject: object = "") -> Random:
        """The same question on the same subject gives the same stream."""
        return Random(f"{self._name}|{question}|{subject}")

    def chance(self, question: str, subject: object, probability: float) -> bool:
        return self.stream(question, subject).random() < probability

    def between(self, question: str, subject: object, bounds: tuple[int, int]) -> int:
        return self.stream(question, subject).randint(*bounds)

    def one_of(self, question: str, subject: object, shares: Mapping[T, float]) -> T:
        choices = list(shares)
        return self.stream(question, subject).choices(choices, weights=[shares[choice] for choice in choices])[0]

    def tail(self, question: str, subject: object, *, median: int, longest: int) -> int:
        """Seconds with an exponential tail, cut at `longest`."""
        return min(longest, 1 + round(median * -log(1 - self.stream(question, subject).random()) / log(2)))
