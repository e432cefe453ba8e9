"""What the embedded stack decides without touching a server."""

import socket
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recours.stack.business_clock import BusinessClock
from recours.stack.disk import NEEDED_BYTES, RECOVERY_BYTES, refuse_full, why_wait
from recours.stack.environment import Access, OutsideKafka
from recours.stack.errors import DiskFull, PortTaken, StackError
from recours.stack.logs import limit_size
from recours.stack.ports import HOST, SERVICES, Ports, free_base, refuse_taken
from recours.stack.postgres import first_closed_folder
from recours.stack.process import Account
from recours.stack.secrets import Secrets
from recours.stack.state import StackState, boot_id
from recours.stack.supervisor import RestartPolicy
from shared.clock import ClockFile


def test_the_first_crash_is_repaired_at_once_and_the_next_ones_later_and_later() -> None:
    policy = RestartPolicy(first_seconds=0.2, factor=2.0, longest_seconds=1.0, limit=5, window_seconds=60.0)

    delays = [policy.delay([0.0] * crashes, now=0.0) for crashes in range(1, 6)]

    assert delays == [0.2, 0.4, 0.8, 1.0, 1.0]


def test_a_process_that_goes_on_crashing_is_given_up() -> None:
    policy = RestartPolicy(limit=3, window_seconds=60.0)

    assert policy.delay([1.0, 2.0, 3.0], now=3.0) is not None
    assert policy.delay([1.0, 2.0, 3.0, 4.0], now=4.0) is None


def test_crashes_of_long_ago_are_forgiven() -> None:
    policy = RestartPolicy(first_seconds=0.2, limit=3, window_seconds=60.0)

    assert policy.delay([1.0, 2.0, 3.0, 100.0], now=100.0) == 0.2


def test_every_use_has_a_port_of_its_own() -> None:
    ports = Ports(8700)

    used = ports.by_use()

    assert len(set(used.values())) == len(used) == 3 + 2 * len(SERVICES)
    assert (ports.http("console"), ports.http("pilotage"), ports.ops("console"), ports.ops("pilotage")) == (8700, 8706, 8720, 8726)
    assert (ports.server("postgres"), ports.server("valkey"), ports.server("kafka")) == (8710, 8711, 8712)


def test_a_taken_port_is_named_with_its_use_and_the_setting_to_change() -> None:
    ports = free_base()
    with socket.socket() as other:
        other.bind((HOST, ports.http("scheduling")))
        other.listen()

        with pytest.raises(PortTaken, match=rf"{ports.http('scheduling')} \(for scheduling\).*RECOURS_PORT_BASE"):
            refuse_taken(ports)

    refuse_taken(ports)


def test_a_port_base_out_of_range_is_refused_by_its_name() -> None:
    with pytest.raises(StackError, match="RECOURS_PORT_BASE=80"):
        Ports(80)


def test_a_nearly_full_disk_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match=r"499 MB free in .*500 MB needed.*RECOURS_DATA_DIR"):
        refuse_full(tmp_path, lambda _: NEEDED_BYTES - 1)

    refuse_full(tmp_path, lambda _: NEEDED_BYTES)


def test_a_database_that_stopped_on_a_full_disk_waits_for_space(tmp_path: Path) -> None:
    reason = why_wait(tmp_path, lambda _: RECOVERY_BYTES - 1)
    assert reason is not None and "49 MB free" in reason
    assert why_wait(tmp_path, lambda _: RECOVERY_BYTES) is None


def test_secrets_are_made_once_and_only_their_owner_may_read_them(tmp_path: Path) -> None:
    first = Secrets.open(tmp_path)
    second = Secrets.open(tmp_path)

    assert (tmp_path / "secrets.env").stat().st_mode & 0o777 == 0o600
    assert first["RECOURS_MASTER_KEY"] == second["RECOURS_MASTER_KEY"]
    assert first.role_password("intake") != first.role_password("intake_owner")


def test_secrets_of_a_newer_version_are_added_and_the_others_stay(tmp_path: Path) -> None:
    kept = Secrets.open(tmp_path)["RECOURS_MASTER_KEY"]
    file = tmp_path / "secrets.env"
    file.write_text("".join(line for line in file.read_text().splitlines(keepends=True) if "VALKEY" not in line))

    reopened = Secrets.open(tmp_path)

    assert reopened["RECOURS_MASTER_KEY"] == kept
    assert reopened["RECOURS_VALKEY_PASSWORD"]


def test_secrets_that_others_may_read_are_refused(tmp_path: Path) -> None:
    Secrets.open(tmp_path)
    (tmp_path / "secrets.env").chmod(0o640)

    with pytest.raises(StackError, match="chmod 600"):
        Secrets.open(tmp_path)


def test_lost_secrets_are_never_replaced_under_an_existing_database(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("18\n")

    with pytest.raises(StackError, match="put the file back"):
        Secrets.open(tmp_path)


def test_a_service_gets_its_own_secrets_and_no_other_service_s(tmp_path: Path) -> None:
    access = Access(tmp_path, Ports(8700), Secrets.open(tmp_path))

    for service in SERVICES:
        values = " ".join(access.environment(service).values())
        assert access.secrets.role_password(service) in values
        assert access.secrets["RECOURS_POSTGRES_PASSWORD"] not in values
        assert (access.secrets["RECOURS_MASTER_KEY"] in values) == (service in ("intake", "regulation"))
        assert (access.token_private_key in values) == (service == "console")
        for other in SERVICES:
            assert access.secrets.role_password(f"{other}_owner") not in values
            assert other == service or access.secrets.role_password(other) not in values


def test_on_an_outside_kafka_every_process_reaches_it_with_the_settings_of_production(tmp_path: Path) -> None:
    bootstrap = "127.0.0.1:9092,127.0.0.1:9093,127.0.0.1:9094"
    access = Access(tmp_path, Ports(8700), Secrets.open(tmp_path), OutsideKafka(bootstrap))
    expected = {
        "RECOURS_KAFKA_BOOTSTRAP": bootstrap, "RECOURS_KAFKA_REFILL": "manual", "RECOURS_KAFKA_IDEMPOTENCE": "true",
        "RECOURS_KAFKA_PARTITIONS": "12",
    }  # fmt: skip
    for given in (access.settings(), access.environment("intake")):
        assert {name: given[name] for name in expected} == expected

    StackState(1, boot_id(), "ready", 8700, {}, [], kafka=bootstrap).write(tmp_path)
    kept = StackState.read(tmp_path)
    assert kept is not None and kept.kafka == bootstrap


def test_the_state_of_a_stack_holds_no_secret_and_is_forgotten_when_the_machine_restarts(tmp_path: Path) -> None:
    state = StackState(pid=1, boot_id=boot_id(), condition="ready", port_base=8700, urls={"console": "http://127.0.0.1:8700"}, processes=[])
    state.write(tmp_path)
    assert StackState.read(tmp_path) == state

    StackState(**{**state.__dict__, "boot_id": "another"}).write(tmp_path)
    assert StackState.read(tmp_path) is None


def test_a_log_past_its_limit_is_put_aside_and_begins_again(tmp_path: Path) -> None:
    log = tmp_path / "intake.log"
    log.write_text("x" * 100)

    assert not limit_size(log, limit_bytes=100)
    assert limit_size(log, limit_bytes=99)
    assert (log.stat().st_size, (tmp_path / "intake.log.1").read_text()) == (0, "x" * 100)


def test_business_time_starts_with_the_machine_s_and_runs(tmp_path: Path) -> None:
    clock = BusinessClock(tmp_path).open()

    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert not clock.standing_still


def test_after_a_simulated_day_the_next_start_goes_on_from_there(tmp_path: Path) -> None:
    evening = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
    business = BusinessClock(tmp_path)
    business.open().stand_at(evening)

    clock = BusinessClock(tmp_path).open()

    assert not clock.standing_still
    assert evening <= clock.now() < evening + timedelta(minutes=1)


def test_after_a_restart_of_the_machine_business_time_keeps_its_distance(tmp_path: Path) -> None:
    business = BusinessClock(tmp_path)
    clock = business.open()
    clock.run_from(datetime.now(UTC) - timedelta(days=100))
    business.keep(clock)
    kept = tmp_path / "clock.json"
    kept.write_text(kept.read_text().replace(boot_id(), "the boot before"))
    ClockFile(tmp_path / "clock").run_from(datetime(1990, 1, 1, tzinfo=UTC))

    reopened = BusinessClock(tmp_path).open()

    assert abs(datetime.now(UTC) - timedelta(days=100) - reopened.now()) < timedelta(seconds=5)


def test_the_folder_that_keeps_an_account_out_is_found() -> None:
    stranger = Account("stranger", 54321, 54321)
    with tempfile.TemporaryDirectory() as name:
        top, closed = Path(name), Path(name) / "closed"
        closed.mkdir(mode=0o700)
        (closed / "data").mkdir()
        top.chmod(0o711)

        assert first_closed_folder(closed / "data" / "postgres", stranger) == closed

        closed.chmod(0o711)
        assert first_closed_folder(closed / "data" / "postgres", stranger) is None
