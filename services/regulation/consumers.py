"""What regulation learns from the others. Facts of one request may come in any order and twice."""

from services.regulation import handlers
from shared.consumer import EventConsumer
from shared.events.intake import AdviceOverdue, AdviceRequested, HandOverAnswered, RequestCancelled, RequestClosed, RequestHandedOver
from shared.events.scheduling import ActClosed, DutyDoctorNamed


def attach(consumer: EventConsumer) -> None:
    """A table of contents."""
    consumer.on(RequestHandedOver)(handlers.on_request_handed_over)
    consumer.on(HandOverAnswered)(handlers.on_hand_over_answered)
    consumer.on(AdviceRequested)(handlers.on_advice_requested)
    consumer.on(AdviceOverdue)(handlers.on_advice_overdue)
    consumer.on(RequestCancelled)(handlers.on_request_cancelled)
    consumer.on(RequestClosed)(handlers.on_request_closed)
    consumer.on(ActClosed)(handlers.on_act_closed)
    consumer.on(DutyDoctorNamed)(handlers.on_duty_doctor_named)
