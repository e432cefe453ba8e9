"""The only place that builds things of teleconsult."""

from services.teleconsult import api, consumers
from services.teleconsult.settings import TeleconsultSettings
from shared.consumer import EventConsumer
from shared.service import Service
from shared.territory import load_territories


def build() -> Service:
    """The service as its environment describes it."""
    settings = TeleconsultSettings.load()
    consumer = EventConsumer("teleconsult")
    consumers.attach(consumer)
    router = api.make_router(load_territories(settings.territory_dirs))
    return Service("teleconsult", settings, routers=[router], consumer=consumer)
