"""The only place that builds things of regulation."""

from services.regulation import api, consumers
from services.regulation.settings import RegulationSettings
from shared.consumer import EventConsumer
from shared.crypto import Sealer
from shared.service import Service


def build() -> Service:
    """The service as its environment describes it."""
    settings = RegulationSettings.load()
    consumer = EventConsumer("regulation")
    consumers.attach(consumer)
    sealer = Sealer(settings.master_key.get_secret_value())
    return Service("regulation", settings, routers=[api.make_router(sealer)], consumer=consumer)
