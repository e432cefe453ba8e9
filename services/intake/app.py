"""The only place that builds things."""

from services.intake import consumers, timers
from services.intake.api import routers
from services.intake.desk import open_desk
from services.intake.handlers.facts import Facts
from services.intake.settings import IntakeSettings
from shared.consumer import EventConsumer
from shared.service import Service
from shared.territory import load_territories
from shared.timers import Timers


def build() -> Service:
    """Intake, ready once every living identity is in memory. Raises BadTerritory for a protocol that cannot be used."""
    settings = IntakeSettings.load()
    desk = open_desk(load_territories(settings.territory_dirs), settings.master_key.get_secret_value())
    consumer = EventConsumer("intake")
    consumers.attach(consumer, Facts(desk))
    due = Timers()
    timers.attach(due)

    async def open_directory(service: Service) -> None:
        await desk.directory.open(service.database)

    async def close_directory(service: Service) -> None:
        await desk.directory.close()

    async def follow_directory(service: Service) -> None:
        await desk.directory.follow(service.database)

    service = Service(
        "intake",
        settings,
        routers=routers,
        consumer=consumer,
        timers=due,
        start=[open_directory],
        stop=[close_directory],
        tasks=[follow_directory],
    )
    service.app.state.desk = desk
    return service
