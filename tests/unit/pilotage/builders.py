"""A day of facts as the other services would tell them. Monday 2 March 2026, Europe/Paris; what a test does not say is plausible."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
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
    RequestClosed,
    RequestHandedOver,
    RequestQualified,
    RequestReceived,
    RequestScreened,
)
from shared.events.orientation import SearchOpened
from shared.events.regulation import AdviceGiven, CaseAcknowledged, CaseDecided, CaseReceived
from shared.events.scheduling import ActClosed, AppointmentBooked, PractitionerRegistered, ProposedAct, SlotsPublished
from shared.ids import new_id

MONDAY = date(2026, 3, 2)
NINE = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # 09:00 in Paris
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DOCTOR = UUID("019c0000-0000-7000-8000-00000000d0c1")


class Story:
    """One request from its call on: each method tells the next fact and returns the story. Versions count inside each topic."""

    def __init__(self, *, rang_at: datetime = NINE, territory: str = "bievre", request_id: UUID | None = None) -> None:
        self.territory, self.rang_at = territory, rang_at
        self.request_id, self.call_id, self.patient_id = request_id or new_id(), new_id(), new_id()
        self.facts: list[Event] = []
        self._versions: dict[str, int] = {}

    def tell(self, kind: type[Event], at: datetime, **fields: Any) -> "Story":
        self._versions[kind.topic] = version = self._versions.get(kind.topic, 0) + 1
        self.facts.append(kind(territory_id=self.territory, version=version, occurred_at=at, **fields))
        return self

    def rings(self) -> "Story":
        return self.tell(CallReceived, self.rang_at, call_id=self.call_id, number_known=True)

    def answered(self, after: timedelta = 20 * SECOND) -> "Story":
        waited = int(after.total_seconds())
        return self.tell(CallAnswered, self.rang_at + after, call_id=self.call_id, waited_seconds=waited, answered_by=new_id())

    def abandoned(self, after: timedelta = 90 * SECOND) -> "Story":
        return self.tell(CallAbandoned, self.rang_at + after, call_id=self.call_id, waited_seconds=int(after.total_seconds()))

    def hung_up(self, after: timedelta = 5 * MINUTE, outcome: str | None = None) -> "Story":
        ids = [self.request_id] if any(isinstance(fact, RequestReceived) for fact in self.facts) else []
        return self.tell(
            CallEnded,
            self.rang_at + after,
            call_id=self.call_id,
            request_ids=ids,
            outcome=outcome,
            talked_seconds=int(after.total_seconds()),
        )

    def received(self, after: timedelta = 30 * SECOND) -> "Story":
        return self.tell(
            RequestReceived, self.rang_at + after, request_id=self.request_id, call_id=self.call_id, origin="patient",
            rang_at=self.rang_at, contract_deadline=self.rang_at + 48 * HOUR,
        )  # fmt: skip

    def screened(self, result: str = "clear", after: timedelta = 50 * SECOND) -> "Story":
        yes_no = "yes" if result == "red_flag" else "no"
        return self.tell(
            RequestScreened, self.rang_at + after, request_id=self.request_id, breathing="no", consciousness="no",
            chest_or_collapse=yes_no, result=result, age_band="18-69y", sex="F", commune="94016", screened_in_seconds=22, question_set="v1",
        )  # fmt: skip

    def qualified(self, urgency: str = "within_48h", after: timedelta = 2 * MINUTE, **fields: Any) -> "Story":
        see_by = self.rang_at.replace(hour=19, minute=0) if urgency == "same_day" else self.rang_at + 48 * HOUR
        given: dict[str, Any] = {
            "request_id": self.request_id, "patient_id": self.patient_id, "urgency": urgency, "reason": "Q02", "modes": ["surgery"],
            "earliest": self.rang_at, "see_by": see_by, "contract_deadline": self.rang_at + 48 * HOUR, "commune": "94016",
            "age_band": "18-69y", "without_mt": True, "allocation": "assisted", "protocol": "demo 1",
        }  # fmt: skip
        return self.tell(RequestQualified, self.rang_at + after, **(given | fields))

    def handed_over(self, after: timedelta = MINUTE) -> "Story":
        return self.tell(
            RequestHandedOver, self.rang_at + after, request_id=self.request_id, urgency="red_flag", channel="voice",
            dialled_at=self.rang_at + after, handed_by=new_id(),
        )  # fmt: skip

    def voice(self, after: timedelta = 90 * SECOND, seconds: int = 30) -> "Story":
        return self.tell(
            HandOverAnswered, self.rang_at + after, request_id=self.request_id, channel="voice",
            dialled_at=self.rang_at + after - timedelta(seconds=seconds), seconds_to_voice=seconds,
        )  # fmt: skip

    def taken_by_15(self, after: timedelta = 4 * MINUTE, decision: str = "taken_by_15") -> "Story":
        self.tell(CaseReceived, self.rang_at + MINUTE, request_id=self.request_id, inbox="fifteen", urgency="red_flag")
        self.tell(CaseAcknowledged, self.rang_at + 2 * MINUTE, request_id=self.request_id, role="regulator", acknowledged_by=new_id())
        return self.tell(CaseDecided, self.rang_at + after, request_id=self.request_id, decision=decision, decided_by=new_id())

    def asks_advice(self, after: timedelta = 2 * MINUTE) -> "Story":
        return self.tell(
            AdviceRequested, self.rang_at + after, request_id=self.request_id, duty_doctor_id=DOCTOR, asked_at=self.rang_at + after,
            due_at=self.rang_at + after + 10 * MINUTE, cause="protocol",
        )  # fmt: skip

    def advised(self, decision: str = "advice_only", after: timedelta = 8 * MINUTE) -> "Story":
        return self.tell(
            AdviceGiven, self.rang_at + after, request_id=self.request_id, practitioner_id=DOCTOR, decided_by=new_id(), decision=decision
        )

    def booked(
        self, starts_after: timedelta = 5 * HOUR, after: timedelta = 4 * MINUTE, mode: str = "surgery", doctor: UUID = DOCTOR, **fields: Any
    ) -> "Story":
        starts_at = self.rang_at + starts_after
        self.appointment_id = fields.pop("appointment_id", None) or new_id()
        given: dict[str, Any] = {
            "request_id": self.request_id, "appointment_id": self.appointment_id, "patient_id": self.patient_id, "practitioner_id": doctor,
            "billing_practitioner_id": doctor, "slot_id": new_id(), "mode": mode, "starts_at": starts_at,
            "ends_at": starts_at + 20 * MINUTE, "path": "assisted", "rank": 1, "why": "soonest",
        }  # fmt: skip
        return self.tell(AppointmentBooked, self.rang_at + after, **(given | fields))

    def act(self, outcome: str = "seen", after: timedelta = 5 * HOUR + 15 * MINUTE, codes: Sequence[str] = ("G", "MCG")) -> "Story":
        amounts = {"G": Decimal("30.00"), "MCG": Decimal("5.00"), "SNP": Decimal("15.00"), "VG": Decimal("30.00")}
        last = next(fact for fact in reversed(self.facts) if isinstance(fact, AppointmentBooked))
        return self.tell(
            ActClosed, self.rang_at + after, request_id=self.request_id, appointment_id=last.appointment_id, patient_id=self.patient_id,
            practitioner_id=last.practitioner_id, billing_practitioner_id=last.billing_practitioner_id, mode=last.mode,
            starts_at=last.starts_at, outcome=outcome, acts=[ProposedAct(code=code, amount_euros=amounts[code]) for code in codes],
            tariff="2026-01-01",
        )  # fmt: skip

    def search_opened(self, after: timedelta = 6 * HOUR) -> "Story":
        return self.tell(
            SearchOpened, self.rang_at + after, patient_id=self.patient_id, search_id=new_id(), request_id=self.request_id,
            state="awaiting_consent",
        )  # fmt: skip

    def closed(self, outcome: str, after: timedelta = 10 * MINUTE) -> "Story":
        return self.tell(RequestClosed, self.rang_at + after, request_id=self.request_id, outcome=outcome)


def a_red_flag(rang_at: datetime = NINE, **fields: Any) -> Story:
    """Danger, the 15 by voice after 30 s, taken by the regulator."""
    story = Story(rang_at=rang_at, **fields).rings().answered().received().screened("red_flag").handed_over().voice()
    return story.closed("handed_15", after=90 * SECOND).taken_by_15().hung_up()


def an_advice(rang_at: datetime = NINE, **fields: Any) -> Story:
    """The duty doctor says what to do, six minutes after he was asked."""
    story = Story(rang_at=rang_at, **fields).rings().answered().received().screened().asks_advice()
    return story.advised().closed("advice_given", after=8 * MINUTE).hung_up()


def a_consultation(rang_at: datetime = NINE, **fields: Any) -> Story:
    """Booked on the phone, seen five hours later, two codes."""
    story = Story(rang_at=rang_at, **fields).rings().answered().received().screened().qualified().booked().hung_up()
    return story.act().search_opened()


def a_team(territory: str = "bievre", on: date = MONDAY, *, version: int = 1, surgery: int = 12) -> list[Event]:
    """One doctor and what he offers that day."""
    return [
        PractitionerRegistered(
            territory_id=territory, version=version, occurred_at=NINE - DAY, practitioner_id=DOCTOR, display_name="Dr Ada Bonnet",
            status="titulaire", modes=["surgery", "visit"],
        ),
        SlotsPublished(
            territory_id=territory, version=version + 1, occurred_at=NINE - DAY, practitioner_id=DOCTOR, on=on, visit=4, teleconsultation=0,
            surgery=surgery,
        ),
    ]  # fmt: skip


def facts_of(*stories: Story) -> list[Event]:
    return [fact for story in stories for fact in story.facts]
