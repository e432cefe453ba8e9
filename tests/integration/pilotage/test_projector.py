"""The projector on a real log: once in effect, rebuilt the same, never held back by a bad record."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from recours.stack.servers import Servers
from services.pilotage.app import build
from shared.clock import ClockFile
from shared.errors import Forbidden, Malformed, NotFound
from shared.events.intake import REQUESTS
from shared.ids import new_id
from shared.kafka import KafkaAddress, create_topics
from shared.testing.fixtures import Running, RunningService, eventually
from tests.integration.pilotage.conftest import Publish, caught_up, day, folded, projections, write_facts
from tests.unit.pilotage.builders import DOCTOR, HOUR, MINUTE, MONDAY, NINE, Story, a_consultation, a_red_flag, a_team, an_advice, facts_of


async def test_a_day_is_counted_from_its_facts(pilotage: Running, publish: Publish) -> None:
    stories = [a_red_flag(), an_advice(NINE + HOUR), a_consultation(NINE + 2 * HOUR)]
    facts = [*a_team(), *facts_of(*stories)]
    await publish(facts)
    await folded(pilotage, len(facts))
    found = await day(pilotage)
    expected = {
        "calls": 3, "answered_under_60s": 3, "requests": 3, "red_flags": 1, "handed_over": 1, "acknowledged": 1, "voice_answered": 1,
        "advice_asked": 1, "advice_given": 1, "booked": 1, "by_mode": {"visit": 0, "teleconsultation": 0, "surgery": 1}, "honoured": 1,
        "answered_48h": 3, "clinical": 3, "searches_opened": 1, "searches_active": 0, "events": len(facts) - 2, "events_total": len(facts),
        "double_booked": 0, "orphans": 0, "duplicates": 0, "redelivered": 0,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    assert found["acts"] == [{"code": "G", "count": 1, "amount_euros": "30.00"}, {"code": "MCG", "count": 1, "amount_euros": "5.00"}]
    assert found["delays_minutes"]["dial_to_voice"]["median"] == 0.5
    [line] = found["load"]
    assert (line["practitioner_name"], line["offered"], line["booked"], line["honoured"]) == ("Dr Ada Bonnet", 16, 1, 1)


async def test_the_board_says_what_must_be_zero(pilotage: Running, publish: Publish) -> None:
    story = a_consultation()
    twice = a_consultation(NINE + HOUR)
    twice.booked(starts_after=4 * HOUR, slot_id=new_id())  # another slot of the same doctor at the time of the first story's
    late = Story(rang_at=NINE).rings().answered()
    facts = [*a_team(), *story.facts, *twice.facts, *late.facts]
    await publish(facts)
    await folded(pilotage, len(facts))
    board = await pilotage.client(["ops"]).get("/board")
    assert {one["code"]: one["value"] for one in board["invariants"]} == {
        "request_without_end_or_deadline": 0, "double_booking": 1, "call_open_after_closing": 1, "dead_letter": 0, "event_late_30s": 0,
        "fact_told_twice": 0,
    }  # fmt: skip
    assert (board["log_connected"], board["events_total"], board["last_event"]["age_seconds"] >= 0) == (True, len(facts), True)
    found = await pilotage.client(["secretary"]).get("/integrity")
    assert ([one["practitioner_id"] for one in found["double_bookings"]], found["calls_open_after_closing"]) == (
        [str(DOCTOR)], [str(late.call_id)],
    )  # fmt: skip
    stuck = await pilotage.client(["coordinator"]).get("/stuck")
    assert stuck == {"items": [], "total": 0}


async def test_the_timeline_tells_the_whole_story_without_a_name(pilotage: Running, publish: Publish) -> None:
    story = a_consultation()
    sibling = Story(rang_at=NINE)
    sibling.call_id = story.call_id
    await publish([*a_team(), *story.facts, *sibling.received().facts])
    await folded(pilotage, len(story.facts) + 3)
    reader = pilotage.client(["regulator"])
    shown = await reader.get(f"/requests/{story.request_id}/timeline")
    assert [item["type"] for item in shown["items"]] == [
        "CallReceived", "CallAnswered", "RequestReceived", "RequestScreened", "RequestQualified", "AppointmentBooked", "CallEnded",
        "ActClosed", "SearchOpened",
    ]  # fmt: skip
    assert (shown["state"], shown["outcome"], shown["appointment"]["practitioner_name"]) == ("honoured", "seen", "Dr Ada Bonnet")
    labels = [item["label"] for item in shown["items"]]
    assert labels[5] == "Rendez-vous réservé avec le secrétariat : cabinet, lun. 2 à 14:00, Dr Ada Bonnet"
    assert shown["items"][4]["details"]["see_by"] == "2026-03-04T08:00:00Z"
    assert labels[7] == "Acte clos par Dr Ada Bonnet : vu (G + MCG)"
    assert not any(str(story.patient_id) in json.dumps(item["details"]) for item in shown["items"])
    found = await reader.get(f"/references/{shown['reference'].lower().replace('-', ' ')}")
    assert [(one["request_id"], one["on"]) for one in found["items"]] == [(str(story.request_id), MONDAY.isoformat())]
    with pytest.raises(Malformed):
        await reader.get("/references/AAA-AAA-0")
    with pytest.raises(NotFound):
        await reader.get(f"/requests/{new_id()}/timeline")


async def test_another_territory_sees_nothing_of_ours_nor_counts_for_us(pilotage: Running, publish: Publish) -> None:
    ours, theirs = a_consultation(), a_consultation(territory="elsewhere")
    await publish([*ours.facts, *theirs.facts])
    await folded(pilotage, len(ours.facts) + len(theirs.facts))
    found = await day(pilotage)
    assert (found["requests"], found["calls"], found["events"], found["acts_closed"]) == (1, 1, len(ours.facts), 1)
    with pytest.raises(NotFound):
        await pilotage.client(["coordinator"]).get(f"/requests/{theirs.request_id}/timeline")
    stranger = pilotage.client(["coordinator", "ops"], territory="elsewhere")
    for path in (f"/requests/{ours.request_id}/timeline", "/board", "/day", "/stuck", "/integrity"):
        with pytest.raises(NotFound):
            await stranger.get(path)


@pytest.mark.parametrize(("path", "role"), [("/board", "gp"), ("/day", "secretary"), ("/integrity", "arm"), ("/stuck", "regulator")])
async def test_each_page_has_its_roles(pilotage: Running, path: str, role: str) -> None:
    with pytest.raises(Forbidden):
        await pilotage.client([role]).get(path)


async def test_a_rebuild_gives_the_same_numbers(pilotage: Running, publish: Publish) -> None:
    facts = [*a_team(), *facts_of(a_red_flag(), an_advice(NINE + HOUR), a_consultation(NINE + 2 * HOUR))]
    await publish([*facts, *facts[:5]])
    await folded(pilotage, len(facts))
    await eventually(lambda: _redelivered(pilotage, 5))
    async with pilotage.database.reading() as sql:
        before, counted = await projections(sql), await day(pilotage)
    await pilotage.ops("POST", "/internal/rebuild")
    await eventually(lambda: _settled(pilotage, facts_before=len(facts)))
    await eventually(lambda: _redelivered(pilotage, 5))
    async with pilotage.database.reading() as sql:
        assert await projections(sql) == before
    assert await day(pilotage) == counted


async def _redelivered(running: Running, count: int) -> bool:
    async with running.database.reading() as sql:
        return bool(await sql.fetchval("SELECT redelivered FROM projector_state") == count)


async def _settled(running: Running, *, facts_before: int) -> bool:
    report = await running.ops("GET", "/internal/settled")
    return bool(report["quiet"] and report["counters"]["folded"] == facts_before)


async def test_a_restart_goes_on_where_it_stopped(running_service: RunningService, publish: Publish) -> None:
    story, later = a_consultation(), an_advice(NINE + HOUR)
    await publish(story.facts)
    async with running_service(build, "pilotage") as first:
        await folded(first, len(story.facts))
        report = await first.ops("GET", "/internal/settled")
        url = first.service.settings.database_url.get_secret_value()
    assert sum(report["positions"].values()) == len(story.facts)
    await publish(later.facts)
    async with running_service(build, "pilotage", on_database=url) as second:
        await folded(second, len(later.facts))
        assert await _redelivered(second, 0)
        assert (await day(second))["requests"] == 2


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (b"{not json", {"ce_type": b"intake.RequestReceived.v1", "ce_id": str(new_id()).encode()}),
        (b"{}", {"ce_type": b"intake.RequestReceived.v1"}),
        (b"{}", {}),
        (b"", {"ce_type": b"\xff\xfe\x00"}),
        ("nul", {"ce_type": b"intake.SomethingNew.v1"}),
    ],
    ids=["not_json", "no_fields", "no_type", "empty", "refused_by_the_database"],
)
async def test_a_poisoned_record_is_put_aside_and_holds_nobody_back(
    pilotage: Running, publish: Publish, value: bytes | str, headers: dict[str, bytes]
) -> None:
    event_id = str(new_id())
    if value == "nul":
        body = {"event_id": event_id, "territory_id": "bievre", "version": 1, "occurred_at": NINE.isoformat(), "word": "a\0b"}
        value, headers = json.dumps(body).encode(), headers | {"ce_id": event_id.encode()}
    assert isinstance(value, bytes)
    await send(pilotage, REQUESTS, value, headers)
    story = a_consultation()
    await publish(story.facts)
    await folded(pilotage, len(story.facts))
    [letter] = (await pilotage.ops("GET", "/internal/dead-letters"))["items"]
    assert (letter["consumer"], letter["reason"], letter["topic"]) == ("pilotage", "malformed", REQUESTS)
    assert (await pilotage.client(["ops"]).get("/board"))["invariants"][3]["value"] == 1


async def test_a_fact_of_a_later_release_is_kept_and_shown(pilotage: Running, publish: Publish) -> None:
    story = a_consultation()
    event_id = str(new_id())
    body = {
        "event_id": event_id, "territory_id": "bievre", "version": 9, "occurred_at": NINE.isoformat(), "request_id": str(story.request_id),
        "colour": "green",
    }  # fmt: skip
    await send(
        pilotage, REQUESTS, json.dumps(body).encode(), {"ce_type": b"intake.RequestPainted.v1", "ce_id": event_id.encode()},
        key=str(story.request_id).encode(),
    )  # fmt: skip
    await publish(story.facts)
    await folded(pilotage, len(story.facts) + 1)
    shown = await pilotage.client(["ops"]).get(f"/requests/{story.request_id}/timeline")
    [painted] = [item for item in shown["items"] if item["type"] == "RequestPainted"]
    assert (painted["details"], shown["state"]) == ({"colour": "green"}, "honoured")


async def send(running: Running, topic: str, value: bytes, headers: dict[str, bytes], key: bytes = b"k") -> None:
    """A record as a foreign or broken producer would write it."""
    producer = AIOKafkaProducer(bootstrap_servers=running.service.settings.kafka_bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait(running.service.address.topic(topic), value, key=key, headers=list(headers.items()))
    finally:
        await producer.stop()


async def test_a_broker_that_comes_back_empty_and_is_filled_again_changes_nothing(
    running_service: RunningService, clock_file: Path
) -> None:
    ClockFile(clock_file).stand_at(NINE.replace(hour=20))
    with Servers() as servers:
        address = KafkaAddress(servers.kafka_bootstrap)
        await create_topics(address, partitions=3)
        elsewhere = {
            "RECOURS_KAFKA_BOOTSTRAP": servers.kafka_bootstrap, "RECOURS_TOPIC_PREFIX": "", "RECOURS_CLOCK_FILE": str(clock_file),
            "RECOURS_PILOTAGE_CLUSTER_CHECK_SECONDS": "1",
        }  # fmt: skip
        async with running_service(build, "pilotage", **elsewhere) as running:
            facts = [*a_team(), *facts_of(a_red_flag(), an_advice(NINE + HOUR), a_consultation(NINE + 2 * HOUR))]
            await fill(address, facts)
            await folded(running, len(facts))
            before = await day(running)

            servers.kill_broker()
            assert await day(running) == before  # without a log the pages answer
            servers.start_broker()
            await create_topics(address, partitions=3)
            new = a_consultation(NINE + 3 * HOUR)
            shuffled = sorted(facts, key=lambda fact: fact.topic)
            await fill(address, [*new.facts, *shuffled])  # where we stood in the old log, the new one holds other facts
            await caught_up(running, len(facts) + len(new.facts))

            async def read_to_the_end() -> bool:
                positions = (await running.ops("GET", "/internal/settled"))["positions"]
                return bool(sum(positions.values()) == len(facts) + len(new.facts))

            await eventually(read_to_the_end, within=40)
            after = await day(running)
            assert (after["requests"], after["events_total"]) == (4, len(facts) + len(new.facts))
            assert (after["duplicates"], after["calls"], after["honoured"]) == (0, 4, 2)
            async with running.database.reading() as sql:
                expected = await projections(sql)
            await running.ops("POST", "/internal/rebuild")
            await eventually(lambda: _settled(running, facts_before=len(facts) + len(new.facts)), within=40)
            async with running.database.reading() as sql:
                assert await projections(sql) == expected


async def fill(address: KafkaAddress, facts: Any) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=address.bootstrap)
    await producer.start()
    try:
        await write_facts(producer, address, facts)
    finally:
        await producer.stop()


async def test_without_a_broker_the_pages_answer_and_nothing_can_be_emptied(running_service: RunningService) -> None:
    async with running_service(build, "pilotage", RECOURS_KAFKA_BOOTSTRAP="127.0.0.1:9") as running:
        assert (await day(running))["calls"] == 0
        board = await running.client(["ops"]).get("/board")
        assert (board["log_connected"], board["last_event"]) == (False, None)
        async with httpx.AsyncClient(base_url=running.ops_url, trust_env=False) as client:
            assert (await client.post("/internal/rebuild")).status_code == 503
        assert (await running.ops("GET", "/internal/settled"))["quiet"] is False


async def test_far_behind_it_reads_all_topics_together_and_ends_with_the_same_rows(
    running_service: RunningService, publish: Publish, clock_file: Path
) -> None:
    ClockFile(clock_file).stand_at(NINE.replace(hour=20))
    facts = [*a_team(), *facts_of(*(a_consultation(NINE + number * MINUTE) for number in range(12)), a_red_flag(), an_advice(NINE + HOUR))]
    await publish(facts)
    told = []
    for batch in ("1000", "20"):
        async with running_service(build, "pilotage", RECOURS_CLOCK_FILE=str(clock_file), RECOURS_PILOTAGE_BATCH_RECORDS=batch) as running:
            await folded(running, len(facts))
            async with running.database.reading() as sql:
                told.append(await projections(sql))
    assert told[0] == told[1]
    assert len(told[0]["request_story"]) == 14
