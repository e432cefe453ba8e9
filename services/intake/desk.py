"""What the handlers need beside their transaction: territories, protocols, the sealer and the directory. Built once in `app.py`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from services.intake.directory import Directory
from services.intake.domain.names import search_form
from services.intake.domain.protocol import Protocol
from services.intake.protocol_file import load_protocol
from shared.crypto import Sealer
from shared.errors import NotFound
from shared.territory import BadTerritory, Territory

Acknowledgement = Literal["voice", "console", "hub"]


@dataclass(frozen=True)
class Desk:
    """Read only, shared by all routes, consumers and timers of the process."""

    territories: Mapping[str, Territory]
    protocols: Mapping[str, Protocol]
    sealer: Sealer
    directory: Directory

    def territory(self, territory_id: str) -> Territory:
        """Raises NotFound: this deployment does not serve that territory."""
        found = self.territories.get(territory_id)
        if found is None:
            raise NotFound("territory")
        return found

    def protocol(self, territory_id: str) -> Protocol:
        found = self.protocols.get(territory_id)
        if found is None:
            raise NotFound("protocol")
        return found

    def console_acknowledges(self, territory_id: str) -> bool:
        """A signed convention says that the console's key stops the safety timer (H1); voice otherwise."""
        return acknowledgement_of(self.territory(territory_id)) == "console"

    def commune_in(self, territory_id: str, place: str | None) -> str | None:
        """The commune named in what was said of the place, by INSEE code; None when none or several are named."""
        if not place:
            return None
        said = f" {search_form(place)} "
        named = {
            commune.insee
            for commune in self.territory(territory_id).communes
            if f" {search_form(commune.name).removeprefix('L ')} " in said or commune.postcode in said
        }
        return named.pop() if len(named) == 1 else None


def acknowledgement_of(territory: Territory) -> Acknowledgement:
    """Raises BadTerritory for a word that is not one of the three."""
    said = territory.settings.get("acknowledgement", "voice")
    if said not in ("voice", "console", "hub"):
        raise BadTerritory(f"{territory.folder}: acknowledgement is voice, console or hub")
    return said  # type: ignore[no-any-return]  # checked just above


def open_desk(territories: Mapping[str, Territory], master_key_b64: str) -> Desk:
    """Load each territory's protocol; raises BadTerritory when one cannot be used."""
    sealer = Sealer(master_key_b64)
    for territory in territories.values():
        acknowledgement_of(territory)
    protocols = {territory.id: load_protocol(territory.folder / "protocol.yaml") for territory in territories.values()}
    return Desk(territories, protocols, sealer, Directory(sealer))
