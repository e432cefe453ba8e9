"""What will go wrong, and when: drawn from a seed before anything starts, readable afterwards. Pure."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from recours.stack.ports import SERVICES

_PUBLISHERS = ("intake", "scheduling", "teleconsult", "orientation", "regulation")
"""The services whose relays have something to carry."""
_BEGINS_AFTER, _ENDS_BEFORE = timedelta(minutes=20), timedelta(minutes=75)
_LONGEST_JITTER_MS = 400


@dataclass(frozen=True)
class Kill:
    """kill -9; its supervisor starts it again."""

    victim: str

    def __str__(self) -> str:
        return f"kill -9 {self.victim}"


@dataclass(frozen=True)
class Freeze:
    """SIGSTOP of a service whose relay works, SIGCONT after some real seconds."""

    victim: str
    seconds: float

    def __str__(self) -> str:
        return f"stop {self.victim} for {self.seconds:g} s"


@dataclass(frozen=True)
class FullDisk:
    """The disk of the data folder is full to the last block, and PostgreSQL's journal is driven against it, for some real seconds."""

    seconds: float

    def __str__(self) -> str:
        return f"disk full for {self.seconds:g} s"


@dataclass(frozen=True)
class Outage:
    """No broker answers for `minutes` of business time and at least `seconds` of real time; nothing of the log is lost."""

    minutes: int = 10
    seconds: float = 6.0

    def __str__(self) -> str:
        return f"broker unreachable for {self.minutes} min of the day"


Kind: TypeAlias = Kill | Freeze | FullDisk | Outage


@dataclass(frozen=True)
class Fault:
    """`at` is business time; `jitter_ms` real time after it, so that the blow falls in the middle of a command. Equal `at`s are a burst."""

    at: datetime
    kind: Kind
    jitter_ms: int = 0

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S} UTC +{self.jitter_ms:3d} ms  {self.kind}"


@dataclass(frozen=True)
class Arsenal:
    """What can be injected into this installation."""

    brokers: tuple[str, ...]
    freeze_seconds: tuple[float, ...]
    has_disk: bool
    burst_sizes: tuple[int, ...] = (2, 3, 4, 5, 6)


def draw(seed: str, starts_at: datetime, ends_at: datetime, count: int, arsenal: Arsenal, *, outages: int = 0) -> list[Fault]:
    """`count` faults between two instants of business time, in bursts; the same seed gives the same list.

    In a burst nobody is hit twice and at most one broker is; a full disk and an outage come alone.
    """
    rng = random.Random(seed)
    bursts = _bursts(_deck(rng, count - outages, arsenal), arsenal.burst_sizes, rng) + [[Outage()] for _ in range(outages)]
    rng.shuffle(bursts)
    first, last = starts_at + _BEGINS_AFTER, ends_at - _ENDS_BEFORE
    share = (last - first) / max(1, len(bursts))
    faults = []
    for place, burst in enumerate(bursts):
        at = first + share * (place + rng.random() * 0.8)
        at = at.replace(microsecond=0)
        faults += [Fault(at, kind, rng.randrange(_LONGEST_JITTER_MS)) for kind in burst]
    return faults


def _deck(rng: random.Random, count: int, arsenal: Arsenal) -> list[Kind]:
    """Each victim in turn, so that any long list hits all of them about equally; brokers and PostgreSQL somewhat more often."""
    brokers = itertools.cycle(arsenal.brokers)
    frozen = itertools.cycle(rng.sample(_PUBLISHERS, len(_PUBLISHERS)))
    suit: list[str] = [*SERVICES, *_PUBLISHERS[:2], "broker", "broker", "postgres", "postgres", "valkey", "freeze", "freeze"]
    kinds: list[Kind] = []
    while len(kinds) < count:
        for name in rng.sample(suit, len(suit)):
            if name == "broker":
                kinds.append(Kill(next(brokers)))
            elif name == "freeze":
                kinds.append(Freeze(next(frozen), rng.choice(arsenal.freeze_seconds)))
            else:
                kinds.append(Kill(name))
        if arsenal.has_disk and len(kinds) // len(suit) % 2:
            kinds.append(FullDisk(rng.choice((2.0, 4.0, 6.0))))
    return kinds[:count]


def _bursts(kinds: Sequence[Kind], sizes: Sequence[int], rng: random.Random) -> list[list[Kind]]:
    """The deck from the top; who may not join a burst goes into a later one."""
    bursts: list[list[Kind]] = []
    left = list(kinds)
    while left:
        burst, size = [left.pop(0)], rng.choice(sizes)
        for kind in list(left):
            if len(burst) < size and _may_join(kind, burst):
                left.remove(kind)
                burst.append(kind)
        bursts.append(burst)
    return bursts


def _may_join(kind: Kind, burst: Sequence[Kind]) -> bool:
    if not all(isinstance(one, Kill | Freeze) for one in (kind, *burst)):
        return False
    hit = [one.victim for one in burst if isinstance(one, Kill | Freeze)]
    victim = kind.victim if isinstance(kind, Kill | Freeze) else ""
    return victim not in hit and not (victim.startswith("broker") and any(name.startswith("broker") for name in hit))
