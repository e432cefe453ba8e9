"""What orientation learns from intake and scheduling."""

from services.orientation import handlers
from shared.consumer import EventConsumer
from shared.events.intake import MtHelpAnswered, PatientRegistered, RequestQualified
from shared.events.scheduling import ActClosed


def attach(consumer: EventConsumer) -> None:
    """A table of contents."""
    consumer.on(PatientRegistered)(handlers.on_patient_registered)
    consumer.on(MtHelpAnswered)(handlers.on_mt_help_answered)
    consumer.on(RequestQualified)(handlers.on_request_qualified)
    consumer.on(ActClosed)(handlers.on_act_closed)
