"""What the shared agenda says no to. Each code is stable: it is in the HTTP problem, in dead letters and in the tests."""

from shared.errors import Refused


class SlotTaken(Refused):
    """Somebody else has this slot, this place of the round, or this period of the doctor."""

    code = "slot_taken"


class AlreadyBooked(Refused):
    """The request has its live appointment; the problem carries it."""

    code = "already_booked"


class TooLate(Refused):
    """The slot starts after `see_by`. Nobody moves a clinical limit: the duty doctor decides."""

    code = "too_late"


class NotFeasible(Refused):
    """A hard rule of allocation forbids this slot for this request; `rule` in the problem names it."""

    code = "not_feasible"


class RoundNotFeasible(Refused):
    """With this visit the round would break a window that was announced, or end too late."""

    code = "round_not_feasible"


class RequestEnded(Refused):
    """The request was cancelled, closed or taken by the 15: it gets no appointment any more."""

    code = "request_ended"


class AppointmentNotLive(Refused):
    """The appointment was cancelled: it takes no outcome."""

    code = "appointment_not_live"


class OutcomeAlreadyGiven(Refused):
    """The act is closed with another outcome; correcting it is not offered yet."""

    code = "outcome_already_given"


class OutcomeNotForMode(Refused):
    """`door_closed` is for visits, `missed` for the surgery and video, `needs_exam` for video (operations.md §8)."""

    code = "outcome_not_for_mode"


class ActNotAllowed(Refused):
    """A code that the dated tariff does not know that day, or whose conditions do not hold."""

    code = "act_not_allowed"


class AvailabilityOverlaps(Refused):
    """Two lines of availability of one doctor cover the same wall time of the same weekday."""

    code = "availability_overlaps"


class UnknownSupervisor(Refused):
    """The supervisor or billing doctor named does not belong to the territory's pool."""

    code = "unknown_supervisor"


class RotaOverlaps(Refused):
    """Two duty doctors at one instant."""

    code = "rota_overlaps"
