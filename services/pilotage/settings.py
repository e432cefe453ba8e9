"""What pilotage reads from the environment."""

from typing import Annotated, ClassVar

from pydantic import Field

from shared.settings import ServiceSettings


class PilotageSettings(ServiceSettings):
    """`batch_records` facts are folded in one transaction at most: more is faster to rebuild, less is sooner to see.

    Every `cluster_check_seconds` the broker is asked whether it still is the log that our positions belong to.
    """

    service: ClassVar[str] = "pilotage"

    batch_records: Annotated[int, Field(ge=1, le=50_000)] = 10_000
    partition_fetch_bytes: Annotated[int, Field(ge=64 * 1024)] = 2 * 1024 * 1024
    cluster_check_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
