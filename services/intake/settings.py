"""What intake reads from the environment beyond every service."""

from typing import ClassVar

from shared.settings import MasterKey, ServiceSettings


class IntakeSettings(ServiceSettings):
    """`RECOURS_MASTER_KEY` wraps the data keys: it is never in a database nor in its backup."""

    service: ClassVar[str] = "intake"

    master_key: MasterKey
