"""From the command that qualifies a request to the GP's screen: allocation by event, hint, refetch, everything as in a real day.

Requests arrive at drawn instants whatever the answers do (an open loop): a slow answer delays nobody else's start, and its wait counts
from the instant at which it should have been sent.
"""

import asyncio
import json
import random
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import asyncpg

from recours.bench import machine
from recours.bench.broker import Broker, name, running
from recours.bench.browser import GpPage
from recours.bench.machine import say
from recours.bench.surgeries import Caller, Surgeries
from recours.stack.environment import Access
from recours.stack.errors import StackError
from recours.stack.stack import TemporaryStack
from shared.clock import ClockFile
from shared.errors import RecoursError

TARGET_P99_MS, TARGET_RATE = 250, 5.0
"""design.md, Targets."""

_DAY = date(2026, 3, 2)  # a Monday
_BEFORE_THE_DOORS_OPEN = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
_PLACES_A_DOCTOR = 30  # 20-minute slots from 8 to 20, some left over
_SETTLE_SECONDS = 30.0
_STAGES = ("commit", "to_scheduling", "allocation", "to_console", "refetch")

_QUALIFIED = "SELECT event_id, key, recorded_at, published_at FROM outbox WHERE event_type = 'intake.RequestQualified.v1'"
_CLAIMED = "SELECT event_id, claimed_at FROM inbox WHERE event_id = ANY($1::uuid[])"
_BOOKED = "SELECT key, recorded_at, published_at, body FROM outbox WHERE event_type = 'scheduling.AppointmentBooked.v1'"


@dataclass(frozen=True)
class Size:
    """`rates` are requests a second, each for `seconds`; the warm-up before them is not counted."""

    rates: tuple[float, ...] = (5.0, 10.0)
    seconds: float = 60.0
    warm_up_seconds: float = 10.0
    seed: int = 7
    broker: Broker = Broker.APACHE

    def arrivals(self) -> list[tuple[float | None, list[float]]]:
        """Seconds from the start of each phase; the first phase, of no rate, warms up."""
        dice = random.Random(self.seed)
        phases: list[tuple[float | None, list[float]]] = [(None, _poisson(dice, TARGET_RATE, self.warm_up_seconds))]
        return phases + [(rate, _poisson(dice, rate, self.seconds)) for rate in self.rates]


def _poisson(dice: random.Random, rate: float, seconds: float) -> list[float]:
    instants, at = [], dice.expovariate(rate)
    while at < seconds:
        instants.append(at)
        at += dice.expovariate(rate)
    return instants


async def measure(size: Size) -> dict[str, Any]:
    """A stack of its own on the broker; raises StackError when a command is refused."""
    limits = machine.describe()
    phases = size.arrivals()
    total = sum(len(instants) for _, instants in phases)
    async with AsyncExitStack() as closing:
        kafka = await closing.enter_async_context(running(size.broker))
        stack = TemporaryStack(load=False, kafka=kafka)
        ClockFile(stack.data_dir / "clock", create=True).stand_at(_BEFORE_THE_DOORS_OPEN)
        await closing.enter_async_context(stack)
        surgeries = Surgeries(stack.access)
        closing.push_async_callback(surgeries.close)
        gps = await surgeries.open(total // _PLACES_A_DOCTOR + 2, _DAY)
        say(f"{len(gps)} doctors, preparing {total} callers")
        waiting = iter(await surgeries.callers(total))
        console = stack.access.url("console")
        pages = [await closing.enter_async_context(GpPage(console, gp.login, gp.password)) for gp in gps]
        rates = {}
        for rate, instants in phases:
            say(f"{'warming up' if rate is None else f'{rate:g} a second'}: {len(instants)} requests")
            sent = await _send([(at, next(waiting)) for at in instants])
            seen = await _seen(stack.access, sent, pages)
            if rate is not None:
                rates[f"{rate:g}"] = _figures(seen, len(sent))
    return {
        "rates": rates,
        "p50_ms": {rate: found["p50_ms"] for rate, found in rates.items()},
        "p99_ms": {rate: found["p99_ms"] for rate, found in rates.items()},
        "target": {"rate": TARGET_RATE, "p99_ms": TARGET_P99_MS},
        "broker": name(size.broker),
        "doctors": len(pages),
        "seconds_per_rate": size.seconds,
        "seed": size.seed,
        "refetches": sum(page.refetches for page in pages),
        "failed_refetches": sum(page.failures for page in pages),
        "machine": limits,
    }


async def _send(planned: list[tuple[float, Caller]]) -> dict[UUID, float]:
    """Each at its own instant; returns those instants by request."""
    start = time.time()
    sent: dict[UUID, float] = {}

    async def one(at: float, caller: Caller) -> None:
        await asyncio.sleep(start + at - time.time())
        sent[caller.request_id] = start + at
        await caller.is_qualified()

    try:
        await asyncio.gather(*(one(at, caller) for at, caller in planned))
    except RecoursError as refusal:
        raise StackError(f"a request was refused: {refusal.code}") from refusal
    return sent


@dataclass(frozen=True)
class _Seen:
    """Instants of one request, machine's clock: when it should have been sent, was recorded, consumed, booked, asked for and shown."""

    sent: float
    qualified: float
    relayed: float
    consumed: float
    booked: float
    relayed_again: float
    asked: float
    shown: float

    @property
    def milliseconds(self) -> float:
        return (self.shown - self.sent) * 1000

    def stages(self) -> tuple[float, ...]:
        """Milliseconds in the order of `_STAGES`; they add up."""
        ends = (self.sent, self.qualified, self.consumed, self.booked, self.asked, self.shown)
        return tuple((after - before) * 1000 for before, after in pairwise(ends))


async def _seen(access: Access, sent: dict[UUID, float], pages: list[GpPage]) -> list[_Seen]:
    """Wait until every request stands on its doctor's page, or half a minute; those that never came are missing."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        found = await _join(access, sent, {appointment: at for page in pages for appointment, at in page.shown.items()})
        if len(found) == len(sent) or time.monotonic() > deadline:
            return found
        await asyncio.sleep(0.5)


async def _join(access: Access, sent: dict[UUID, float], shown: dict[UUID, tuple[float, float]]) -> list[_Seen]:
    intake, scheduling = await _connect(access, "intake"), await _connect(access, "scheduling")
    try:
        qualified = {UUID(row["key"]): row for row in await intake.fetch(_QUALIFIED) if UUID(row["key"]) in sent}
        ids = [row["event_id"] for row in qualified.values()]
        claimed = {row["event_id"]: row["claimed_at"].timestamp() for row in await scheduling.fetch(_CLAIMED, ids)}
        booked = {UUID(row["key"]): row for row in await scheduling.fetch(_BOOKED) if UUID(row["key"]) in sent}
    finally:
        await intake.close()
        await scheduling.close()
    seen = []
    for request_id, row in booked.items():
        first = qualified[request_id]
        on_page = shown.get(UUID(json.loads(row["body"])["appointment_id"]))
        if on_page is not None and row["published_at"] is not None and first["published_at"] is not None:
            seen.append(
                _Seen(
                    sent[request_id], first["recorded_at"].timestamp(), first["published_at"].timestamp(), claimed[first["event_id"]],
                    row["recorded_at"].timestamp(), row["published_at"].timestamp(), *on_page,
                )
            )  # fmt: skip
    return seen


async def _connect(access: Access, service: str) -> "asyncpg.Connection[asyncpg.Record]":
    return await asyncpg.connect(access.database_url(service))


def _figures(seen: list[_Seen], sent: int) -> dict[str, Any]:
    times = sorted(one.milliseconds for one in seen)
    stages = list(zip(*(one.stages() for one in seen), strict=True)) or [()] * len(_STAGES)
    return {
        "sent": sent,
        "shown": len(seen),
        "p50_ms": quantile(times, 0.5),
        "p95_ms": quantile(times, 0.95),
        "p99_ms": quantile(times, 0.99),
        "max_ms": quantile(times, 1.0),
        "stages_ms": {
            stage: {"p50": quantile(sorted(values), 0.5), "p99": quantile(sorted(values), 0.99)}
            for stage, values in zip(_STAGES, stages, strict=True)
        },
        "relay_confirmed_ms": {
            "intake_p50": quantile(sorted((one.relayed - one.qualified) * 1000 for one in seen), 0.5),
            "scheduling_p50": quantile(sorted((one.relayed_again - one.booked) * 1000 for one in seen), 0.5),
        },
    }


def quantile(ascending: list[float], share: float) -> float | None:
    """The value that `share` of them do not exceed (nearest rank); None of nothing."""
    if not ascending:
        return None
    return round(ascending[min(len(ascending) - 1, max(0, -(-int(share * 1000) * len(ascending) // 1000) - 1))], 1)


def table(measured: dict[str, Any]) -> str:
    """Each rate with where its time goes, beside the target, and the machine it is of."""
    rows = []
    for rate, found in measured["rates"].items():
        target = f"< {TARGET_P99_MS}" if float(rate) == TARGET_RATE else ""
        rows.append((f"event to screen at {rate}/s, p50 (ms)", f"{found['p50_ms']}", ""))
        rows.append((f"event to screen at {rate}/s, p99 (ms)", f"{found['p99_ms']}", target))
        rows.append(("  shown of sent", f"{found['shown']} of {found['sent']}", ""))
        for stage, values in found["stages_ms"].items():
            rows.append((f"  {stage}, p50 / p99 (ms)", f"{values['p50']} / {values['p99']}", ""))
    return machine.table(measured["machine"], [("broker", measured["broker"], ""), *rows])
