"""pilotage rebuilt from the log: how many facts a second are read, kept and folded again."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer

from recours.bench import machine
from recours.bench.broker import Broker, name, running
from recours.bench.history import facts
from recours.bench.machine import say
from recours.stack.stack import TemporaryStack
from shared.events.base import Event, headers_of
from shared.kafka import KafkaAddress

TARGET_PER_SECOND = 10_000
"""design.md, Targets."""

_LOOK_SECONDS = 0.05
_PATIENCE_SECONDS = 600.0


async def measure(events: int, seed: int, broker: Broker, *, repeats: int = 2) -> dict[str, Any]:
    """Put the history on the log, let pilotage read it, then rebuild: from the operator's command until the last fact is committed."""
    limits = machine.describe()
    history = facts(events, seed)
    async with running(broker) as kafka, TemporaryStack(services=("pilotage",), load=False, kafka=kafka) as stack:
        say(f"writing {events} facts to the log")
        written = await write(KafkaAddress(stack.access.kafka_bootstrap), history)
        async with httpx.AsyncClient(base_url=stack.access.ops_url("pilotage"), timeout=30, trust_env=False) as ops:
            first = await _until_folded(ops, events)
            rebuilds = []
            for _ in range(repeats):
                began = time.perf_counter()
                (await ops.post("/internal/rebuild")).raise_for_status()
                await _until_folded(ops, events, after_rebuild=True)
                rebuilds.append(time.perf_counter() - began)
                say(f"rebuilt in {rebuilds[-1]:.1f} s")
    return {
        "events_per_second": round(events / min(rebuilds)),
        "events": events,
        "seed": seed,
        "broker": name(broker),
        "rebuild_seconds": [round(one, 2) for one in rebuilds],
        "first_reading_seconds": round(first, 2),
        "written_per_second": round(events / written),
        "target_per_second": TARGET_PER_SECOND,
        "machine": limits,
    }


async def write(address: KafkaAddress, history: Sequence[Event]) -> float:
    """All of them confirmed, as the relays write them; how many seconds it took."""
    producer = AIOKafkaProducer(bootstrap_servers=address.bootstrap, acks="all", linger_ms=5)
    await producer.start()
    began = time.perf_counter()
    try:
        sent = []
        for fact in history:
            headers = headers_of(fact, recorded_at=fact.occurred_at, traceparent=None)
            wire = [(name, value.encode()) for name, value in headers.items()]
            sent.append(await producer.send(address.topic(fact.topic), fact.body(), key=fact.key.encode(), headers=wire))
        await asyncio.gather(*sent)
        return time.perf_counter() - began
    finally:
        await producer.stop()


async def _until_folded(ops: httpx.AsyncClient, count: int, *, after_rebuild: bool = False) -> float:
    """Wait until `count` facts are committed (and, after the command to rebuild, until it was heard); returns the seconds waited."""
    began = time.perf_counter()
    heard = not after_rebuild
    while True:
        answer = await ops.get("/internal/settled")
        if answer.status_code == 200:
            report = answer.json()
            folded = report["counters"].get("folded", 0)
            heard = heard or folded < count
            if heard and folded == count:
                return time.perf_counter() - began
        if time.perf_counter() - began > _PATIENCE_SECONDS:
            raise TimeoutError(f"pilotage did not read {count} facts")
        await asyncio.sleep(_LOOK_SECONDS)


def table(measured: dict[str, Any]) -> str:
    """The figure beside its target, and the machine it is of."""
    return machine.table(
        measured["machine"],
        [
            ("pilotage rebuilt from the log (events/s)", f"{measured['events_per_second']}", f">= {TARGET_PER_SECOND}"),
            ("broker", measured["broker"], ""),
            ("facts on the log", f"{measured['events']}", ""),
            ("seconds of each rebuild", " ".join(f"{one:.1f}" for one in measured["rebuild_seconds"]), ""),
            ("the log written (records/s)", f"{measured['written_per_second']}", ""),
        ],
    )
