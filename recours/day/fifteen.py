"""The 15: an ARM who picks up the voice line after a while, a regulator who takes the case on the console and decides."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from recours.day.conductor import Pace
from recours.day.scene import Scene, tolerate
from shared.auth import Principal
from shared.errors import Refused

_ARM_LABEL = "ARM 12"
_WITH_CALLER_SECONDS = 40


class Fifteen:
    """Whoever hands over calls here: the desk for a red flag, the desk again when a doctor stayed silent."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    async def hand_over(self, pace: Pace, who: Principal, request_id: UUID, *, caller_on_line: bool = True) -> None:
        """F9 as the page does it: intake dials, the case goes to the regulator's screen, the secretary stays until the ARM speaks."""
        scene = self._scene
        subject = scene.subject(request_id)
        voice = scene.assumptions.fifteen.voice_seconds
        view = await scene.stage.post(
            "intake", f"/requests/{request_id}/handover", who, {"channel": "voice", "caller_on_line": caller_on_line}
        )
        await scene.stage.put("regulation", f"/cases/{request_id}", who, case_of(view))
        await scene.conductor.settled()  # the safety timer runs from here: its instant is a promise of the stack
        scene.conductor.plan(scene.now, lambda pace: self._regulate(pace, request_id))
        await pace.wait(scene.draws.tail("voice", subject, median=voice.median, longest=voice.longest))
        body = {"arm_label": _ARM_LABEL, "file_no": f"DRM-{scene.draws.between('file', subject, (10_000, 99_999))}"}
        await scene.stage.post("intake", f"/requests/{request_id}/handover/answer", who, body)
        await scene.conductor.settled()
        await pace.wait(_WITH_CALLER_SECONDS)

    async def _regulate(self, pace: Pace, request_id: UUID) -> None:
        scene, assumed = self._scene, self._scene.assumptions.fifteen
        subject = scene.subject(request_id)
        await pace.wait(scene.draws.between("acknowledge", subject, assumed.acknowledge_seconds))
        taken = await self._said(f"/cases/{request_id}/acknowledge", {})
        if not taken:
            return
        await pace.wait(60 * scene.draws.between("regulate", subject, assumed.decision_minutes))
        await self._said(f"/cases/{request_id}/decision", {"decision": scene.draws.one_of("regulation", subject, assumed.decisions)})
        await scene.conductor.settled()

    async def _said(self, path: str, body: Mapping[str, Any]) -> bool:
        """False when the case has moved on meanwhile."""
        try:
            await self._scene.stage.post("regulation", path, self._scene.cast.regulator, body)
        except Refused as refusal:
            tolerate(refusal)
            return False
        return True


def case_of(view: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body that the console puts to regulation, as intake prepared it."""
    case: Mapping[str, Any] | None = view.get("case")
    if case is None:
        raise LookupError("intake gave no case to put to regulation")
    return case
