"""The secretaries: one or two seats, each a person who takes the oldest ringing call and, when nothing rings, the oldest task."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from recours.day.conductor import Pace
from recours.day.conversation import Conversation
from recours.day.fifteen import Fifteen, case_of
from recours.day.scene import Line, Scene, tolerate
from shared.auth import Principal
from shared.errors import Refused

_PICK_UP_SECONDS = 3
_TASK_SECONDS = 45
_TASKS_EVERY = timedelta(minutes=6)
_RING_BACK_BEFORE = timedelta(minutes=10)  # a call cut before the answer is rung back well before its hour


class Desk:
    """Seats, the line, the list of tasks. Who is free takes what waits: calls before tasks, the oldest first."""

    def __init__(self, scene: Scene, fifteen: Fifteen) -> None:
        self._scene = scene
        self._fifteen = fifteen
        self._conversation = Conversation(scene, fifteen)
        self._waiting: list[Line] = []
        self._free: list[Principal] = list(scene.cast.secretaries[: max(1, scene.demand.secretaries)])
        self._abandoned: dict[UUID, Line] = {}

    def plan(self, opens_at: datetime) -> None:
        """The list of tasks is looked at every few minutes, as a page that lies open."""
        at = opens_at + _TASKS_EVERY
        while at < self._scene.closes_at + timedelta(minutes=14):
            self._scene.conductor.at(at, self._look_at_tasks, rank=8)
            at += _TASKS_EVERY

    def rings(self, line: Line) -> None:
        self._waiting.append(line)
        self._share_out()

    def lost(self, line: Line) -> None:
        """The caller hung up before anybody pressed the key."""
        self._waiting.remove(line)
        self._abandoned[line.call_id] = line

    def _share_out(self) -> None:
        while self._free and self._waiting:
            who, line = self._free.pop(0), self._waiting.pop(0)
            line.taken = True
            self._sit(who, line)

    def _sit(self, who: Principal, line: Line) -> None:
        async def answer(pace: Pace) -> None:
            await pace.wait(_PICK_UP_SECONDS)
            await self._conversation.hold(pace, who, line)
            await pace.wait(line.call.wrap_up_seconds)
            self._is_free(who)

        self._scene.conductor.plan(self._scene.now, answer)

    def _is_free(self, who: Principal) -> None:
        self._free.append(who)
        self._free.sort(key=lambda principal: principal.initials)
        self._share_out()

    async def _look_at_tasks(self) -> None:
        """One seat stays at the telephone when there are two; a single seat works its tasks between two calls."""
        if not self._free or self._waiting:
            return
        await self._scene.conductor.settled()  # the list follows the facts of others
        who = self._free[-1]
        shown = await self._scene.stage.get("intake", "/tasks", who)
        due = [task for task in shown["items"] if self._is_for_us(task)]
        if not due:
            return
        self._free.remove(who)
        tasks = sorted(due, key=lambda task: (task.get("due_at") or "", task["kind"], self._name_of(task)))

        async def work(pace: Pace) -> None:
            for task in tasks:
                await self._do(pace, who, task)
                if self._waiting:
                    break
            self._is_free(who)

        self._scene.conductor.plan(self._scene.now, work)

    def _is_for_us(self, task: dict[str, Any]) -> bool:
        """An unplaced request is the duty doctor's; a question for later waits; whoever must be called is called at once."""
        if task["kind"] in ("abandoned", "recontact", "advice_overdue", "callback"):
            return task["kind"] != "abandoned" or datetime.fromisoformat(task["due_at"]) - _RING_BACK_BEFORE <= self._scene.now
        return task["kind"] == "check_15" and datetime.fromisoformat(task["due_at"]) <= self._scene.now

    def _name_of(self, task: dict[str, Any]) -> str:
        request_id = task.get("request_id")
        if request_id is not None:
            return self._scene.subject(UUID(request_id))
        line = self._abandoned.get(UUID(task["subject_id"]))
        return f"call {line.call.number}" if line is not None else ""

    async def _do(self, pace: Pace, who: Principal, task: dict[str, Any]) -> None:
        """One task of the list; what moved on meanwhile is left alone."""
        kind, subject_id = task["kind"], task["subject_id"]
        try:
            if kind == "abandoned":
                await self._ring_back(pace, who, UUID(subject_id))
            elif kind == "advice_overdue":
                await self._fifteen.hand_over(pace, who, UUID(task["request_id"]), caller_on_line=False)
            elif kind in ("recontact", "callback"):
                await self._call_again(pace, who, UUID(task["request_id"]))
            elif kind == "check_15":
                await pace.wait(_TASK_SECONDS)
                await self._scene.stage.post("intake", f"/tasks/check_15/{subject_id}/done", who, {})
        except Refused as refusal:
            tolerate(refusal)

    async def _ring_back(self, pace: Pace, who: Principal, call_id: UUID) -> None:
        """Somebody hung up before we answered: two tries in 30 minutes, unless he got through meanwhile."""
        scene = self._scene
        await pace.wait(_TASK_SECONDS)
        line = self._abandoned.get(call_id)
        got_through = line is None or line.call.need is None or line.call.need in scene.request_of
        reached = got_through or scene.draws.chance("reached", f"call {line.call.number} {scene.now}" if line else "", 0.8)
        await scene.stage.post("intake", f"/calls/{call_id}/abandoned-done", who, {"reached": reached})
        if reached and not got_through and line is not None:
            await self._conversation.take_request(pace, who, line, scene.need(line.call.need), begun_at=scene.now)

    async def _call_again(self, pace: Pace, who: Principal, request_id: UUID) -> None:
        """Who did not open, did not come, or whose talk was cut: reached, a doctor says how it goes on; not reached, tried again."""
        scene = self._scene
        await pace.wait(_TASK_SECONDS)
        reached = scene.draws.chance("recontact", f"{scene.subject(request_id)} {scene.now}", 0.7)
        if not reached:
            await scene.stage.post("intake", f"/tasks/recontact/{request_id}/done", who, {"note_code": "not_reached"})
            await scene.conductor.settled()
            return
        view = await scene.stage.post("intake", f"/requests/{request_id}/raise", who, {"urgency": "advice"})
        if view.get("case") is not None:
            await scene.stage.put("regulation", f"/cases/{request_id}", who, case_of(view))
        await scene.conductor.settled()
