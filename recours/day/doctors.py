"""The doctors: who holds the rota calls and decides; each of the pool closes what ended."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from recours.day.casting import Doctor
from recours.day.conductor import Pace
from recours.day.fifteen import Fifteen
from recours.day.scene import Scene, tolerate
from shared.errors import Refused

_LATE_HOUR = 18  # from then on a doctor no longer counts on a place the same day
_WORDS = {
    "advice_only": "Conseils donnés par téléphone, rappeler si cela s'aggrave.",
    "appointment": "À voir, délai donné.",
    "fifteen": "À confier au 15.",
}
_ALREADY_OVER = frozenset({"closed", "cancelled"})


class DutyDoctor:
    """The GP who holds the rota: looks within minutes, calls the patient himself, decides in two taps (operations.md H7)."""

    def __init__(self, scene: Scene, fifteen: Fifteen) -> None:
        self._scene = scene
        self._fifteen = fifteen
        self._seen: set[tuple[UUID, str]] = set()
        self._rounds: dict[UUID, int] = {}
        self._busy_until: dict[UUID, datetime] = {}

    def plan(self) -> None:
        self._scene.conductor.look_after_settling(self.look)

    async def look(self) -> None:
        """What stands on the screen of the doctor of this half-day; each new line is dealt with after a drawn while."""
        scene = self._scene
        rota = await scene.stage.get("scheduling", "/rota/duty", scene.cast.system, at=scene.now.isoformat())
        doctor = scene.cast.doctors.get(UUID(rota["practitioner_id"])) if rota.get("practitioner_id") else None
        if doctor is None:
            return
        shown = await scene.stage.get("regulation", "/advice", doctor.principal, practitioner_id=str(doctor.practitioner_id))
        for case in sorted(shown["items"], key=lambda case: (case["sent_at"], scene.subject(UUID(case["request_id"])))):
            request_id = UUID(case["request_id"])
            if (request_id, case["sent_at"]) not in self._seen:
                self._seen.add((request_id, case["sent_at"]))
                self._take(doctor, request_id, case)

    def _take(self, doctor: Doctor, request_id: UUID, case: Mapping[str, Any]) -> None:
        scene, assumed = self._scene, self._scene.assumptions.duty_doctor
        number = self._rounds[request_id] = self._rounds.get(request_id, 0) + 1
        subject = f"{scene.subject(request_id)} round {number}"
        if scene.draws.chance("silent", subject, assumed.silent):
            return
        asked_at = datetime.fromisoformat(case["sent_at"])
        looks_at = max(asked_at + timedelta(seconds=scene.draws.between("look", subject, assumed.first_look_seconds)), scene.now)
        starts_at = max(looks_at, self._busy_until.get(doctor.practitioner_id, looks_at))
        decides_at = starts_at + timedelta(seconds=scene.draws.between("advice call", subject, assumed.call_seconds))
        self._busy_until[doctor.practitioner_id] = decides_at

        async def decide(pace: Pace) -> None:
            await self._decide(pace, doctor, request_id, subject, cause=case.get("cause"))

        scene.conductor.plan(decides_at, decide)

    async def _decide(self, pace: Pace, doctor: Doctor, request_id: UUID, subject: str, *, cause: str | None) -> None:
        """To regulation first, then to intake, as the console does; both take a repeat for what it is."""
        scene = self._scene
        await scene.conductor.settled()
        request = await scene.stage.get("intake", f"/requests/{request_id}", doctor.principal)
        if request["state"] not in ("advice_pending", "unallocated"):
            return
        unallocated = cause == "unallocated" or request["state"] == "unallocated"
        body = self._word(subject, unallocated=unallocated, modes=request["modes"] or ["surgery"])
        try:
            await scene.stage.post("regulation", f"/cases/{request_id}/advice", doctor.principal, body)
            decided_by = {"practitioner_id": str(doctor.practitioner_id), "decided_by_label": doctor.display_name}
            await scene.stage.post("intake", f"/requests/{request_id}/decision", doctor.principal, body | decided_by)
        except Refused as refusal:
            tolerate(refusal)
            return
        await scene.conductor.settled()
        if body["decision"] == "fifteen":
            await self._fifteen.hand_over(pace, scene.cast.secretaries[0], request_id, caller_on_line=False)

    def _word(self, subject: str, *, unallocated: bool, modes: list[str]) -> dict[str, Any]:
        scene, assumed = self._scene, self._scene.assumptions.duty_doctor
        decision = scene.draws.one_of("decision", subject, assumed.decisions_unallocated if unallocated else assumed.decisions)
        body: dict[str, Any] = {"decision": decision, "words": _WORDS[decision]}
        if decision == "appointment":
            urgency = scene.draws.one_of("urgency", subject, assumed.appointment_urgency)
            too_late = scene.territory.local(scene.now).hour >= _LATE_HOUR
            body |= {"urgency": "within_48h" if unallocated or too_late else urgency, "modes": modes}
        return body


class Pool:
    """The eleven: after each of their slots they close what is over, late as people are."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    async def plan(self, until: datetime) -> None:
        """Reads the agenda of the day as it stands in the morning; a booking of any hour falls into one of its slots."""
        scene = self._scene
        on = scene.demand.on.isoformat()
        agenda = await scene.stage.get("scheduling", "/agenda", scene.cast.secretaries[0], from_on=on, to_on=on)
        for line in agenda["practitioners"]:
            doctor = scene.cast.doctors.get(UUID(line["id"]))
            if doctor is None:
                continue
            for slot in line["slots"]:
                subject = f"{doctor.practitioner_id} {slot['starts_at']}"
                late = timedelta(seconds=scene.draws.between("closing", subject, scene.assumptions.acts.closing_delay_seconds))
                at = min(datetime.fromisoformat(slot["ends_at"]) + late, until - timedelta(seconds=1))
                self._will_close(doctor, at)
            self._will_close(doctor, until - timedelta(seconds=1))

    def _will_close(self, doctor: Doctor, at: datetime) -> None:
        async def close() -> None:
            await self._close_what_ended(doctor)

        self._scene.conductor.at(at, close)

    async def _close_what_ended(self, doctor: Doctor) -> None:
        scene = self._scene
        day = await scene.stage.get(
            "scheduling", f"/practitioners/{doctor.practitioner_id}/day", doctor.principal, on=scene.demand.on.isoformat()
        )
        for appointment in sorted(day["items"], key=lambda item: (item["starts_at"], item["mode"])):
            is_over = datetime.fromisoformat(appointment["ends_at"]) <= scene.now
            if is_over and appointment.get("outcome") is None and appointment["state"] not in _ALREADY_OVER:
                await self._close(doctor, appointment)

    async def _close(self, doctor: Doctor, appointment: Mapping[str, Any]) -> None:
        """Two taps."""
        scene, acts = self._scene, self._scene.assumptions.acts
        request_id, mode = UUID(appointment["request_id"]), appointment["mode"]
        number = scene.need_of.get(request_id)
        subject = f"{doctor.practitioner_id} {appointment['starts_at']}" if number is None else f"need {number} {appointment['starts_at']}"
        comes = scene.need(number).comes if number is not None else not scene.draws.chance("no show", subject, acts.no_show)
        outcome = scene.draws.one_of("outcome", subject, acts.outcomes[mode]) if comes else acts.no_show_outcome[mode]
        body: dict[str, Any] = {"outcome": outcome}
        if comes:
            body["triage"] = scene.draws.one_of("triage", subject, acts.triage)
            without_mt = number is not None and scene.need(number).person.mt == "none"
            if without_mt and scene.draws.chance("would be mt", subject, acts.would_be_mt):
                body["would_be_mt"] = "yes"
        await scene.stage.post("scheduling", f"/appointments/{appointment['appointment_id']}/outcome", doctor.principal, body)
