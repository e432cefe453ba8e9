"""One slot, one person: over HTTP, by event, late, twice, and with servers away."""

from tests.integration.scheduling.conftest import Opened, a_qualified


async def test_the_secretary_books_what_she_was_shown(open_desk: Opened) -> None:
    async with open_desk() as desk:
        qualified = a_qualified()
        shown = await desk.proposals(qualified)
        assert [item["rank"] for item in shown] == list(range(1, len(shown) + 1))
        booked = await desk.book(qualified, shown[0]["slot_id"])
        assert booked["starts_at"] == shown[0]["starts_at"] and booked["rank"] == 1 and booked["why"] == shown[0]["why"]
        assert [event["appointment_id"] for event in await desk.recorded("scheduling.AppointmentBooked.v1")] == [booked["appointment_id"]]
