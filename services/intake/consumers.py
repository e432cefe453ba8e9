"""What intake learns from others."""

from services.intake.handlers.facts import Facts
from shared.consumer import EventConsumer
from shared.events.regulation import AdviceGiven, CaseAcknowledged, CaseDecided, CaseReceived
from shared.events.scheduling import ActClosed, AppointmentBooked, AppointmentCancelled, DutyDoctorNamed, RequestUnallocated


def attach(consumer: EventConsumer, facts: Facts) -> None:
    """One group for all: the order inside a request's key is what counts."""
    consumer.on(AppointmentBooked)(facts.on_appointment_booked)
    consumer.on(AppointmentCancelled)(facts.on_appointment_cancelled)
    consumer.on(RequestUnallocated)(facts.on_request_unallocated)
    consumer.on(ActClosed)(facts.on_act_closed)
    consumer.on(DutyDoctorNamed)(facts.on_duty_doctor_named)
    consumer.on(CaseReceived)(facts.on_case_received)
    consumer.on(CaseAcknowledged)(facts.on_case_acknowledged)
    consumer.on(CaseDecided)(facts.on_case_decided)
    consumer.on(AdviceGiven)(facts.on_advice_given)
