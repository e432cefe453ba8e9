"""A call from pick-up to hang-up: the same commands, in the same order, as the secretary's page sends."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from recours.day.conductor import Pace
from recours.day.fifteen import Fifteen, case_of
from recours.day.scene import Line, Scene, tolerate
from recours.demand import Need, Person
from shared.auth import Principal
from shared.errors import Refused
from shared.ids import new_id

_CALL_OUTCOME = {
    "information": "information",
    "second_information": "information",
    "second_change": "changed",
    "second_cancel": "changed",
    "second_worse": "information",
    "professional": "professional_note",
    "error": "abuse_or_error",
}
_RECAP_SECONDS = 30
_NEXT_LINE = frozenset({"slot_taken", "too_late", "not_feasible", "round_not_feasible"})


class Conversation:
    """One secretary and one caller. `hold` returns once both have hung up."""

    def __init__(self, scene: Scene, fifteen: Fifteen) -> None:
        self._scene = scene
        self._fifteen = fifteen
        self._protocol: dict[str, Mapping[str, Any]] | None = None

    async def hold(self, pace: Pace, who: Principal, line: Line) -> None:
        scene, call = self._scene, line.call
        begun_at = scene.now
        await scene.stage.post("intake", f"/calls/{line.call_id}/answer", who)
        line.over = True
        opened = False
        if call.kind == "request":
            opened = await self.take_request(pace, who, line, scene.need(call.need), begun_at=begun_at)
        elif call.kind == "second_cancel":
            await pace.wait(call.talk_seconds / 2)
            await self._cancel(who, call.about)
        elif call.kind == "second_worse":
            await pace.wait(call.step0_seconds)
            await self._worse(who, call.about)
        await pace.until(max(scene.now, begun_at + call_length(call.talk_seconds)))
        if opened:
            await scene.conductor.settled()  # what was booked a moment ago is known to intake: it is not given away again
        body = {} if opened else {"outcome": _CALL_OUTCOME.get(call.kind, "information")}
        await scene.stage.post("intake", f"/calls/{line.call_id}/end", who, body)

    async def take_request(self, pace: Pace, who: Principal, line: Line, need: Need, *, begun_at: datetime) -> bool:
        """From « l'appel est pour vous ? » to the recap. False when this person's request exists already."""
        scene, call = self._scene, line.call
        if need.number in scene.request_of:
            return False
        request_id = new_id()
        scene.opens(need, request_id)
        body = {"request_id": str(request_id), "call_id": str(line.call_id), "origin": "patient"}
        await scene.stage.post("intake", "/requests", who, body)
        await pace.wait(call.step0_seconds)
        view = await scene.stage.put("intake", f"/requests/{request_id}/step0", who, step0_of(need))
        if view["screening"]["result"] == "red_flag":
            await self._fifteen.hand_over(pace, who, request_id)
            return True
        await pace.until(max(scene.now, begun_at + call_length(call.talk_seconds * 0.5)))
        patient_id = await self._find_or_register(who, need.person)
        scene.patient_of[need.number] = patient_id
        view = await scene.stage.post("intake", f"/requests/{request_id}/qualify", who, await self._qualification(who, need, patient_id))
        if view["urgency"] == "red_flag":
            await self._fifteen.hand_over(pace, who, request_id)
            return True
        if view["state"] == "advice_pending":
            await scene.stage.put("regulation", f"/cases/{request_id}", who, case_of(view))
            await scene.conductor.settled()
        else:
            await pace.until(max(scene.now, begun_at + call_length(call.talk_seconds * 0.7)))
            await self._book(who, need, request_id, view)
        await self._last_questions(pace, who, need, request_id)
        return True

    async def _find_or_register(self, who: Principal, person: Person) -> UUID:
        scene = self._scene
        found = await scene.stage.post(
            "intake", "/patients/search", who, {"birth_date": person.birth_date.isoformat(), "name": person.birth_name}
        )
        name = f"{person.first_name} {person.used_name or person.birth_name}"
        for summary in found["items"]:
            if summary["display_name"] == name and summary["birth_date"] == person.birth_date.isoformat():
                return UUID(summary["patient_id"])
        registered = await scene.stage.post("intake", "/patients", who, registration_of(person))
        return UUID(registered["patient_id"])

    async def _qualification(self, who: Principal, need: Need, patient_id: UUID) -> dict[str, Any]:
        if self._protocol is None:
            read = await self._scene.stage.get("intake", "/protocol", who)
            self._protocol = {reason["code"]: reason for reason in read["reasons"]}
        return {
            "patient_id": str(patient_id),
            "reason": need.reason,
            "answers": answers_of(need, self._protocol[need.reason]["questions"]),
            "since": f"{need.since_days} jours",
            "limits": {
                "can_move": need.limits.can_move,
                "isolated": need.limits.isolated,
                "camera": need.limits.camera,
                "confined": need.limits.confined,
            },
            "assisted": True,
        }

    async def _book(self, who: Principal, need: Need, request_id: UUID, view: Mapping[str, Any]) -> None:
        """Proposals, hold, booking; « allouer sans moi », or nothing in time: the agenda answers by event."""
        scene = self._scene
        qualified = view["qualified"]
        if need.delegated:
            await self._delegate(who, request_id)
            return
        shown = await scene.stage.post("scheduling", f"/requests/{request_id}/proposals", who, {"qualified": qualified})
        items = shown["items"]
        if not items:
            await self._delegate(who, request_id)
            return
        if need.takes_rank == 0:
            await scene.stage.post("intake", f"/requests/{request_id}/close", who, {"outcome": "refused_by_patient"})
            await scene.conductor.settled()
            return
        first = min(need.takes_rank, len(items)) - 1
        for proposal in (*items[first:], *items[:first]):
            if await self._take(who, request_id, qualified, proposal["slot_id"]):
                return
        await self._delegate(who, request_id)

    async def _take(self, who: Principal, request_id: UUID, qualified: Mapping[str, Any], slot_id: str) -> bool:
        """False when somebody else has the slot: the next line of the list is read."""
        scene = self._scene
        try:
            hold = await scene.stage.post("scheduling", "/holds", who, {"request_id": str(request_id), "slot_id": slot_id})
            body = {"request_id": str(request_id), "qualified": qualified, "slot_id": slot_id, "hold_id": hold["hold_id"]}
            await scene.stage.post("scheduling", "/appointments", who, body)
        except Refused as refusal:
            if refusal.code not in _NEXT_LINE:
                tolerate(refusal)
            return refusal.code not in _NEXT_LINE
        return True

    async def _delegate(self, who: Principal, request_id: UUID) -> None:
        await self._scene.stage.post("intake", f"/requests/{request_id}/delegate", who)
        await self._scene.conductor.settled()

    async def _last_questions(self, pace: Pace, who: Principal, need: Need, request_id: UUID) -> None:
        """The recap, then two questions only: message allowed? help to find an MT?"""
        stage = self._scene.stage
        await pace.wait(_RECAP_SECONDS)
        await stage.post("intake", f"/requests/{request_id}/recap-done", who)
        await stage.post("intake", f"/requests/{request_id}/contact-rule", who, {"rule": need.person.contact_rule})
        if need.mt_help is not None:
            await stage.post("intake", f"/requests/{request_id}/mt-help", who, {"answer": need.mt_help})

    async def _cancel(self, who: Principal, about: int | None) -> None:
        """« Je n'ai plus besoin du rendez-vous. »"""
        request_id = self._scene.request_of.get(about) if about is not None else None
        if request_id is None:
            return
        await self._scene.conductor.settled()
        try:
            await self._scene.stage.post("intake", f"/requests/{request_id}/cancel", who, {"cause": "by_patient"})
        except Refused as refusal:
            tolerate(refusal)
            return
        await self._scene.conductor.settled()

    async def _worse(self, who: Principal, about: int | None) -> None:
        """Second call about the same symptoms: level +1, advice at least (operations.md H10)."""
        scene = self._scene
        request_id = scene.request_of.get(about) if about is not None else None
        if request_id is None:
            return
        await scene.conductor.settled()
        try:
            view = await scene.stage.post("intake", f"/requests/{request_id}/raise", who, {"urgency": "advice"})
        except Refused as refusal:
            tolerate(refusal)
            return
        await scene.stage.put("regulation", f"/cases/{request_id}", who, case_of(view))
        await scene.conductor.settled()


def call_length(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def step0_of(need: Need) -> dict[str, Any]:
    """What the caller says in the first half minute, danger before identity."""
    person = need.person
    infant = person.age_years == 0
    return {
        "caller_role": need.caller_role,
        "with_patient_now": need.with_patient_now,
        "place": person.address,
        "access": person.access or None,
        "callback_number": person.phone,
        "age_value": person.age_months if infant else person.age_years,
        "age_unit": "months" if infant else "years",
        "sex": person.sex,
        "words": need.words,
        "breathing": need.vital.breathing,
        "consciousness": need.vital.consciousness,
        "chest_or_collapse": need.vital.chest_or_collapse,
        "confirmed_not_now": need.vital.withdrawn,
    }


def answers_of(need: Need, questions: list[Mapping[str, Any]]) -> dict[str, str]:
    """No to everything, unless the need is dangerous: then yes to the first question that asks for that danger."""
    wanted = {"protocol_red": "red_flag", "protocol_advice": "advice"}.get(need.danger)
    dangerous = next((question["id"] for question in questions if wanted is not None and question.get("danger") == wanted), None)
    return {question["id"]: "yes" if question["id"] == dangerous else "no" for question in questions}


def registration_of(person: Person) -> dict[str, Any]:
    return {
        "birth_name": person.birth_name,
        "first_name": person.first_name,
        "used_name": person.used_name,
        "birth_date": person.birth_date.isoformat(),
        "sex": person.sex,
        "phone": person.phone,
        "address": person.address,
        "access": person.access or None,
        "commune": person.commune,
        "lon": person.lon,
        "lat": person.lat,
        "mt": person.mt,
        "mt_name": person.mt_name,
        "ald": person.ald,
        "contact_rule": person.contact_rule,
        "flags": list(person.flags),
    }
