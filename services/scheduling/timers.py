"""What becomes due in scheduling."""

from functools import partial

from services.scheduling.domain.rules import Rules
from services.scheduling.handlers import agenda, booking, holds
from shared.timers import Timers


def attach(timers: Timers, rules: Rules) -> None:
    timers.on(holds.HOLD_EXPIRES)(holds.hold_expires)
    timers.on(booking.ASSIST_ENDS)(partial(booking.assist_ends, rules=rules))
    timers.on(agenda.MATERIALISE)(partial(agenda.materialise_nightly, rules=rules))
