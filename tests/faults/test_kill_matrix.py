"""Two hundred faults over full days on each kind of broker (docs/faults.md); `python -m tests.faults` does the same."""

import json

import pytest

from shared.testing import apache_kafka
from tests.faults.plant import BROKER_COUNT, BrokerKind
from tests.faults.proof import prove

SEED, FAULTS = 3, 200
_DEADLINE_SECONDS = 2_400.0

pytestmark = [pytest.mark.proof, pytest.mark.stack, pytest.mark.timeout(_DEADLINE_SECONDS + 240)]


@pytest.mark.parametrize(
    "broker", ["embedded", pytest.param("apache", marks=pytest.mark.apache), pytest.param("three", marks=pytest.mark.apache)]
)
async def test_two_hundred_faults_lose_nothing_repeat_nothing_and_are_caught_up_with_in_half_a_minute(broker: BrokerKind) -> None:
    reason = apache_kafka.why_not() if BROKER_COUNT[broker] else None
    if reason is not None:
        if apache_kafka.is_required():
            pytest.fail(f"Apache Kafka is required: {reason}")
        pytest.skip(f"Apache Kafka left out: {reason}")
    proof = await prove(broker, faults=FAULTS, seed=SEED, deadline_seconds=_DEADLINE_SECONDS)
    print(json.dumps(proof.body(), default=str))
    assert proof.failures == [], proof.table()
