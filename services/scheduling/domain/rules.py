"""The settings and the territories' data that the rules read, in one value that handlers pass on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from services.scheduling.domain.acts import Tariff
from services.scheduling.domain.allocation import AllocationRules
from services.scheduling.domain.model import Profile
from services.scheduling.domain.slots import SlotRules
from shared.errors import NotFound


@dataclass(frozen=True, slots=True)
class Rules:
    """What `app.py` builds once. `searched_per_practitioner` and `kept_proposals` bound a search; the page shows three."""

    profiles: Mapping[str, Profile]
    tariffs: Mapping[str, Tariff]
    slots: SlotRules
    allocation: AllocationRules
    hold: timedelta = timedelta(minutes=3)
    horizon_days: int = 28
    searched_per_practitioner: int = 6
    kept_proposals: int = 30

    def profile(self, territory_id: str) -> Profile:
        """Raises NotFound for a territory that this deployment does not serve."""
        try:
            return self.profiles[territory_id]
        except KeyError:
            raise NotFound(f"territory {territory_id}") from None

    def tariff(self, territory_id: str) -> Tariff:
        try:
            return self.tariffs[territory_id]
        except KeyError:
            raise NotFound(f"tariff of {territory_id}") from None
