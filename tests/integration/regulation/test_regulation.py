"""Cases of the 15 and of the duty doctor, over HTTP and from the log, on a real database and broker."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.regulation import handlers, repository
from services.regulation.app import build
from services.regulation.domain import AlreadyDecided, Person
from shared.errors import Forbidden, NotFound, RecoursError, Stale
from shared.events import Event
from shared.events.intake import AdviceOverdue, AdviceRequested, HandOverAnswered, RequestCancelled, RequestClosed, RequestHandedOver
from shared.events.regulation import CaseAcknowledged, CaseDecided, CaseReceived
from shared.events.scheduling import DutyDoctorNamed
from shared.ids import new_id
from shared.testing.fixtures import MakeDatabase, Running, RunningService, eventually
from shared.testing.wire import tell

NOW = datetime.now(UTC).replace(microsecond=0)
WORDS = "Paracétamol, revoir si la fièvre passe trois jours"


def handed_over(request_id: UUID, **fields: Any) -> RequestHandedOver:
    given: dict[str, Any] = {
        "territory_id": "bievre", "version": 3, "occurred_at": NOW, "request_id": request_id, "urgency": "red_flag", "channel": "voice",
        "dialled_at": NOW, "handed_by": new_id(), "breathing": "no", "chest_or_collapse": "yes", "commune": "94016",
    }  # fmt: skip
    return RequestHandedOver(**(given | fields))


def asked(request_id: UUID, **fields: Any) -> AdviceRequested:
    given: dict[str, Any] = {
        "territory_id": "bievre", "version": 3, "occurred_at": NOW, "request_id": request_id, "asked_at": NOW,
        "due_at": NOW + timedelta(minutes=10), "cause": "screening", "reason": "Q01",
    }  # fmt: skip
    return AdviceRequested(**(given | fields))


def named(doctor: UUID, deputy: UUID | None = None) -> DutyDoctorNamed:
    return DutyDoctorNamed(
        territory_id="bievre", version=1, occurred_at=NOW, practitioner_id=doctor, deputy_id=deputy, starts_at=NOW - timedelta(hours=1),
        ends_at=NOW + timedelta(hours=4),
    )  # fmt: skip


def the_put(**fields: Any) -> dict[str, Any]:
    return {
        "inbox": "fifteen", "urgency": "red_flag", "channel": "voice", "dialled_at": NOW.isoformat(), "handed_by_initials": "SM",
        "breathing": "no", "chest_or_collapse": "yes", "age_band": "18-69y",
    } | fields  # fmt: skip


async def told_by_us(running: Running) -> list[str]:
    async with running.database.reading() as sql:
        return [row["event_type"].split(".")[1] for row in await sql.fetch("SELECT event_type FROM outbox ORDER BY id")]


async def followed(running: Running, *events: Event) -> None:
    """Tell the facts and wait until regulation has taken them in."""
    await tell(running, *events)

    async def taken_in() -> bool:
        async with running.database.reading() as sql:
            ids = [event.event_id for event in events]
            found: int = await sql.fetchval("SELECT count(*) FROM inbox WHERE event_id = ANY($1)", ids)
        return found == len(set(ids))

    await eventually(taken_in)


@pytest.mark.parametrize("console_first", [True, False])
async def test_a_handed_over_case_is_received_once_whoever_tells_it_first(running_service: RunningService, console_first: bool) -> None:
    async with running_service(build, "regulation") as running:
        secretary, regulator = running.client(["secretary"]), running.client(["regulator"], initials="JV")
        request_id, event = new_id(), None
        event = handed_over(request_id)
        if not console_first:
            await followed(running, event)
        put = await secretary.put(f"/cases/{request_id}", json=the_put(), idempotency_key="k1")
        assert await secretary.put(f"/cases/{request_id}", json=the_put(), idempotency_key="k1") == put
        if console_first:
            await followed(running, event)
        await followed(running, event, handed_over(new_id()))
        listed = (await regulator.get("/cases", params={"state": "to_take"}))["items"]
        mine = [item for item in listed if item["request_id"] == str(request_id)]
        assert len(mine) == 1
        assert (mine[0]["state"], mine[0]["commune"], mine[0]["handed_by_initials"]) == ("delivered", "94016", "SM")
        assert await told_by_us(running) == ["CaseReceived", "CaseReceived"]


async def test_from_the_inbox_to_the_decision(running_service: RunningService) -> None:
    async with running_service(build, "regulation") as running:
        arm, regulator = running.client(["arm"], initials="AR"), running.client(["regulator"], initials="JV")
        secretary = running.client(["secretary"])
        older, danger = new_id(), new_id()
        await secretary.put(f"/cases/{older}", json=the_put(urgency="advice", dialled_at=(NOW - timedelta(minutes=9)).isoformat()))
        await secretary.put(f"/cases/{danger}", json=the_put())
        listed = (await arm.get("/cases"))["items"]
        assert [item["request_id"] for item in listed] == [str(danger), str(older)]
        first = await arm.get("/cases", params={"limit": 1})
        assert [item["request_id"] for item in (await arm.get("/cases", params={"limit": 1, "after": first["next"]}))["items"]] == [
            str(older)
        ]

        seen = await arm.post(f"/cases/{danger}/acknowledge")
        assert (seen["state"], seen["acknowledged_by_initials"], seen["version"]) == ("acknowledged", "AR", 2)
        with pytest.raises(Forbidden):
            await arm.post(f"/cases/{danger}/decision", json={"decision": "smur_sent"})
        with pytest.raises(Forbidden):
            await secretary.post(f"/cases/{danger}/acknowledge")
        assert [item["request_id"] for item in (await arm.get("/cases"))["items"]] == [str(older)]
        assert [item["request_id"] for item in (await regulator.get("/cases"))["items"]] == [str(danger), str(older)]

        with pytest.raises(Stale):
            await regulator.post(f"/cases/{danger}/decision", json={"decision": "smur_sent"}, if_match=1)
        await regulator.post(f"/cases/{danger}/acknowledge", if_match=2)
        mine = (await regulator.get("/cases", params={"state": "mine"}))["items"]
        assert [item["request_id"] for item in mine] == [str(danger)]
        done = await regulator.post(f"/cases/{danger}/decision", json={"decision": "smur_sent"}, idempotency_key="d1")
        assert (done["state"], done["decision"], done["decided_by_initials"]) == ("decided", "smur_sent", "JV")
        with pytest.raises(RecoursError) as refused:
            await running.client(["regulator"]).post(f"/cases/{danger}/decision", json={"decision": "returned"})
        assert refused.value.code == "already_decided"
        assert await told_by_us(running) == ["CaseReceived", "CaseReceived", "CaseAcknowledged", "CaseDecided"]


async def test_another_territory_sees_nothing(running_service: RunningService) -> None:
    async with running_service(build, "regulation") as running:
        request_id = new_id()
        await running.client(["secretary"]).put(f"/cases/{request_id}", json=the_put())
        stranger = running.client(["regulator", "secretary"], territory="ailleurs")
        for call in (
            stranger.get(f"/cases/{request_id}"),
            stranger.post(f"/cases/{request_id}/acknowledge"),
            stranger.post(f"/cases/{request_id}/decision", json={"decision": "returned"}),
        ):
            with pytest.raises(NotFound):
                await call
        assert (await stranger.get("/cases", params={"state": "all"}))["items"] == []
        assert (await stranger.get("/advice"))["items"] == []


async def test_an_id_that_another_territory_took_first_keeps_no_case_from_the_15(running_service: RunningService) -> None:
    async with running_service(build, "regulation") as running:
        request_id, ours = new_id(), running.client(["regulator", "secretary"])
        stranger = running.client(["regulator", "secretary"], territory="ailleurs")
        await stranger.put(f"/cases/{request_id}", json=the_put(urgency="advice"))

        await followed(running, handed_over(request_id))
        await ours.put(f"/cases/{request_id}", json=the_put())

        assert [item["urgency"] for item in (await ours.get("/cases"))["items"]] == ["red_flag"]
        await ours.post(f"/cases/{request_id}/acknowledge")
        assert [item["state"] for item in (await stranger.get("/cases"))["items"]] == ["delivered"]


async def test_the_doctor_of_the_rota_gives_advice_and_his_words_stay_here(running_service: RunningService) -> None:
    async with running_service(build, "regulation") as running:
        request_id, roche, deputy = new_id(), new_id(), new_id()
        await followed(running, named(roche, deputy))
        await followed(running, asked(request_id))
        doctor = running.client(["gp", "duty_doctor"], practitioner_id=roche, initials="PR")
        standing_in = running.client(["gp"], practitioner_id=deputy)
        other = running.client(["gp"], practitioner_id=new_id())

        for who in (doctor, standing_in):
            assert [item["request_id"] for item in (await who.get("/advice"))["items"]] == [str(request_id)]
        listing = await doctor.get("/advice", params={"practitioner_id": str(roche)})
        assert listing["rota"]["practitioner_id"] == str(roche)
        assert (await other.get("/advice"))["items"] == []
        with pytest.raises(Forbidden):
            await other.get("/advice", params={"practitioner_id": str(roche)})

        word = {"decision": "appointment", "urgency": "within_48h", "modes": ["surgery"], "words": WORDS}
        with pytest.raises(Forbidden) as refused:
            await other.post(f"/cases/{request_id}/advice", json=word)
        assert refused.value.extra["reason"] == "not_on_duty"
        given = await doctor.post(f"/cases/{request_id}/advice", json=word, idempotency_key="w1")
        assert (given["state"], given["advice"]["urgency"], given["advice"]["words"]) == ("decided", "within_48h", WORDS)
        assert await doctor.post(f"/cases/{request_id}/advice", json=word, idempotency_key="w1") == given
        assert (await doctor.get("/advice"))["items"] == []

        inbox = {"inbox": "duty_doctor"}
        secretary, everything = running.client(["secretary"]), {"inbox": "duty_doctor", "state": "all"}
        for _ in range(2):
            assert (await secretary.get(f"/cases/{request_id}", params=inbox))["advice"]["words"] == WORDS
        assert (await secretary.get("/cases", params=everything))["items"][0]["advice"]["words"] is None
        assert (await running.client(["arm"]).get(f"/cases/{request_id}", params=inbox))["advice"]["words"] is None
        async with running.database.reading() as sql:
            bodies = [bytes(row["body"]) for row in await sql.fetch("SELECT body FROM outbox")]
            sealed = [bytes(row["words_sealed"]) for row in await sql.fetch("SELECT words_sealed FROM advice")]
            readers = [row["reader"] for row in await sql.fetch("SELECT DISTINCT reader, hour FROM words_read")]
        assert len(sealed) == 1
        assert set(readers) == {secretary.principal.sub}
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with running.database.transaction() as tx:
                await tx.sql.execute("DELETE FROM words_read")
        assert not any(b"Parac" in kept for kept in [*bodies, *sealed])
        assert await told_by_us(running) == ["CaseReceived", "AdviceGiven"]


async def test_ten_minutes_without_a_word_bring_the_case_to_the_15(running_service: RunningService) -> None:
    async with running_service(build, "regulation") as running:
        request_id = new_id()
        await followed(running, named(new_id()), asked(request_id))
        regulator = running.client(["regulator"])
        assert (await regulator.get("/cases"))["items"] == []  # even when the rota was heard of after the question
        assert (await running.client(["gp"]).get("/advice"))["items"] == []  # an account without a doctor behind it
        overdue = AdviceOverdue(territory_id="bievre", version=4, occurred_at=NOW, request_id=request_id, asked_at=NOW)
        await followed(running, overdue)
        [case] = (await regulator.get("/cases"))["items"]
        assert (case["urgency"], case["reason"], case["other_inbox"]) == ("advice", "Q01", "delivered")
        await regulator.post(f"/cases/{request_id}/decision", json={"decision": "advice"})
        assert (await regulator.get("/advice"))["items"] == []


async def test_a_case_known_first_by_its_answer_or_its_end(running_service: RunningService) -> None:
    async with running_service(build, "regulation") as running:
        answered, cancelled = new_id(), new_id()
        voice = HandOverAnswered(
            territory_id="bievre", version=4, occurred_at=NOW, request_id=answered, channel="voice", dialled_at=NOW, seconds_to_voice=21
        )
        gone = RequestCancelled(
            territory_id="bievre", version=4, occurred_at=NOW + timedelta(minutes=1), request_id=cancelled, cause="better"
        )
        await followed(running, voice, gone)
        regulator = running.client(["regulator"])
        with pytest.raises(NotFound):
            await regulator.get(f"/cases/{answered}")
        await followed(running, handed_over(answered), handed_over(cancelled))
        case = await regulator.get(f"/cases/{answered}", params={"min_version": f"{answered}:4"})
        assert datetime.fromisoformat(case["voice_answered_at"]) == NOW + timedelta(seconds=21)
        assert (case["state"], case["stale"]) == ("delivered", False)
        assert (await regulator.get(f"/cases/{cancelled}"))["state"] == "closed"
        assert [item["request_id"] for item in (await regulator.get("/cases"))["items"]] == [str(answered)]
        assert await told_by_us(running) == ["CaseReceived"]


async def test_a_case_the_15_has_by_voice_leaves_the_list_after_the_check_and_a_new_dial_brings_it_back(
    make_database: MakeDatabase,
) -> None:
    database = await make_database("regulation")
    request_id, later = new_id(), NOW + timedelta(hours=2)
    voice = HandOverAnswered(
        territory_id="bievre", version=4, occurred_at=NOW, request_id=request_id, channel="voice", dialled_at=NOW, seconds_to_voice=21
    )
    closed = RequestClosed(
        territory_id="bievre", version=5, occurred_at=NOW + timedelta(seconds=21), request_id=request_id, outcome="handed_15"
    )

    async def to_take(now: datetime) -> list[UUID]:
        async with database.reading() as sql:
            keys = await repository.list_keys(
                sql, "bievre", "fifteen", "to_take", account_id=new_id(), regulator=True, after=repository.FIRST, limit=10, now=now
            )
        return [one for _, _, one in keys]

    async with database.transaction() as tx:
        await handlers.on_request_handed_over(handed_over(request_id), tx, now=NOW)
        await handlers.on_hand_over_answered(voice, tx, now=NOW)
        await handlers.on_request_closed(closed, tx, now=NOW)
    assert await to_take(NOW + timedelta(minutes=50)) == [request_id]
    assert await to_take(later) == []
    async with database.transaction() as tx:
        await handlers.on_request_handed_over(handed_over(request_id, version=6, dialled_at=later), tx, now=later)
    assert await to_take(later) == [request_id]


async def test_ten_people_of_the_15_at_the_same_moment_make_one_acknowledgement_and_one_decision(make_database: MakeDatabase) -> None:
    database = await make_database("regulation")
    request_id = new_id()
    people = [Person(new_id(), f"P{number}", regulator=True) for number in range(10)]

    async def act(person: Person) -> str:
        async with database.transaction() as tx:
            await handlers.acknowledge_case(handlers.AcknowledgeCase("bievre", request_id, person), tx, now=NOW)
        try:
            async with database.transaction() as tx:
                await handlers.decide_case(handlers.DecideCase("bievre", request_id, "smur_sent", person), tx, now=NOW)
        except AlreadyDecided:
            return "refused"
        return "decided"

    async with database.transaction() as tx:
        await handlers.on_request_handed_over(handed_over(request_id), tx, now=NOW)
    assert sorted(await asyncio.gather(*map(act, people))) == ["decided"] + ["refused"] * 9
    async with database.reading() as sql:
        told = [row["event_type"] for row in await sql.fetch("SELECT event_type FROM outbox ORDER BY id")]
    assert told == [cls.type for cls in (CaseReceived, CaseAcknowledged, CaseDecided)]


async def test_a_word_may_come_before_the_question(running_service: RunningService) -> None:
    async with running_service(build, "regulation") as running:
        request_id = new_id()
        regulator = running.client(["regulator"])
        await regulator.post(f"/cases/{request_id}/advice", json={"decision": "advice_only", "words": WORDS})
        await followed(running, asked(request_id, asked_at=NOW - timedelta(minutes=1)))
        case = await regulator.get(f"/cases/{request_id}")
        assert (case["state"], case["reason"], case["decision"]) == ("decided", "Q01", "advice_only")
        assert await told_by_us(running) == ["CaseReceived", "AdviceGiven"]
