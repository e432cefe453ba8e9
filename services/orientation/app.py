"""The only place that builds things of orientation."""

from services.orientation import api, consumers
from services.orientation.settings import OrientationSettings
from shared.consumer import EventConsumer
from shared.service import Service


def build() -> Service:
    """The service as its environment describes it."""
    consumer = EventConsumer("orientation")
    consumers.attach(consumer)
    return Service("orientation", OrientationSettings.load(), routers=[api.router], consumer=consumer)
