"""Planted identities are found nowhere outside intake: topics, logs, traces, metrics, dead letters. And the search does find one."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from recours.stack.environment import Access
from recours.stack.stack import TemporaryStack
from shared.events.base import headers_of
from shared.events.intake import REQUESTS, RequestCancelled
from shared.ids import new_id
from shared.testing.fixtures import eventually
from tests.e2e.people import People
from tests.stack.checking import checked
from tests.stack.test_slice import a_video, book, qualified

PLANTED: dict[str, Any] = {
    "birth_name": "Zwartenbroeck", "first_name": "Philomène", "birth_date": "1983-02-17", "phone": "0639981234",
    "address": "17 impasse des Glycines-Fictives, 94550 Chevilly-Larue",
}  # fmt: skip


async def _a_day_of_one_person(people: People) -> None:
    """She is searched, booked, sent to the 15, asked about, and somebody mistypes her name into a command."""
    call_id = await people.a_call(PLANTED["phone"])
    request = await qualified(people, call_id, **PLANTED)
    for said in ({"name": PLANTED["birth_name"]}, {"phone": PLANTED["phone"]}, {"birth_date": PLANTED["birth_date"]}):
        found = await people.ask("secretary", "intake", "POST", "/patients/search", said)
        assert found["items"]
    await book(people, request, await a_video(people, request))
    handed = await people.ask("secretary", "intake", "POST", f"/requests/{request['request_id']}/handover", {"channel": "voice"})
    await people.ask("secretary", "regulation", "PUT", f"/cases/{request['request_id']}", handed["case"])
    await people.ask("regulator", "intake", "POST", "/identities", {"request_ids": [request["request_id"]], "purpose": "regulation"})
    for wrong in ({"birth_name": PLANTED["birth_name"], "sex": PLANTED["first_name"]}, {"birth_date": PLANTED["address"]}):
        try:
            await people.ask("secretary", "intake", "POST", "/patients", wrong)
        except Exception as refusal:
            assert PLANTED["birth_name"] not in str(refusal) and PLANTED["address"] not in str(refusal)


async def _a_poisoned_record(access: Access) -> None:
    """It becomes a dead letter of every service that reads cancellations."""
    event = RequestCancelled(territory_id="bievre", version=1, occurred_at=datetime.now(UTC), request_id=new_id(), cause="by_patient")
    headers = headers_of(event, recorded_at=event.occurred_at, traceparent=None)
    producer = AIOKafkaProducer(bootstrap_servers=access.kafka_bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait(
            REQUESTS, b'{"request_id": "broken"}', headers=[(name, value.encode()) for name, value in headers.items()]
        )
    finally:
        await producer.stop()


async def test_planted_identities_are_found_nowhere(people: People, stack: TemporaryStack, traces: Path) -> None:
    await _a_day_of_one_person(people)
    await _a_poisoned_record(stack.access)

    async def buried() -> bool:
        return bool((await checked(stack.access, traces))["dead_letters"])

    await eventually(buried, within=20, every=0.5)
    assert (await checked(stack.access, traces))["personal_data_found"] == 0


async def test_an_identity_that_escapes_is_found(people: People, stack: TemporaryStack, traces: Path) -> None:
    await people.a_patient(**PLANTED)
    log = stack.access.data_dir / "logs" / "intake.log"
    before = log.read_bytes()
    try:
        with log.open("a", encoding="utf-8") as file:
            file.write('{"event": "oops", "name": "philomene ZWARTENBROECK"}\n')
        assert (await checked(stack.access, traces))["personal_data_found"] > 0
    finally:
        log.write_bytes(before)
