"""Bodies that come in. What goes out is built in `views.py`."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.intake.domain.ages import AgeUnit
from services.intake.domain.protocol import Limits
from services.intake.domain.request import Channel, Decision, Origin
from services.intake.domain.screening import Vital
from services.intake.handlers.patients import Person
from services.intake.repository.patients import ContactRule, Mt
from services.intake.sealed import Identity, Words
from shared.events.base import Answer, Code, InseeCode, Mode, Reason, Sex, Urgency
from shared.http import Day, Instant

Phone = Annotated[str, Field(max_length=30, pattern=r"^[0-9+ ().-]*$")]
Line = Annotated[str, Field(max_length=300)]
Text = Annotated[str, Field(max_length=2000)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class TelephonyBody(Body):
    call_id: UUID
    event: Literal["ringing", "answered", "hung_up"]
    phone: Phone | None = None


class EndCallBody(Body):
    outcome: Code | None = None


class ReachedBody(Body):
    reached: bool


class OpenRequestBody(Body):
    request_id: UUID
    call_id: UUID | None = None
    origin: Origin = "patient"


class Step0Body(Body):
    caller_role: Literal["patient", "other", "professional"] | None = None
    with_patient_now: bool | None = None
    place: Line | None = None
    access: Line | None = None
    callback_number: Phone | None = None
    age_value: Annotated[int, Field(ge=0, le=130)] | None = None
    age_unit: AgeUnit | None = None
    sex: Sex | None = None
    commune: InseeCode | None = None
    words: Text | None = None
    breathing: Answer | None = None
    consciousness: Answer | None = None
    chest_or_collapse: Answer | None = None
    confirmed_not_now: bool | None = None
    baby_unwell: Answer | None = Field(default=None, description="asked under 3 months only: no = skin, feeding; absent counts as unwell")

    @model_validator(mode="after")
    def _age_has_its_unit(self) -> "Step0Body":
        if self.age_value is not None and self.age_unit is None:
            self.age_unit = "years"
        return self

    def vital(self) -> Vital:
        return Vital(self.breathing, self.consciousness, self.chest_or_collapse, baby_unwell=self.baby_unwell)

    def said(self) -> Words:
        return Words(place=self.place, access=self.access, callback_number=self.callback_number, words=self.words)


class HandOverBody(Body):
    channel: Channel = "voice"
    dialled_at: Instant | None = None
    caller_on_line: bool = True


class HandOverAnsweredBody(Body):
    arm_label: Line | None = None
    file_no: Annotated[str, Field(max_length=40)] | None = None


class LimitsBody(Body):
    can_move: bool | None = None
    isolated: bool | None = None
    camera: bool | None = None
    confined: bool | None = None
    who_opens: Line | None = None
    refused_modes: list[Mode] = Field(default_factory=list, max_length=3)

    def limits(self) -> Limits:
        return Limits(self.can_move, self.isolated, self.camera, self.confined, tuple(self.refused_modes))


class QualifyBody(Body):
    patient_id: UUID
    reason: Reason
    answers: dict[Code, Answer] = Field(max_length=40)
    since: Line | None = None
    limits: LimitsBody = Field(default_factory=LimitsBody)
    raised_to: Urgency | None = None
    assisted: bool = True


class RaiseBody(Body):
    urgency: Urgency


class DecisionBody(Body):
    decision: Decision
    words: Text | None = None
    urgency: Urgency | None = None
    modes: list[Mode] | None = Field(default=None, max_length=3)
    practitioner_id: UUID | None = None
    decided_by_label: Line | None = None


class DueBody(Body):
    due_at: Instant


class CauseBody(Body):
    cause: Code


class OutcomeBody(Body):
    outcome: Code


class MtHelpBody(Body):
    answer: Literal["yes", "no", "later"]


class ContactRuleBody(Body):
    rule: ContactRule


class TaskDoneBody(Body):
    note_code: Code | None = Field(default=None, description="not_reached, or the outcome (operations.md §5) that ends the request")


class SearchBody(Body):
    birth_date: Day | None = None
    name: Annotated[str, Field(max_length=100)] | None = None
    phone: Phone | None = None

    @model_validator(mode="after")
    def _something_said(self) -> "SearchBody":
        if not (self.birth_date or (self.name and self.name.strip()) or (self.phone and self.phone.strip())):
            raise ValueError("a birth date, a name or a number")
        return self


class PatientBody(Body):
    birth_name: Name
    first_name: Name
    used_name: Name | None = None
    birth_date: Day
    sex: Sex
    phone: Phone | None = None
    address: Line | None = None
    access: Line | None = None
    commune: InseeCode
    mt: Mt
    mt_name: Line | None = None
    ald: bool = False
    contact_rule: ContactRule | None = None
    flags: list[Code] = Field(default_factory=list, max_length=30)
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None

    def person(self) -> Person:
        """`voice_only` unless the caller said that messages are fine (H13)."""
        identity = Identity(
            birth_name=self.birth_name,
            first_name=self.first_name,
            birth_date=self.birth_date,
            sex=self.sex,
            used_name=self.used_name,
            phone=self.phone,
            address=self.address,
            access=self.access,
            mt_name=self.mt_name,
        )
        flags = {*self.flags, "ald"} if self.ald else set(self.flags) - {"ald"}
        return Person(identity, self.commune, self.mt, tuple(flags), self.contact_rule or "voice_only", self.lon, self.lat)


class IdentitiesBody(Body):
    request_ids: list[UUID] = Field(default_factory=list, max_length=200)
    patient_ids: list[UUID] = Field(default_factory=list, max_length=200)
    purpose: Code
