"""The schedule of faults: the same seed, the same accidents; nobody is hit twice at once."""

from collections import Counter
from datetime import UTC, datetime
from itertools import groupby

from recours.stack.ports import SERVICES
from tests.faults.schedule import Arsenal, Fault, Freeze, FullDisk, Kill, Outage, draw

OPENS, ENDS = datetime(2026, 3, 2, 7, tzinfo=UTC), datetime(2026, 3, 2, 19, 15, tzinfo=UTC)
THREE = Arsenal(("broker-1", "broker-2", "broker-3"), (1.5, 12.0), has_disk=True, burst_sizes=(3, 5, 8))


def drawn(seed: str = "3", count: int = 50) -> list[Fault]:
    return draw(seed, OPENS, ENDS, count, THREE, outages=1)


def test_the_same_seed_gives_the_same_accidents() -> None:
    assert drawn() == drawn()
    assert drawn() != drawn("4")


def test_every_process_is_hit_and_every_kind_happens() -> None:
    faults = drawn(count=50)
    assert len(faults) == 50
    killed = Counter(fault.kind.victim for fault in faults if isinstance(fault.kind, Kill))
    assert set(killed) == {*SERVICES, "postgres", "valkey", "broker-1", "broker-2", "broker-3"}
    assert {type(fault.kind) for fault in faults} == {Kill, Freeze, FullDisk, Outage}


def test_in_a_burst_nobody_is_hit_twice_one_broker_at_most_dies_and_the_whole_installation_is_never_hit_beside() -> None:
    faults = drawn(count=400)
    assert faults == sorted(faults, key=lambda fault: fault.at)
    for _, burst in groupby(faults, key=lambda fault: fault.at):
        kinds = [fault.kind for fault in burst]
        hit = [kind.victim for kind in kinds if isinstance(kind, Kill | Freeze)]
        assert len(hit) == len(set(hit)) <= 8
        assert sum(name.startswith("broker") for name in hit) <= 1
        if any(isinstance(kind, FullDisk | Outage) for kind in kinds):
            assert len(kinds) == 1
