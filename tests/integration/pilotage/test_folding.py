"""Whatever the order between topics, the size of the batches and the repetitions: the same rows. On a real database."""

import random
from collections.abc import Sequence

import pytest
from aiokafka import ConsumerRecord

from services.pilotage import handlers, records
from services.pilotage.records import Arrived
from services.pilotage.repository import history
from shared.db import Database
from shared.events.base import Event, headers_of
from shared.testing.fixtures import MakeDatabase
from tests.integration.pilotage.conftest import projections
from tests.unit.pilotage.builders import HOUR, MINUTE, NINE, Story, a_consultation, a_red_flag, a_team, an_advice, facts_of


def arrived(fact: Event, offset: int) -> Arrived:
    headers = headers_of(fact, recorded_at=fact.occurred_at, traceparent=None)
    record = ConsumerRecord(
        topic=fact.topic,
        partition=0,
        offset=offset,
        timestamp=0,
        timestamp_type=0,
        key=fact.key.encode(),
        value=fact.body(),
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=tuple((name, value.encode()) for name, value in headers.items()),
    )
    found = records.read(record, fact.topic)
    assert isinstance(found, Arrived)
    return found


async def take_in(database: Database, facts: Sequence[Event], batch: int) -> int:
    new = 0
    for start in range(0, len(facts), batch):
        async with database.transaction() as tx:
            part = [arrived(fact, start + place) for place, fact in enumerate(facts[start : start + batch])]
            new += await handlers.take_in(tx, part, [], {("intake.requests", 0): start})
    return new


def interleaved(facts: Sequence[Event], dice: random.Random) -> list[Event]:
    """Any order between (topic, key) pairs; inside one pair the order of the log. The folds need not even that."""
    queues: dict[tuple[str, str], list[Event]] = {}
    for fact in facts:
        queues.setdefault((fact.topic, fact.key), []).append(fact)
    order = []
    while queues:
        chosen = dice.choice(sorted(queues))
        order.append(queues[chosen].pop(0))
        if not queues[chosen]:
            del queues[chosen]
    return order


@pytest.fixture
def facts() -> list[Event]:
    moved = Story(rang_at=NINE + 3 * HOUR).rings().answered().received().screened().qualified("same_day").booked(starts_after=3 * HOUR)
    moved.qualified("within_48h", after=30 * MINUTE).booked(starts_after=30 * HOUR, after=40 * MINUTE).hung_up()
    return [
        *a_team(), *a_team(version=3, surgery=9),
        *facts_of(a_red_flag(), an_advice(NINE + HOUR), a_consultation(NINE + 2 * HOUR), moved, Story(rang_at=NINE).rings().abandoned()),
    ]  # fmt: skip


async def test_no_order_between_topics_no_batch_and_no_repetition_changes_a_row(make_database: MakeDatabase, facts: list[Event]) -> None:
    database = await make_database("pilotage")
    assert await take_in(database, facts, len(facts)) == len(facts)
    async with database.reading() as sql:
        expected = await projections(sql)
    assert [row["surgery"] for row in expected["slot_offer"]] == [9]
    assert len(expected["request_story"]) == 4
    for seed in range(8):
        dice = random.Random(seed)
        async with database.transaction() as tx:
            await history.empty(tx)
        order = interleaved(facts, dice) if seed % 2 else dice.sample(facts, len(facts))
        repeated = order + dice.sample(order, len(order) // 3)
        assert await take_in(database, repeated, dice.randint(1, 15)) == len(facts)
        async with database.reading() as sql:
            assert await projections(sql) == expected
            assert await sql.fetchval("SELECT redelivered FROM projector_state") == len(repeated) - len(order)
