"""The delivery tests run on both brokers: the embedded one, and Apache Kafka (marked `apache`)."""

import pytest

from recours.stack.servers import Servers


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.apache)])
def kafka_bootstrap(request: pytest.FixtureRequest, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> str:
    """host:port of the broker under test; Apache Kafka gets the producer and the session that a real deployment has."""
    if request.param == "embedded":
        return servers.kafka_bootstrap
    monkeypatch.setenv("RECOURS_KAFKA_IDEMPOTENCE", "true")
    monkeypatch.setenv("RECOURS_KAFKA_SESSION_TIMEOUT_MS", "10000")
    bootstrap: str = request.getfixturevalue("apache_kafka").bootstrap
    return bootstrap
