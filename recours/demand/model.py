"""What a day of demand is made of. Everything is drawn before the day starts: actors only play it."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal

from shared.events.base import Answer

CallKind = Literal[
    "request", "information", "second_information", "second_change", "second_cancel", "second_worse", "professional", "error"
]
Danger = Literal["none", "step0_red", "step0_advice", "protocol_red", "protocol_advice"]


@dataclass(frozen=True)
class Person:
    """Somebody who does not exist. Phones are of the ranges reserved for fiction: 01 99 00 xx xx, 06 39 98 xx xx."""

    number: int
    birth_name: str
    used_name: str | None
    first_name: str
    birth_date: date
    age_years: int
    age_months: int
    sex: Literal["M", "F"]
    phone: str | None
    address: str
    access: str
    commune: str
    lon: float
    lat: float
    cell: str
    mt: Literal["none", "has", "absent"]
    mt_name: str | None
    ald: bool
    flags: tuple[str, ...]
    contact_rule: Literal["sms_ok", "voice_only"]


@dataclass(frozen=True)
class VitalAnswers:
    breathing: Answer
    consciousness: Answer
    chest_or_collapse: Answer
    withdrawn: bool
    """« Là, maintenant ? » no, after a yes: advice, never lower."""


@dataclass(frozen=True)
class Limits:
    can_move: bool
    isolated: bool
    camera: bool
    confined: bool


@dataclass(frozen=True)
class Need:
    """What one person needs and what he or she will answer and accept."""

    number: int
    person: Person
    reason: str
    words: str
    since_days: int
    caller_role: Literal["patient", "other", "professional"]
    with_patient_now: bool
    vital: VitalAnswers
    danger: Danger
    limits: Limits
    delegated: bool
    """The secretary says « allouer sans moi »: allocation by event."""
    takes_rank: int
    """Which proposal is accepted, 1 to 3; 0 = refuses all."""
    mt_help: Literal["yes", "no", "later"] | None
    comes: bool


@dataclass(frozen=True)
class Call:
    """One ring of the line. `need` is the request it opens, `about` the one it comes back to; a second call follows its first."""

    number: int
    rings_at: datetime
    kind: CallKind
    phone: str | None
    patience_seconds: int
    again_after_seconds: int | None
    step0_seconds: int
    talk_seconds: int
    wrap_up_seconds: int
    need: int | None = None
    about: int | None = None


@dataclass(frozen=True)
class Demand:
    """A day. `opens_at` is None when the line stays closed (Sunday, public holiday): then nobody is answered."""

    territory_id: str
    on: date
    seed: int
    opens_at: datetime | None
    closes_at: datetime | None
    secretaries: int
    needs: tuple[Need, ...]
    calls: tuple[Call, ...]

    def canonical(self) -> bytes:
        """The same demand, the same bytes."""
        return json.dumps(asdict(self), default=_plain, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()

    def digest(self) -> str:
        return hashlib.sha256(self.canonical()).hexdigest()


def _plain(value: Any) -> str:
    if isinstance(value, date):  # datetime is one too
        return value.isoformat()
    raise TypeError(type(value).__name__)
