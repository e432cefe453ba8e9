"""A made-up history of facts by seed: what the services would have told over weeks, for measuring how fast it is read again.

Its shares (appointments, advice, red flags, calls without a request) are rough: what reading costs is how many facts a request has,
how large they are and how far apart they lie in the log. Nobody in it exists.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.events.base import Event
from shared.events.intake import (
    AdviceRequested,
    CallAbandoned,
    CallAnswered,
    CallEnded,
    CallReceived,
    HandOverAnswered,
    MtHelpAnswered,
    PatientRegistered,
    RequestClosed,
    RequestHandedOver,
    RequestQualified,
    RequestReceived,
    RequestScreened,
)
from shared.events.orientation import SearchOpened
from shared.events.regulation import AdviceGiven, CaseAcknowledged, CaseDecided, CaseReceived
from shared.events.scheduling import ActClosed, AppointmentBooked, AppointmentCancelled, PractitionerRegistered, ProposedAct, SlotsPublished
from shared.events.teleconsult import SessionOpened

TERRITORY = "bievre"
_FIRST_DAY = datetime(2026, 1, 5, 7, 0, tzinfo=UTC)
_DOCTORS = 11
_CALLS_A_DAY = 400
_OPEN_HOURS = 12
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_MODES = ("surgery", "surgery", "surgery", "teleconsultation", "visit")
_AGES = ("1-5y", "6-15y", "18-69y", "18-69y", "18-69y", "70-74y", "80y+")
_COMMUNES = ("94016", "94034", "94038", "94037", "94003", "94021", "92007")


def facts(count: int, seed: int) -> list[Event]:
    """The first `count` facts of that history, in the order in which they happened. Ids come from the seed too."""
    dice = random.Random(seed)
    team = [_id(dice) for _ in range(_DOCTORS)]
    told: list[Event] = []
    day = _FIRST_DAY
    while len(told) < count:
        told += _agendas(dice, team, day)
        for _ in range(_CALLS_A_DAY):
            told += _Story(dice, team, day + dice.random() * _OPEN_HOURS * _HOUR).facts()
        day += _DAY
    told.sort(key=lambda fact: fact.occurred_at)
    return told[:count]


def _id(dice: random.Random) -> UUID:
    return UUID(int=dice.getrandbits(128) & ~(0xF << 76) & ~(0b11 << 62) | 0x7 << 76 | 0b10 << 62)


def _agendas(dice: random.Random, team: list[UUID], day: datetime) -> Iterator[Event]:
    """What is offered four weeks ahead, told again each night; on the first day also who the doctors are."""
    first = day == _FIRST_DAY
    version = (day - _FIRST_DAY).days + 2
    for number, doctor in enumerate(team):
        at = day - _HOUR + timedelta(seconds=number)
        if first:
            yield PractitionerRegistered(
                event_id=_id(dice), territory_id=TERRITORY, version=1, occurred_at=at, practitioner_id=doctor,
                display_name=f"Dr Exemple {number}", status="titulaire" if number % 2 else "adjoint", modes=["visit", "surgery"],
            )  # fmt: skip
        yield SlotsPublished(
            event_id=_id(dice), territory_id=TERRITORY, version=version, occurred_at=at, practitioner_id=doctor,
            on=(day + 28 * _DAY).date(), visit=6, teleconsultation=12, surgery=dice.randint(10, 20),
        )  # fmt: skip


class _Story:
    """One call and the request that came of it."""

    def __init__(self, dice: random.Random, team: list[UUID], rang_at: datetime) -> None:
        self._dice, self._team, self._rang_at = dice, team, rang_at
        self._call_id, self._request_id, self._patient_id = _id(dice), _id(dice), _id(dice)
        self._told: list[Event] = []
        self._versions: dict[str, int] = {}

    def facts(self) -> list[Event]:
        self._tell(CallReceived, 0, call_id=self._call_id, number_known=True)
        if self._dice.random() < 0.04:
            self._tell(CallAbandoned, 80, call_id=self._call_id, waited_seconds=80)
            return self._told
        self._tell(CallAnswered, 15, call_id=self._call_id, waited_seconds=15, answered_by=self._team[0])
        kind = self._dice.choices(("appointment", "advice", "red_flag", "information"), (70, 12, 5, 13))[0]
        if kind == "information":
            self._hangs_up(outcome="information")
            return self._told
        self._is_received(kind)
        {"appointment": self._appointment, "advice": self._advice, "red_flag": self._red_flag}[kind]()
        self._hangs_up()
        return self._told

    def _tell(self, event: type[Event], seconds: float, **fields: Any) -> None:
        self._versions[event.topic] = version = self._versions.get(event.topic, 0) + 1
        at = self._rang_at + timedelta(seconds=seconds)
        self._told.append(event(event_id=_id(self._dice), territory_id=TERRITORY, version=version, occurred_at=at, **fields))

    def _hangs_up(self, outcome: str | None = None) -> None:
        ids = [] if outcome else [self._request_id]
        self._tell(CallEnded, 300, call_id=self._call_id, request_ids=ids, outcome=outcome, talked_seconds=285)

    def _is_received(self, kind: str) -> None:
        self._age, self._sex, self._commune = self._dice.choice(_AGES), self._dice.choice("MF"), self._dice.choice(_COMMUNES)
        self._tell(
            RequestReceived, 20, request_id=self._request_id, call_id=self._call_id, origin="patient", rang_at=self._rang_at,
            contract_deadline=self._rang_at + 48 * _HOUR,
        )  # fmt: skip
        self._tell(
            RequestScreened, 45, request_id=self._request_id, breathing="no", consciousness="no",
            chest_or_collapse="yes" if kind == "red_flag" else "no", result="red_flag" if kind == "red_flag" else "clear",
            age_band=self._age, sex=self._sex, commune=self._commune, screened_in_seconds=22, question_set="bievre 1",
        )  # fmt: skip
        if self._dice.random() < 0.6:
            self._tell(
                PatientRegistered, 70, patient_id=self._patient_id, age_band=self._age, sex=self._sex, commune=self._commune,
                cell=f"{self._dice.randint(6480, 6560)}00:{self._dice.randint(68500, 68580)}00", without_mt=True,
            )  # fmt: skip

    def _appointment(self) -> None:
        mode = self._dice.choice(_MODES)
        self._tell(
            RequestQualified, 120, request_id=self._request_id, patient_id=self._patient_id, urgency="within_48h",
            reason=f"Q{self._dice.randint(1, 20):02d}", modes=[mode], earliest=self._rang_at, see_by=self._rang_at + 48 * _HOUR,
            contract_deadline=self._rang_at + 48 * _HOUR, commune=self._commune, age_band=self._age,
            flags=["reduced_mobility"] if mode == "visit" else [], without_mt=True, allocation="assisted",
            assist_until=self._rang_at + 15 * _MINUTE, protocol="bievre 1",
        )  # fmt: skip
        booked = self._booked(240, mode, self._dice.choice(self._team))
        if self._dice.random() < 0.08:
            cancelled = {"appointment_id": booked["appointment_id"], "practitioner_id": booked["practitioner_id"]}
            self._tell(AppointmentCancelled, 1500, request_id=self._request_id, cause="by_practitioner", **cancelled)
            booked = self._booked(1600, mode, self._dice.choice(self._team))
        missed = self._dice.random() < 0.05
        codes = () if missed else (("G", Decimal("30.00")), ("MCG", Decimal("5.00")))
        self._tell(
            ActClosed, (booked["ends_at"] - self._rang_at).total_seconds(), request_id=self._request_id, patient_id=self._patient_id,
            appointment_id=booked["appointment_id"], practitioner_id=booked["practitioner_id"],
            billing_practitioner_id=booked["billing_practitioner_id"], mode="surgery" if missed else mode, starts_at=booked["starts_at"],
            outcome="missed" if missed else "seen", acts=[ProposedAct(code=code, amount_euros=amount) for code, amount in codes],
            tariff="metropole 2026-01-01",
        )  # fmt: skip
        if not missed:
            after = (booked["ends_at"] - self._rang_at).total_seconds() + 5
            self._tell(
                SearchOpened, after, patient_id=self._patient_id, search_id=_id(self._dice), request_id=self._request_id,
                state="awaiting_consent", commune=self._commune,
            )  # fmt: skip
            self._tell(MtHelpAnswered, after + 60, patient_id=self._patient_id, request_id=self._request_id, answer="yes")

    def _booked(self, seconds: float, mode: str, doctor: UUID) -> dict[str, Any]:
        starts_at = self._rang_at + timedelta(seconds=seconds) + self._dice.randint(1, 24) * _HOUR
        fields = {
            "appointment_id": _id(self._dice), "practitioner_id": doctor, "billing_practitioner_id": doctor, "starts_at": starts_at,
            "ends_at": starts_at + 20 * _MINUTE,
        }  # fmt: skip
        self._tell(
            AppointmentBooked, seconds, request_id=self._request_id, patient_id=self._patient_id, slot_id=_id(self._dice), mode=mode,
            path="assisted", rank=1, why="soonest", **fields,
        )  # fmt: skip
        if mode == "teleconsultation":
            session = {"session_id": fields["appointment_id"], "practitioner_id": doctor, "starts_at": starts_at}
            self._tell(SessionOpened, seconds + 1, request_id=self._request_id, **session)
        return fields

    def _advice(self) -> None:
        asked = self._rang_at + 2 * _MINUTE
        self._tell(
            AdviceRequested, 120, request_id=self._request_id, duty_doctor_id=self._team[0], asked_at=asked, due_at=asked + 10 * _MINUTE,
            cause="protocol", age_band=self._age, sex=self._sex, commune=self._commune,
        )  # fmt: skip
        self._tell(CaseReceived, 121, request_id=self._request_id, inbox="duty_doctor", urgency="advice")
        doctor = self._team[0]
        self._tell(AdviceGiven, 480, request_id=self._request_id, practitioner_id=doctor, decided_by=doctor, decision="advice_only")
        self._tell(RequestClosed, 481, request_id=self._request_id, outcome="advice_given")

    def _red_flag(self) -> None:
        dialled = self._rang_at + _MINUTE
        self._tell(
            RequestHandedOver, 60, request_id=self._request_id, urgency="red_flag", channel="voice", dialled_at=dialled,
            handed_by=self._team[0], breathing="no", consciousness="no", chest_or_collapse="yes", age_band=self._age, sex=self._sex,
            commune=self._commune,
        )  # fmt: skip
        self._tell(CaseReceived, 61, request_id=self._request_id, inbox="fifteen", urgency="red_flag")
        self._tell(HandOverAnswered, 85, request_id=self._request_id, channel="voice", dialled_at=dialled, seconds_to_voice=25)
        self._tell(CaseAcknowledged, 90, request_id=self._request_id, role="regulator", acknowledged_by=self._team[1])
        self._tell(CaseDecided, 200, request_id=self._request_id, decision="taken_by_15", decided_by=self._team[1])
        self._tell(RequestClosed, 210, request_id=self._request_id, outcome="handed_15")
