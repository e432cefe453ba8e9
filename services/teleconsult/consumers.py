"""What teleconsult learns from scheduling."""

from services.teleconsult import handlers
from shared.consumer import EventConsumer
from shared.events.scheduling import ActClosed, AppointmentBooked, AppointmentCancelled


def attach(consumer: EventConsumer) -> None:
    """A table of contents."""
    consumer.on(AppointmentBooked)(handlers.on_appointment_booked)
    consumer.on(AppointmentCancelled)(handlers.on_appointment_cancelled)
    consumer.on(ActClosed)(handlers.on_act_closed)
