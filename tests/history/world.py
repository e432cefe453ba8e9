"""A small truthful platform for tests of the judge: commands done one by one by hand, told with answers that come early, late or never."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from recours.day.stage import Sent
from shared.events import Event
from shared.events.intake import RequestReceived
from shared.events.scheduling import AppointmentBooked, AppointmentCancelled, SlotHeld, SlotReleased
from shared.ids import new_id
from tests.history.evidence import AppointmentRow, Evidence, Journalled, SlotRow
from tests.history.record import Command, Outcome

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
QUARTER = 900.0
_PATIENT, _TERRITORY = new_id(), "bievre"


@dataclass
class World:
    """Three quarters of an hour of one doctor. `commands` and `evidence()` are what the judge is given."""

    seed: int
    commands: list[Command] = field(default_factory=list)
    keys: dict[tuple[str, UUID, str], UUID] = field(default_factory=dict)
    journal: list[Journalled] = field(default_factory=list)
    rows: dict[tuple[str, UUID], int] = field(default_factory=dict)
    appointments: dict[UUID, AppointmentRow] = field(default_factory=dict)
    periods: dict[UUID, tuple[UUID, UUID]] = field(default_factory=dict)
    """Appointment or hold: (slot, request)."""

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.doctor, self.caller = new_id(), new_id()
        self.slots = {new_id(): SlotRow(self.doctor, n * QUARTER, (n + 1) * QUARTER) for n in range(3)}
        self.holds: set[UUID] = set()
        self.at = 100.0
        self.own: dict[UUID, int] = {}
        self.agenda_version = 0

    def evidence(self) -> Evidence:
        log = dict.fromkeys((fact.event_id for fact in self.journal), 1)
        rows = {**self.rows, **{("own request", request): version for request, version in self.own.items()}}
        return Evidence(self.keys, self.journal, log, self.slots, self.appointments, frozenset(self.periods), rows)

    def live_by_request(self, request: UUID) -> UUID | None:
        return next((one for one, row in self.appointments.items() if row.request_id == request and row.state == "booked"), None)

    def play(self, steps: int) -> None:
        requests = [self.receive() for _ in range(3)]
        for _ in range(steps):
            request, slot = self.draw.choice(requests), self.draw.choice(list(self.slots))
            booked = [one for one, row in self.appointments.items() if row.state == "booked"]
            match self.draw.choice(["book", "book", "hold", "cancel", "give_back"]):
                case "book":
                    self.book(request, slot)
                case "hold":
                    self.hold(request, slot)
                case "cancel" if booked:
                    self.cancel(self.draw.choice(booked))
                case "give_back" if self.holds:
                    self.give_back(self.draw.choice(sorted(self.holds)))
                case _:
                    continue

    def receive(self) -> UUID:
        request = new_id()
        self.rows["request", request] = 1
        told = RequestReceived(
            territory_id=_TERRITORY, version=1, occurred_at=NINE, request_id=request, origin="patient", rang_at=NINE, contract_deadline=NINE
        )
        self.done("intake", "POST", "/requests", {"request_id": str(request)}, request, {"request_id": str(request), "version": 1}, told)
        return request

    def book(self, request: UUID, slot: UUID) -> Command:
        body = {"request_id": str(request), "slot_id": str(slot)}
        if self.live_by_request(request) is not None:
            return self.said("scheduling", "POST", "/appointments", body, "refused", "already_booked", {})
        there = [one for one, (taken, _) in self.periods.items() if taken == slot]
        if any(one not in self.holds or self.periods[one][1] != request for one in there):
            return self.said("scheduling", "POST", "/appointments", body, "refused", "slot_taken", {})
        for own in there:
            del self.periods[own]
            self.holds.discard(own)
        appointment = new_id()
        self.appointments[appointment] = AppointmentRow(request, slot, "booked", None)
        self.periods[appointment] = (slot, request)
        told: list[Event] = [self.booked(appointment, request, slot)]
        told += [self.release(one) for one in sorted(self.holds) if self.periods[one][1] == request]
        return self.done("scheduling", "POST", "/appointments", body, appointment, {"appointment_id": str(appointment)}, *told)

    def booked(self, appointment: UUID, request: UUID, slot: UUID) -> AppointmentBooked:
        self.own[request] = self.own.get(request, 0) + 1
        return AppointmentBooked(
            territory_id=_TERRITORY, version=self.own[request], occurred_at=NINE, request_id=request, appointment_id=appointment,
            patient_id=_PATIENT, practitioner_id=self.doctor, billing_practitioner_id=self.doctor, slot_id=slot, mode="surgery",
            starts_at=NINE, ends_at=NINE + timedelta(minutes=15), path="assisted", rank=1, why="soonest",
        )  # fmt: skip

    def hold(self, request: UUID, slot: UUID) -> Command:
        body = {"request_id": str(request), "slot_id": str(slot)}
        there = [one for one, (taken, _) in self.periods.items() if taken == slot]
        if any(one not in self.holds or self.periods[one][1] != request for one in there):
            return self.said("scheduling", "POST", "/holds", body, "refused", "slot_taken", {})
        hold = there[0] if there else new_id()
        others = [one for one in sorted(self.holds) if self.periods[one][1] == request and one != hold]
        self.periods[hold] = (slot, request)
        self.holds.add(hold)
        told: list[Event] = [self.release(one) for one in others]
        self.agenda_version += 1
        told.append(SlotHeld(
            territory_id=_TERRITORY, version=self.agenda_version, occurred_at=NINE, practitioner_id=self.doctor, slot_id=slot, hold_id=hold,
            held_by=self.caller, expires_at=NINE,
        ))  # fmt: skip
        return self.done("scheduling", "POST", "/holds", body, hold, {"hold_id": str(hold)}, *told)

    def release(self, hold: UUID) -> SlotReleased:
        slot, _ = self.periods.pop(hold)
        self.holds.discard(hold)
        self.agenda_version += 1
        return SlotReleased(
            territory_id=_TERRITORY, version=self.agenda_version, occurred_at=NINE, practitioner_id=self.doctor, slot_id=slot, hold_id=hold,
            cause="given_back",
        )  # fmt: skip

    def give_back(self, hold: UUID) -> Command:
        return self.done("scheduling", "DELETE", f"/holds/{hold}", {}, hold, {"hold_id": str(hold)}, self.release(hold))

    def cancel(self, appointment: UUID) -> Command:
        row = self.appointments[appointment]
        self.appointments[appointment] = AppointmentRow(row.request_id, row.slot_id, "cancelled", None)
        del self.periods[appointment]
        self.own[row.request_id] += 1
        told = AppointmentCancelled(
            territory_id=_TERRITORY, version=self.own[row.request_id], occurred_at=NINE, request_id=row.request_id,
            appointment_id=appointment, practitioner_id=self.doctor, cause="by_patient",
        )  # fmt: skip
        path = f"/appointments/{appointment}/cancel"
        return self.done("scheduling", "POST", path, {"cause": "by_patient"}, appointment, {"appointment_id": str(appointment)}, told)

    def done(
        self, service: str, method: str, path: str, body: dict[str, Any], subject: UUID, answer: dict[str, Any], *told: Event
    ) -> Command:
        """Committed; the sender hears of it, unless the line broke."""
        lost = self.draw.random() < 0.1
        command = self.said(service, method, path, body, "unknown" if lost else "accepted", None, {} if lost else answer)
        self.keys[command.name] = subject
        for event in told:
            self.journal.append(Journalled(event.event_id, event, event.key, self.at - 0.001, self.at + self.draw.uniform(0.001, 2)))
        return command

    def said(
        self, service: str, method: str, path: str, body: dict[str, Any], outcome: Outcome, code: str | None, answer: dict[str, Any]
    ) -> Command:
        """What the sender wrote down: it departed a while before the instant at which it was done, and was answered a while after."""
        self.at += 1
        began, ended = self.at - self.draw.uniform(0.01, 4), self.at + self.draw.uniform(0.01, 4)
        sent = Sent(service, method, path, self.caller, str(new_id()), body)
        self.commands.append(Command(sent, began, None if outcome == "unknown" else ended, outcome, code, answer))
        return self.commands[-1]
