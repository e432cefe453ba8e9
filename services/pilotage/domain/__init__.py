"""What pilotage makes of the history: pure functions of a set of facts, never of the order in which they arrived."""

from services.pilotage.domain.calls import CallStory, fold_call
from services.pilotage.domain.stories import Act, AppointmentStory, Folded, RequestStory, fold_request

__all__ = ["Act", "AppointmentStory", "CallStory", "Folded", "RequestStory", "fold_call", "fold_request"]
