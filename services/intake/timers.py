"""Work of intake that becomes due: the silence of the 15, and of the duty doctor."""

from services.intake.handlers import facts
from shared.timers import Timers


def attach(timers: Timers) -> None:
    timers.on("handover_rung_1")(facts.climb_rung_1)
    timers.on("handover_rung_2")(facts.climb_rung_2)
    timers.on("advice")(facts.advice_is_late)
