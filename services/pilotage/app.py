"""The only place that builds things of pilotage."""

from services.pilotage import api
from services.pilotage.projector import Projector
from services.pilotage.settings import PilotageSettings
from shared.service import Service
from shared.territory import load_territories


def build() -> Service:
    """The service as its environment describes it. It publishes nothing: a projector reads the log instead of a consumer."""
    settings = PilotageSettings.load()
    projector = Projector(settings)
    router = api.make_router(load_territories(settings.territory_dirs), projector)
    service = Service("pilotage", settings, routers=[router], tasks=[projector.run], publishes=False)
    service.ops_app.include_router(api.make_operator_router(projector))
    projector.attach(service)
    return service
