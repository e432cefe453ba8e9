"""Topics are created here and nowhere else; clients never do. Their number of partitions is chosen once and never changed."""

from collections.abc import Mapping

from recours.operations.settings import setting
from shared import kafka
from shared.kafka import KafkaAddress

_REPLICAS = 3


async def create_topics(settings: Mapping[str, str]) -> list[str]:
    """Create the topics that are missing and return them; three replicas, two in sync, where there are three brokers."""
    bootstrap = setting(settings, "RECOURS_KAFKA_BOOTSTRAP")
    address = KafkaAddress(bootstrap, settings.get("RECOURS_TOPIC_PREFIX", ""))
    partitions = int(settings.get("RECOURS_KAFKA_PARTITIONS", "3"))
    if len(bootstrap.split(",")) >= _REPLICAS:
        return await kafka.create_topics(address, partitions=partitions, replication=_REPLICAS, min_insync=2)
    return await kafka.create_topics(address, partitions=partitions)
