"""What regulation reads from the environment."""

from typing import ClassVar

from shared.settings import MasterKey, ServiceSettings


class RegulationSettings(ServiceSettings):
    """`master_key` wraps the keys of the doctors' words."""

    service: ClassVar[str] = "regulation"

    master_key: MasterKey
