"""What the desk's rules say no to, each with its own stable code."""

from shared.errors import Refused


class IllegalTransition(Refused):
    """The request is not where this step may start from; `state` says where it is."""

    code = "illegal_transition"


class OnlyADoctorLowers(Refused):
    """A secretary may raise a level, never lower one (design.md, urgency)."""

    code = "only_a_doctor_lowers"


class AlreadyDecided(Refused):
    """Another decision of a doctor already stands for this advice."""

    code = "already_decided"


class NotScreened(Refused):
    """The three vital questions come before the reason."""

    code = "not_screened"


class NotHandedOver(Refused):
    """No hand-over to the 15 is running."""

    code = "not_handed_over"


class AppointmentNotToDelegate(Refused):
    """Only a qualified request waits for allocation."""

    code = "not_qualified"


class UnknownReason(Refused):
    """The territory's protocol has no such reason."""

    code = "unknown_reason"


class UnknownOutcome(Refused):
    """Not a code of the closed list, or one that another step makes."""

    code = "unknown_outcome"


class TooLateToday(Refused):
    """`same_day` asked at or after 20:00: nothing of the shared agenda is left today, and it is never moved to tomorrow."""

    code = "too_late_today"


class DeadlineInThePast(Refused):
    """A promise needs an hour to come."""

    code = "deadline_in_the_past"


class CallTaken(Refused):
    """A colleague already answers this call."""

    code = "call_taken"


class CallNotInProgress(Refused):
    """Nobody talks on this call (any more)."""

    code = "call_not_in_progress"


class RequestWithoutOutcome(Refused):
    """A call cannot end while one of its requests has neither owner's promise nor outcome; `request_ids` says which."""

    code = "request_without_outcome"


class DecisionIncomplete(Refused):
    """`appointment` needs a level among same_day, within_48h, planned."""

    code = "decision_incomplete"


class OutcomeNeeded(Refused):
    """A finished task must say how the request goes on (`note_code` of the closed list)."""

    code = "outcome_needed"


class RequestExists(Refused):
    """This request id is already used by another story."""

    code = "request_exists"


class NoPatient(Refused):
    """This step needs to know who it is about."""

    code = "no_patient"


class RedFlagStands(Refused):
    """A red flag goes to the 15; only a doctor's traced decision reopens the other ways (design.md)."""

    code = "red_flag_stands"
