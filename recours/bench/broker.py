"""Which broker a measure runs on: the embedded one, or an Apache Kafka of its own that is thrown away afterwards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

from recours.stack.apache_kafka import ApacheKafka, version, why_not
from recours.stack.environment import OutsideKafka
from recours.stack.errors import StackError


class Broker(StrEnum):
    """`--broker`."""

    EMBEDDED = "embedded"
    APACHE = "apache"


@asynccontextmanager
async def running(broker: Broker) -> AsyncIterator[OutsideKafka | None]:
    """The Kafka to give to a stack: None is its embedded one. Raises StackError where Apache Kafka cannot run."""
    if broker is Broker.EMBEDDED:
        yield None
        return
    reason = why_not()
    if reason is not None:
        raise StackError(f"Apache Kafka cannot run here: {reason}")
    apache = ApacheKafka()
    try:
        await asyncio.to_thread(apache.start)
        yield OutsideKafka(apache.bootstrap)
    finally:
        await asyncio.to_thread(apache.stop)


def name(broker: Broker) -> str:
    """« Apache Kafka 4.1.0, one broker »."""
    return "embedded broker (Tansu)" if broker is Broker.EMBEDDED else f"Apache Kafka {version()}, one broker"
