"""The callers: they ring, wait as long as their patience lasts, ring again or not."""

from datetime import datetime, timedelta

from recours.day.desk import Desk
from recours.day.scene import Line, Scene
from recours.demand import Call
from shared.ids import new_id

_RING, _GIVE_UP = 1, 2  # at the same second: who rings, then who gives up, then everybody else


class Callers:
    """The public's side of the line."""

    def __init__(self, scene: Scene, desk: Desk) -> None:
        self._scene = scene
        self._desk = desk

    def plan(self) -> None:
        for call in self._scene.demand.calls:
            self._will_ring(call, call.rings_at)

    def _will_ring(self, call: Call, at: datetime) -> None:
        async def ring() -> None:
            await self._ring(call)

        self._scene.conductor.at(at, ring, rank=_RING)

    async def _ring(self, call: Call) -> None:
        scene = self._scene
        line = Line(call, new_id(), scene.now)
        await self._tell(line, "ringing")
        self._desk.rings(line)

        async def give_up() -> None:
            await self._give_up(line)

        if not line.taken:
            scene.conductor.after(call.patience_seconds, give_up, rank=_GIVE_UP)

    async def _give_up(self, line: Line) -> None:
        if line.taken or line.over:
            return
        scene, call = self._scene, line.call
        line.over = True
        self._desk.lost(line)
        await self._tell(line, "hung_up")
        again = None if call.again_after_seconds is None else scene.now + timedelta(seconds=call.again_after_seconds)
        if again is not None and again < scene.closes_at:
            self._will_ring(call, again)

    async def _tell(self, line: Line, event: str) -> None:
        body = {"call_id": str(line.call_id), "event": event, "phone": line.call.phone}
        await self._scene.stage.post("intake", "/hooks/telephony", self._scene.cast.telephony, body)
