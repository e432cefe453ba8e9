"""Apache Kafka for tests: left out with the reason where it cannot run, unless the run requires it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from recours.stack.apache_kafka import JARS, ApacheCluster, ApacheKafka, Node, version, why_not

__all__ = ["JARS", "ApacheCluster", "ApacheKafka", "Node", "is_required", "running_apache_kafka", "version", "why_not"]


def is_required() -> bool:
    """Whether a run without it must fail."""
    return os.environ.get("RECOURS_APACHE_KAFKA") == "required"


@contextmanager
def running_apache_kafka() -> "Iterator[ApacheKafka]":
    """A started broker. Where it cannot run the test is left out with the reason, or fails when it is required."""
    reason = why_not()
    if reason is not None:
        if is_required():
            pytest.fail(f"Apache Kafka is required: {reason}")
        pytest.skip(f"Apache Kafka left out: {reason}")
    broker = ApacheKafka()
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
