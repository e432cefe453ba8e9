"""The installation that is harmed: a whole stack and its broker (embedded, one Apache Kafka, three of them), every process supervised."""

import os
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient

from recours.day.stage import SERVICES as PLAYING
from recours.stack.environment import OutsideKafka
from recours.stack.stack import TemporaryStack
from recours.stack.state import ProcessState
from recours.stack.supervisor import Member, RestartPolicy, Supervisor
from shared.clock import ClockFile
from shared.events import TOPICS
from shared.kafka import AWAY, read_cluster_id
from shared.testing.apache_kafka import ApacheCluster
from tests.faults.disk import LoopDisk
from tests.faults.schedule import Arsenal

BrokerKind = Literal["embedded", "apache", "three"]
BROKER_COUNT: Mapping[BrokerKind, int] = {"embedded": 0, "apache": 1, "three": 3}

# The supervisor of a real stack gives a process up that dies nine times in five minutes: here that is our doing.
_PATIENT = RestartPolicy(longest_seconds=1.0, limit=1_000, window_seconds=5.0)
_SMALL_HEAP = ("-Xms96m", "-Xmx256m", "-XX:TieredStopAtLevel=1")
_EMBEDDED = "broker"

_RELAY = """
    SELECT cluster_id IS NOT DISTINCT FROM $1 AND refill_to_id IS NULL AND NOT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)
    FROM relay_state
"""
_READERS = "SELECT count(*) FROM consumer_state WHERE cluster_id <> $1"
_PROJECTOR = "SELECT cluster_id = $1 FROM projector_state"
_BURN = "SELECT pg_logical_emit_message(false, 'faults', repeat('x', 4000000))"
_BURNS = 60


class Plant:
    """One stack on a folder of its own, for one day. `async with`."""

    def __init__(
        self, broker: BrokerKind, *, starts_at: datetime, disk: LoopDisk | None = None, say: Callable[[str], None] = lambda _: None
    ) -> None:
        self.broker = broker
        self._say = say
        self._disk = disk
        count = BROKER_COUNT[broker]
        self._cluster = ApacheCluster(count, heap=_SMALL_HEAP) if count else None
        self._brokers = Supervisor(say, policy=_PATIENT)
        outside = None if self._cluster is None else OutsideKafka(self._cluster.bootstrap)
        self.stack = TemporaryStack(policy=_PATIENT, say=say, kafka=outside, within=None if disk is None else disk.folder)
        ClockFile(self.stack.data_dir / "clock", create=True).stand_at(starts_at)

    @property
    def arsenal(self) -> Arsenal:
        """A freeze below and beyond the time after which a group gives a silent member up: 3 s embedded, 10 s on Apache Kafka.

        There each burst lasts that long whoever is hit, hence larger ones.
        """
        if self._cluster is None:
            return Arsenal(self.broker_names, (1.5, 3.0, 5.0), self._disk is not None)
        return Arsenal(self.broker_names, (1.5, 3.0, 12.0), self._disk is not None, burst_sizes=(3, 4, 5, 6, 7, 8))

    @property
    def broker_names(self) -> tuple[str, ...]:
        return (_EMBEDDED,) if self._cluster is None else tuple(f"{_EMBEDDED}-{node.number}" for node in self._cluster.nodes)

    def keep_logs(self, folder: Path) -> None:
        """Copy what every process wrote, for whoever looks for a cause afterwards."""
        shutil.copytree(self.stack.data_dir / "logs", folder, dirs_exist_ok=True)
        for node in self._cluster.nodes if self._cluster is not None else ():
            with suppress(OSError):
                shutil.copy(node.folder / "kafka.log", folder / f"broker-{node.number}.log")

    async def __aenter__(self) -> Self:
        try:
            if self._cluster is not None:
                await self._brokers.start([self._member(self._cluster, number) for number in range(len(self._cluster.nodes))])
            await self.stack.start()
        except BaseException:
            await self._remove()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._remove()

    async def _remove(self) -> None:
        try:
            for name in self.broker_names:
                with suppress(ProcessLookupError):
                    self.signal(name, signal.SIGCONT)  # one that is stopped would not hear that it should leave
            await self.stack.__aexit__(None, None, None)
        finally:
            await self._brokers.stop()
            if self._cluster is not None:
                self._cluster.remove()

    @staticmethod
    def _member(cluster: ApacheCluster, index: int) -> Member:
        node = cluster.nodes[index]
        return Member(f"{_EMBEDDED}-{node.number}", lambda: cluster.prepare(node))

    def state(self, victim: str) -> ProcessState:
        """Of one process, whoever supervises it."""
        name = "kafka" if victim == _EMBEDDED else victim
        return next((one for one in self._states() if one.name == name), ProcessState(name, 0, "stopped"))

    def _states(self) -> Sequence[ProcessState]:
        return [*self.stack.state().processes, *self._brokers.states()]

    def signal(self, victim: str, number: signal.Signals) -> int:
        """Returns the pid that got it; raises ProcessLookupError when there is none just now."""
        pid = self.state(victim).pid
        if pid <= 0:
            raise ProcessLookupError(victim)
        os.kill(pid, number)
        return pid

    async def fill_disk(self) -> None:
        """No block is left, then PostgreSQL is made to write until its journal finds none either."""
        assert self._disk is not None
        # Connected before: a full disk may refuse new connections.
        connection = await asyncpg.connect(self.stack.access.postgres_admin_url, timeout=5, command_timeout=10)
        try:
            self._disk.fill()
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                for _ in range(_BURNS):
                    await connection.execute(_BURN)
        finally:
            connection.terminate()

    def free_disk(self) -> None:
        assert self._disk is not None
        self._disk.free()

    async def is_whole(self, *, log_is_new: bool = False) -> bool:
        """Beyond « settled »: with `log_is_new` every relay, group and projection knows the present log and has refilled it; three brokers
        have all their copies in step."""
        if log_is_new and self._cluster is None and not await self._everybody_knows_the_log():
            return False
        return self.broker != "three" or await self._copies_are_in_step()

    async def _everybody_knows_the_log(self) -> bool:
        access = self.stack.access
        try:
            present = await read_cluster_id(access.kafka_bootstrap)
            for service in PLAYING:
                connection = await asyncpg.connect(access.database_url(service), timeout=5, command_timeout=5)
                try:
                    asked = _PROJECTOR if service == "pilotage" else _RELAY
                    if not await connection.fetchval(asked, present) or await connection.fetchval(_READERS, present):
                        return False
                finally:
                    await connection.close()
        except (*AWAY, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    async def _copies_are_in_step(self) -> bool:
        admin = AIOKafkaAdminClient(
            bootstrap_servers=self.stack.access.kafka_bootstrap, request_timeout_ms=3_000, client_id="recours-faults"
        )
        try:
            await admin.start()
            described = await admin.describe_topics([*TOPICS, "__consumer_offsets"])
        except AWAY:
            return False
        finally:
            await admin.close()
        return all(len(partition["isr"]) == 3 for topic in described for partition in topic["partitions"])
