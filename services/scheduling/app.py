"""The only place that builds things of scheduling."""

from datetime import timedelta
from pathlib import Path

import yaml

from services.scheduling import api, consumers, timers
from services.scheduling.domain.acts import BadTariff, Tariff, read_tariff
from services.scheduling.domain.model import Profile
from services.scheduling.domain.rules import Rules
from services.scheduling.domain.travel import position_of_degrees
from services.scheduling.settings import SchedulingSettings
from shared.consumer import EventConsumer
from shared.service import Service
from shared.territory import Territory, load_territories
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
    """Settings and territories as the domain reads them; raises BadTerritory or BadTariff naming the file."""
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
    return Profile(territory.id, territory.zone, lambda on: territory.opening_on(on) is None, centres)


def load_tariff(folder: Path) -> Tariff:
    """`tariff.yaml` of a territory; raises BadTariff naming the file and the line."""
    path = folder / "tariff.yaml"
    try:
        return read_tariff(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, TypeError, BadTariff) as reason:
        raise BadTariff(f"{path}: {reason}") from reason
