"""What orientation reads from the environment: nothing of its own yet."""

from typing import ClassVar

from shared.settings import ServiceSettings


class OrientationSettings(ServiceSettings):
    service: ClassVar[str] = "orientation"
