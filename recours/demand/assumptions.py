"""`assumptions.yaml` of a territory: what is supposed about its callers, doctors and desk. The reasons stand beside the figures."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.events.base import Mode, Reason
from shared.events.scheduling import ActOutcome

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Seconds = tuple[int, int]
AgeSet = Literal["all", "young", "adults", "workers", "women", "pregnant", "old", "infants"]
DayKind = Literal["monday", "tue_fri", "saturday"]
FifteenDecision = Literal["taken_by_15", "smur_sent", "advice", "emergency_department"]


class BadAssumptions(ValueError):
    """The file cannot be used; the message names the file and the field."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OtherCalls(_Part):
    """Calls beside those that open a request, as a mean number per request."""

    information: Weight
    second_information: Share
    second_change: Share
    second_cancel: Share
    second_worse: Share
    professional: Weight
    error: Weight


class Volume(_Part):
    requests_per_day: Weight
    weekday_factor: dict[int, Weight]
    hours: dict[DayKind, dict[int, Share]]
    other_calls_per_request: OtherCalls
    second_call_after_minutes: tuple[int, int]
    last_new_request_before_closing_minutes: int = Field(ge=0)

    @model_validator(mode="after")
    def _hours_sum_to_one(self) -> "Volume":
        for kind, shares in self.hours.items():
            if abs(sum(shares.values()) - 1) > 1e-6:
                raise ValueError(f"hours of {kind} sum to {sum(shares.values()):.3f}, not 1")
        return self


class ReasonShare(_Part):
    share: Weight
    red: Share
    advice: Share
    ages: AgeSet
    since_days: tuple[int, int]
    words: list[str] = Field(min_length=1)


class Vital(_Part):
    said_at_step0: Share
    withdrawn: Share


class AgeRange(_Part):
    from_: int = Field(alias="from", ge=0)
    to: int = Field(ge=0, le=110)
    weight: Weight


class InfantMonths(_Part):
    under_3: Share
    from_3_to_11: Share


class TwoAges(_Part):
    under_65: Share
    from_65: Share


class ThreeAges(_Part):
    under_65: Share
    from_65_to_79: Share
    from_80: Share

    def at(self, age: int) -> float:
        if age < 65:
            return self.under_65
        return self.from_65_to_79 if age < 80 else self.from_80


class MtHelp(_Part):
    yes: Share
    later: Share
    no: Share


class People(_Part):
    without_mt: Share
    mt_absent: Share
    ald: TwoAges
    c2s: Share
    interpreter: Share
    anticoagulant_from_65: Share
    immunosuppressed: Share
    pregnant_at_Q13: Share
    reduced_mobility: ThreeAges
    living_alone: ThreeAges
    no_camera: ThreeAges
    household_phone: Share
    no_phone: Share
    hidden_number: Share
    commune_of_call_weight: Literal["population"]
    voice_only: Share
    mt_help: MtHelp


class CallerIsOther(_Part):
    under_16: Share
    adult: Share
    from_80: Share


class Patience(_Part):
    median: int = Field(gt=0)
    minimum: int = Field(ge=0)


class Calls(_Part):
    caller_is_other: CallerIsOther
    other_not_beside: Share
    patience_seconds: Patience
    calls_again_after_abandon: Share
    step0_seconds: Seconds
    whole_call_seconds: Seconds
    short_call_seconds: Seconds
    error_seconds: Seconds
    wrap_up_seconds: Seconds
    delegated: Share
    refuses_first: Share
    refuses_all: Share


class Voice(_Part):
    median: int = Field(gt=0)
    longest: int = Field(gt=0)


class Fifteen(_Part):
    voice_seconds: Voice
    acknowledge_seconds: Seconds
    decision_minutes: tuple[int, int]
    decisions: dict[FifteenDecision, Share]


class DutyDoctor(_Part):
    first_look_seconds: Seconds
    call_seconds: Seconds
    decisions: dict[Literal["advice_only", "appointment", "fifteen"], Share]
    decisions_unallocated: dict[Literal["advice_only", "appointment", "fifteen"], Share]
    appointment_urgency: dict[Literal["same_day", "within_48h"], Share]
    silent: Share


class Acts(_Part):
    closing_delay_seconds: Seconds
    no_show: Share
    outcomes: dict[Mode, dict[ActOutcome, Share]]
    no_show_outcome: dict[Mode, ActOutcome]
    would_be_mt: Share
    triage: dict[Literal["right", "too_low", "too_high"], Share]


class Staffing(_Part):
    secretaries: dict[DayKind, Annotated[int, Field(ge=1, le=2)]]
    arm: Literal[1]
    regulators: Literal[1]


class Assumptions(_Part):
    """The whole file, checked."""

    name: str
    valid_from: str
    volume: Volume
    reasons: dict[Reason, ReasonShare]
    vital: Vital
    ages: dict[AgeSet, list[AgeRange]]
    infants_months: InfantMonths
    sexes: dict[AgeSet, Share]
    people: People
    calls: Calls
    fifteen: Fifteen
    duty_doctor: DutyDoctor
    acts: Acts
    staffing: Staffing

    @classmethod
    def load(cls, folder: Path) -> "Assumptions":
        """Reads `folder/assumptions.yaml`; raises BadAssumptions naming what is wrong."""
        path = folder / "assumptions.yaml"
        try:
            return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except OSError as reason:
            raise BadAssumptions(f"{path}: {reason.strerror}") from reason
        except ValidationError as reason:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in reason.errors())
            raise BadAssumptions(f"{path}: {wrong}") from reason
        except yaml.YAMLError as reason:
            raise BadAssumptions(f"{path}: {reason}") from reason


def day_kind(weekday: int) -> DayKind:
    """Which column of the file serves an ISO weekday (1 = Monday)."""
    if weekday == 1:
        return "monday"
    return "saturday" if weekday == 6 else "tue_fri"
