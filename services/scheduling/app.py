"""The only place that builds things of scheduling."""

from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from services.scheduling import api, consumers, timers
from services.scheduling.domain.acts import BadTariff, Tariff, read_tariff
from services.scheduling.domain.model import Profile
from services.scheduling.domain.rules import Rules
from services.scheduling.domain.travel import position_of_degrees
from services.scheduling.settings import SchedulingSettings
from shared.consumer import EventConsumer
from shared.service import Service
from shared.territory import BadTerritory, Territory, load_territories, read_yaml
from shared.timers import Timers


def build() -> Service:
    settings = SchedulingSettings.load()
    rules = make_rules(settings)
    consumer = EventConsumer("scheduling")
    consumers.attach(consumer, rules)
    due = Timers()
    timers.attach(due, rules)
    service = Service("scheduling", settings, routers=api.ROUTERS, consumer=consumer, timers=due, database_connections=12)
    service.app.state.rules = rules
    return service


def make_rules(settings: SchedulingSettings) -> Rules:
    """Settings and territories as the domain reads them; raises BadTerritory naming the file."""
    territories = load_territories(settings.territory_dirs)
    return Rules(
        profiles={territory.id: make_profile(territory) for territory in territories.values()},
        tariffs={territory.id: load_tariff(territory.folder) for territory in territories.values()},
        slots=settings.slot_rules(), allocation=settings.allocation_rules(), hold=timedelta(minutes=settings.hold_minutes),
        horizon_days=settings.horizon_days, searched_per_practitioner=settings.searched_per_practitioner,
        kept_proposals=settings.kept_proposals,
    )  # fmt: skip


def make_profile(territory: Territory) -> Profile:
    """Sundays and holidays are closed. Video goes on when the line is shut on Saturday afternoon, so a day is open or closed as a whole."""
    centres = {commune.insee: position_of_degrees(commune.lon, commune.lat) for commune in territory.communes}
    closed = lru_cache(maxsize=1_000)(lambda on: territory.opening_on(on) is None)  # a search asks for each of a thousand slots
    return Profile(territory.id, territory.zone, closed, centres)


def load_tariff(folder: Path) -> Tariff:
    """`tariff.yaml` of a territory; raises BadTerritory naming the file and the line."""
    path = folder / "tariff.yaml"
    try:
        return read_tariff(read_yaml(path))
    except BadTariff as reason:
        raise BadTerritory(f"{path}: {reason}") from reason
