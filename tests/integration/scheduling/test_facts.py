"""What scheduling does with the facts of the others, in whatever order and however often they come."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from shared.events.intake import AdviceRequested, AllocationDelegated, RequestCancelled, RequestClosed, RequestHandedOver, RequestQualified
from shared.events.regulation import CaseDecided
from shared.ids import new_id
from shared.testing.fixtures import eventually
from shared.testing.wire import tell
from tests.integration.scheduling.conftest import SEVEN, Desk, Opened, a_qualified

BOOKED, CANCELLED, UNALLOCATED = (f"scheduling.{name}.v1" for name in ("AppointmentBooked", "AppointmentCancelled", "RequestUnallocated"))


def about(request_id: UUID, version: int) -> dict[str, Any]:
    return {"territory_id": "bievre", "version": version, "occurred_at": SEVEN, "request_id": request_id}


def automatic(**fields: Any) -> RequestQualified:
    return a_qualified(allocation="automatic", assist_until=None, **fields)


async def booked_by_event(desk: Desk, qualified: RequestQualified) -> dict[str, Any]:
    await desk.hear(qualified)
    return await desk.secretary.get(f"/requests/{qualified.request_id}/appointment")


async def test_an_automatic_request_is_allocated_at_once_through_the_log(open_desk: Opened) -> None:
    async with open_desk() as desk:
        qualified = automatic()
        await tell(desk.service, qualified, qualified)  # redelivered
        await tell(desk.service, marker := automatic())
        await eventually(lambda: desk.sql("SELECT true FROM appointment WHERE request_id = $1", marker.request_id))
        assert await desk.sql("SELECT count(*) FROM appointment WHERE request_id = $1", qualified.request_id) == 1
        [event, _] = await desk.recorded(BOOKED)
        assert (event["path"], event["rank"], event["request_id"]) == ("automatic", 1, str(qualified.request_id))


async def test_the_event_after_the_command_does_nothing(open_desk: Opened) -> None:
    async with open_desk() as desk:
        qualified = a_qualified()
        [first, *_] = await desk.proposals(qualified)
        booked = await desk.book(qualified, first["slot_id"])
        assert await desk.hear(qualified) == "handled"
        assert await desk.sql("SELECT count(*) FROM due_work WHERE kind = 'assist_ends'") == 0
        # nor does it after the patient gave the slot back: the desk goes on with him
        await desk.secretary.post(f"/appointments/{booked['appointment_id']}/cancel", json={"cause": "by_patient"})
        await desk.hear(qualified.model_copy(update={"event_id": new_id()}))
        assert len(await desk.recorded(BOOKED)) == 1


async def test_an_assisted_request_waits_for_the_secretary_then_is_allocated(open_desk: Opened) -> None:
    async with open_desk() as desk:
        qualified = a_qualified()
        await desk.hear(qualified)
        await desk.tick(SEVEN + timedelta(minutes=14))
        assert await desk.recorded(BOOKED) == []
        await desk.tick(SEVEN + timedelta(minutes=15))
        assert [event["path"] for event in await desk.recorded(BOOKED)] == ["automatic"]


async def test_a_delegated_request_does_not_wait(open_desk: Opened) -> None:
    async with open_desk() as desk:
        qualified = a_qualified()
        await desk.hear(qualified)
        await desk.hear(AllocationDelegated(**about(qualified.request_id, 6)))
        assert len(await desk.recorded(BOOKED)) == 1
        await desk.tick(SEVEN + timedelta(minutes=16))
        assert len(await desk.recorded(BOOKED)) == 1


async def test_a_cancelled_request_frees_its_slot_in_any_order(open_desk: Opened) -> None:
    async with open_desk() as desk:
        first = automatic()
        appointment = await booked_by_event(desk, first)
        await desk.hear(RequestCancelled(**about(first.request_id, 6), cause="feels_better"))
        assert [event["cause"] for event in await desk.recorded(CANCELLED)] == ["request_cancelled"]
        free = [slot["slot_id"] for slot in await desk.free_slots("surgery")]
        assert appointment["slot_id"] in free
        # the cancellation comes first: the late qualification finds its marker, by event and by command
        late = automatic()
        await desk.hear(RequestClosed(**about(late.request_id, 6), outcome="own_doctor"))
        await desk.hear(late)
        assert len(await desk.recorded(BOOKED)) == 1 and await desk.recorded(UNALLOCATED) == []
        try:
            await desk.book(late, free[0])
            raise AssertionError("booked")
        except Exception as refused:
            assert getattr(refused, "code", None) == "request_ended"


async def test_nothing_before_the_limit_is_said_and_never_becomes_tomorrow(open_desk: Opened) -> None:
    async with open_desk() as desk:
        desk.clock.stand_at(SEVEN + timedelta(hours=4, minutes=31))  # 11:31, too late for a visit of today
        today = SEVEN + timedelta(hours=13)
        qualified = automatic(modes=["visit"], urgency="same_day", see_by=today, earliest=SEVEN + timedelta(hours=4))
        await desk.hear(qualified)
        [event] = await desk.recorded(UNALLOCATED)
        assert (event["cause"], event["request_id"]) == ("no_mode_in_time", str(qualified.request_id))
        assert await desk.recorded(BOOKED) == []
        await desk.hear(automatic(urgency="same_day", see_by=SEVEN + timedelta(hours=4, minutes=35)))
        assert [event["cause"] for event in await desk.recorded(UNALLOCATED)] == ["no_mode_in_time", "no_slot_in_time"]


async def test_a_new_qualification_keeps_what_fits_and_replaces_what_does_not(open_desk: Opened) -> None:
    async with open_desk() as desk:
        first = automatic(modes=["teleconsultation"])
        kept = await booked_by_event(desk, first)
        fits = first.model_copy(update={"version": 7, "event_id": new_id(), "modes": ["surgery", "teleconsultation"]})
        assert (await booked_by_event(desk, fits))["appointment_id"] == kept["appointment_id"]
        other = fits.model_copy(update={"version": 9, "event_id": new_id(), "modes": ["surgery"]})
        replaced = await booked_by_event(desk, other)
        assert (replaced["mode"], replaced["state"]) == ("surgery", "booked")
        assert [event["cause"] for event in await desk.recorded(CANCELLED)] == ["requalified"]
        versions = [event["version"] for name in (BOOKED, CANCELLED) for event in await desk.recorded(name)]
        assert sorted(versions) == [1, 2, 3]
        # an older qualification that comes late changes nothing
        await desk.hear(first.model_copy(update={"event_id": new_id()}))
        assert (await desk.secretary.get(f"/requests/{first.request_id}/appointment"))["appointment_id"] == replaced["appointment_id"]


async def test_the_secretary_replaces_what_no_longer_fits_in_one_command(open_desk: Opened) -> None:
    async with open_desk() as desk:
        first = automatic(modes=["teleconsultation"])
        await booked_by_event(desk, first)
        worse = first.model_copy(update={"version": 8, "event_id": new_id(), "modes": ["surgery"], "allocation": "assisted"})
        [best, *_] = await desk.proposals(worse)
        assert (await desk.book(worse, best["slot_id"]))["mode"] == "surgery"
        await desk.hear(worse)
        assert [event["cause"] for event in await desk.recorded(CANCELLED)] == ["requalified"]
        assert len(await desk.recorded(BOOKED)) == 2


async def test_handed_over_keeps_the_appointment_until_the_case_is_taken(open_desk: Opened) -> None:
    async with open_desk() as desk:
        booked, waiting = automatic(), a_qualified()
        await desk.hear(booked)
        await desk.hear(waiting)
        for qualified in (booked, waiting):
            await desk.hear(
                RequestHandedOver(
                    **about(qualified.request_id, 6), urgency="red_flag", channel="voice", dialled_at=SEVEN, handed_by=new_id()
                )
            )
        assert await desk.recorded(CANCELLED) == []
        await desk.hear(CaseDecided(**about(booked.request_id, 1), decision="returned", decided_by=new_id()))
        assert await desk.recorded(CANCELLED) == []
        await desk.hear(CaseDecided(**about(booked.request_id, 2), decision="taken_by_15", decided_by=new_id()))
        assert [event["cause"] for event in await desk.recorded(CANCELLED)] == ["taken_by_15"]
        # what waited is not allocated behind the back of the 15
        await desk.tick(SEVEN + timedelta(minutes=20))
        assert len(await desk.recorded(BOOKED)) == 1 and await desk.recorded(UNALLOCATED) == []


async def test_a_doctor_who_cancels_does_not_answer_behind_the_back_of_the_15(open_desk: Opened) -> None:
    async with open_desk() as desk:
        qualified = automatic()
        appointment = await booked_by_event(desk, qualified)
        handed = {"urgency": "red_flag", "channel": "voice", "dialled_at": SEVEN, "handed_by": new_id()}
        await desk.hear(RequestHandedOver(**about(qualified.request_id, 6), **handed))
        await desk.secretary.post(f"/appointments/{appointment['appointment_id']}/cancel", json={"cause": "by_practitioner"})
        assert len(await desk.recorded(BOOKED)) == 1 and await desk.recorded(UNALLOCATED) == []


async def test_taken_by_the_15_before_we_hear_of_the_request(open_desk: Opened) -> None:
    async with open_desk() as desk:
        late = automatic()
        await desk.hear(CaseDecided(**about(late.request_id, 1), decision="smur_sent", decided_by=new_id()))
        await desk.hear(late)
        assert await desk.recorded(BOOKED) == []


async def test_nothing_is_booked_by_us_before_the_doctors_word(open_desk: Opened) -> None:
    async with open_desk() as desk:
        qualified = a_qualified()
        await desk.hear(qualified)
        asked = AdviceRequested(
            **about(qualified.request_id, 6), asked_at=SEVEN, due_at=SEVEN + timedelta(minutes=10), cause="raised"
        )  # fmt: skip
        await desk.hear(asked)
        await desk.tick(SEVEN + timedelta(minutes=20))
        assert await desk.recorded(BOOKED) == []
        said = qualified.model_copy(update={"version": 8, "event_id": new_id(), "allocation": "automatic", "lowered_by": new_id()})
        await desk.hear(said)
        assert len(await desk.recorded(BOOKED)) == 1


async def test_a_read_says_when_it_does_not_yet_know_the_version_that_was_seen(open_desk: Opened) -> None:
    async with open_desk() as desk:
        qualified = automatic()
        await desk.hear(qualified)
        answers = [
            await desk.secretary.get(
                f"/requests/{qualified.request_id}/appointment", params={"min_version": f"{qualified.request_id}:{version}"}
            )
            for version in (qualified.version, qualified.version + 1)
        ]
        assert [answer["stale"] for answer in answers] == [False, True]


async def test_the_same_facts_give_the_same_slots(open_desk: Opened) -> None:
    def chosen(events: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
        return [(event["practitioner_id"], event["starts_at"], event["why"]) for event in events]

    requests = [automatic(modes=modes) for modes in (["surgery"], ["visit"], ["teleconsultation", "surgery"]) for _ in range(4)]
    days = []
    for _ in range(2):
        async with open_desk() as desk:
            for qualified in requests:
                await desk.hear(qualified)
            days.append(chosen(await desk.recorded(BOOKED)))
    assert days[0] == days[1] and len(days[0]) == len(requests)
