"""Topics are created here and nowhere else; clients never do. Their number of partitions is chosen once and never changed."""

from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from recours.operations.settings import setting
from shared.events.registry import TOPICS

_BROKERS_FOR_REPLICAS = 3


async def create_topics(settings: Mapping[str, str], topics: Iterable[str] = TOPICS) -> list[str]:
    """Create the topics that are missing and return them. Facts are kept for ever (`retention.ms=-1`)."""
    bootstrap = setting(settings, "RECOURS_KAFKA_BOOTSTRAP")
    prefix = settings.get("RECOURS_TOPIC_PREFIX", "")
    partitions = int(settings.get("RECOURS_KAFKA_PARTITIONS", "3"))
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=bootstrap)  # aiokafka's admin is only partly typed
    await admin.start()
    try:
        replicated = len((await admin.describe_cluster())["brokers"]) >= _BROKERS_FOR_REPLICAS
        response = await admin.create_topics([_topic(prefix + topic, partitions, replicated) for topic in topics])
    finally:
        await admin.close()
    created = []
    for name, code, *_ in response.topic_errors:
        error = for_code(code)
        if code == 0:
            created.append(name)
        elif error is not TopicAlreadyExistsError:
            raise error(f"topic {name} was not created")
    return created


def _topic(name: str, partitions: int, replicated: bool) -> Any:
    config = {"retention.ms": "-1", "cleanup.policy": "delete"}
    if not replicated:
        return NewTopic(name, partitions, 1, topic_configs=config)  # type: ignore[no-untyped-call]  # untyped in aiokafka
    return NewTopic(name, partitions, _BROKERS_FOR_REPLICAS, topic_configs=config | {"min.insync.replicas": "2"})  # type: ignore[no-untyped-call]
