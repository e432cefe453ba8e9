"""What teleconsult reads from the environment: nothing of its own yet."""

from typing import ClassVar

from shared.settings import ServiceSettings


class TeleconsultSettings(ServiceSettings):
    service: ClassVar[str] = "teleconsult"
