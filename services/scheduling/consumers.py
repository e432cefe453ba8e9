"""What scheduling learns from the others: requests from intake, decisions from regulation."""

from functools import partial

from services.scheduling.domain.rules import Rules
from services.scheduling.handlers import facts
from shared.consumer import EventConsumer
from shared.events.intake import AdviceRequested, AllocationDelegated, RequestCancelled, RequestClosed, RequestHandedOver, RequestQualified
from shared.events.regulation import CaseDecided


def attach(consumer: EventConsumer, rules: Rules) -> None:
    """Group `scheduling`; the kernel starts at the earliest offset: a new group must see the past."""
    consumer.on(RequestQualified)(partial(facts.on_request_qualified, rules=rules))
    consumer.on(AllocationDelegated)(partial(facts.on_allocation_delegated, rules=rules))
    consumer.on(RequestHandedOver)(facts.on_request_handed_over)
    consumer.on(AdviceRequested)(facts.on_advice_requested)
    consumer.on(RequestCancelled)(facts.on_request_ended)
    consumer.on(RequestClosed)(facts.on_request_ended)
    consumer.on(CaseDecided)(facts.on_case_decided)
