"""`protocol.yaml` of a territory: read and checked whole at start, so that no half protocol ever asks a question."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from services.intake.domain.protocol import Protocol, Question, Reason, Rule, When
from shared.events.base import Code, Mode, Urgency
from shared.events.base import Reason as ReasonCode
from shared.territory import BadTerritory, read_yaml, wrong_fields

ALL_REASONS = tuple(f"Q{number:02}" for number in range(1, 21))
_Text = Annotated[str, Field(min_length=3, max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Signature(_Strict):
    name: str
    rpps: Annotated[str, Field(pattern=r"^\d{11}$")]
    on: date
    review_before: date


class _When(_Strict):
    min_age_months: int | None = Field(default=None, ge=0)
    below_age_months: int | None = Field(default=None, gt=0)
    any_flag: tuple[Code, ...] = ()
    all_flags: tuple[Code, ...] = ()
    no_flag: tuple[Code, ...] = ()
    any_yes: tuple[Code, ...] = ()
    reasons: tuple[ReasonCode, ...] = ()
    except_reasons: tuple[ReasonCode, ...] = ()


class _Rule(_Strict):
    code: Code
    when: _When
    at_least: Urgency
    modes: tuple[Mode, ...] = ()


class _Question(_Strict):
    id: Code
    text: _Text
    danger: Literal["red_flag", "advice"] | None = None
    flag: Code | None = None


class _Reason(_Strict):
    code: ReasonCode
    label: _Text
    usual: Literal["advice", "same_day", "within_48h", "planned"]
    modes: tuple[Mode, ...] = Field(min_length=1)
    questions: tuple[_Question, ...] = Field(min_length=2, max_length=4)
    safety_net: tuple[_Text, _Text]
    rules: tuple[_Rule, ...] = ()


class _File(_Strict):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")]
    version: int = Field(ge=1)
    signed: _Signature | None
    rules: tuple[_Rule, ...]
    reasons: tuple[_Reason, ...]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Each of the twenty reasons once, each question once, rules about what exists."""
        codes = [reason.code for reason in self.reasons]
        if sorted(codes) != list(ALL_REASONS):
            raise ValueError("the twenty reasons Q01-Q20, each once")
        questions = [question.id for reason in self.reasons for question in reason.questions]
        twice = {question for question in questions if questions.count(question) > 1}
        if twice:
            raise ValueError(f"question used twice: {', '.join(sorted(twice))}")
        for rule in (*self.rules, *(rule for reason in self.reasons for rule in reason.rules)):
            unknown = set(rule.when.any_yes) - set(questions)
            if unknown:
                raise ValueError(f"rule {rule.code} asks about {', '.join(sorted(unknown))}")
        return self


def load_protocol(path: Path) -> Protocol:
    """The protocol in `path`; raises BadTerritory naming the file and each wrong field."""
    try:
        file = _File.model_validate(read_yaml(path))
    except ValidationError as reason:
        raise BadTerritory(f"{path}: {wrong_fields(reason)}") from reason
    reasons = {
        one.code: Reason(
            one.code,
            one.label,
            one.usual,
            one.modes,
            tuple(Question(question.id, question.text, question.danger, question.flag) for question in one.questions),
            one.safety_net,
            tuple(_rule(rule) for rule in one.rules),
        )
        for one in file.reasons
    }
    signed_by = None if file.signed is None else file.signed.name
    return Protocol(file.name, file.version, signed_by, reasons, tuple(_rule(rule) for rule in file.rules))


def _rule(rule: _Rule) -> Rule:
    return Rule(rule.code, When(**rule.when.model_dump()), rule.at_least, rule.modes)
