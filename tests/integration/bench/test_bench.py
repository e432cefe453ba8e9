"""Each measure runs end to end on a tiny size and says what it promises to say; no figure is judged here."""

import asyncio
import json
from typing import Any

import pytest

from recours.bench import command, latency
from recours.bench.broker import Broker
from recours.stack.apache_kafka import why_not
from shared.testing.apache_kafka import is_required

pytestmark = pytest.mark.stack


def bench(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """`recours bench … --json`."""
    command.app(args=[*arguments, "--json"], standalone_mode=False)
    measured: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert measured["machine"]["cores"] > 0
    return measured


def test_the_limits_of_this_machine_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    measured = bench(capsys, "limits", "--seconds", "0.1", "--broker", "embedded")
    assert all(count > 0 for count in [*measured["producer_per_second"].values(), *measured["sql_inserts_per_second"].values()])
    assert measured["disk_syncs_per_second"] > 0


def test_a_full_outbox_is_emptied_and_timed(capsys: pytest.CaptureFixture[str]) -> None:
    measured = bench(capsys, "relay", "--events", "2000", "--broker", "embedded")
    assert (measured["events"], [count > 0 for count in measured["events_per_second"].values()]) == (2000, [True])


def test_a_rebuild_is_timed(capsys: pytest.CaptureFixture[str]) -> None:
    measured = bench(capsys, "replay", "--events", "2000")
    assert (measured["events"], len(measured["rebuild_seconds"])) == (2000, 2)
    assert measured["events_per_second"] > 0


@pytest.mark.parametrize("broker", [Broker.EMBEDDED, pytest.param(Broker.APACHE, marks=[pytest.mark.apache, pytest.mark.proof])])
def test_every_request_that_was_sent_is_seen_on_its_doctors_page(broker: Broker) -> None:
    if broker is Broker.APACHE and (reason := why_not()) is not None:
        pytest.fail(reason) if is_required() else pytest.skip(f"Apache Kafka left out: {reason}")
    measured = asyncio.run(latency.measure(latency.Size(rates=(3.0,), seconds=2, warm_up_seconds=0.5, broker=broker)))
    found = measured["rates"]["3"]
    assert (found["sent"] > 0, found["shown"], measured["failed_refetches"]) == (True, found["sent"], 0)
    assert found["p50_ms"] <= found["p99_ms"] <= found["max_ms"]
    assert all(stage["p50"] is not None for stage in found["stages_ms"].values())
    assert f"{found['p99_ms']}" in latency.table(measured)
