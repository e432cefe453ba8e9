"""The broker as the kernel uses it: which log is behind the address, and which topics must exist."""

import asyncio
from dataclasses import dataclass

import aiokafka.client
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError
from aiokafka.protocol.metadata import MetadataRequest

from shared.events.registry import TOPICS

# What the kernel treats as "the broker is away": it waits and tries again, it never fails a command.
AWAY = (KafkaError, OSError, TimeoutError)
_ASK_SECONDS = 5.0


class _AskOnly(MetadataRequest):
    """aiokafka asks the broker to make a topic that is missing, and has no setting for it.

    The embedded broker does so, with partitions of its own number: a reader that met it just before `recours topics` waited for ever
    for a partition that was gone a moment later.
    """

    def __init__(self, topics: list[str] | None = None) -> None:
        super().__init__(topics, allow_auto_topic_creation=False)


aiokafka.client.MetadataRequest = _AskOnly  # type: ignore[assignment, attr-defined]  # the class that every client of this process asks with


@dataclass(frozen=True)
class KafkaAddress:
    """Where the log is, and the prefix that keeps tests (or territories of a shared cluster) apart."""

    bootstrap: str
    prefix: str = ""

    def topic(self, name: str) -> str:
        """The broker's name of one of our topics."""
        return self.prefix + name

    def ours(self, topic: str) -> str:
        """Our name of a broker's topic."""
        return topic.removeprefix(self.prefix)


async def read_cluster_id(bootstrap: str) -> str:
    """The identity of the log behind the address; raises one of AWAY."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=int(_ASK_SECONDS * 1000), client_id="recours-cluster")
    try:
        await asyncio.wait_for(admin.start(), _ASK_SECONDS)
        described = await asyncio.wait_for(admin.describe_cluster(), _ASK_SECONDS)
        return str(described["cluster_id"])
    finally:
        await admin.close()


async def create_topics(address: KafkaAddress, *, partitions: int, replication: int = 1, min_insync: int = 1) -> list[str]:
    """Make the topics that are missing and return their names; those that exist are left as they are."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address.bootstrap, request_timeout_ms=10_000, client_id="recours-topics")
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        configs = {"retention.ms": "-1", "min.insync.replicas": str(min_insync)}
        missing = [
            NewTopic(address.topic(name), partitions, replication, topic_configs=configs)
            for name in TOPICS
            if address.topic(name) not in existing
        ]
        for topic in missing:
            try:
                response = await admin.create_topics([topic])
            except TopicAlreadyExistsError:
                continue
            _raise_unless_created(response)
        return [topic.name for topic in missing]
    finally:
        await admin.close()


def _raise_unless_created(response: object) -> None:
    for name, code, *_ in getattr(response, "topic_errors", ()):
        if code not in (0, TopicAlreadyExistsError.errno):
            raise KafkaError(f"topic {name} was refused with code {code}")
