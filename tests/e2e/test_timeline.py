"""The story of a request, from its spoken reference, live."""

import re
from uuid import UUID

from playwright.async_api import expect

from shared.ids import spoken_reference
from tests.e2e.conftest import PageAs, Shot
from tests.e2e.people import People


async def test_a_spoken_reference_opens_the_whole_story_and_it_goes_on_by_itself(people: People, page_as: PageAs, shot: Shot) -> None:
    visit = await people.booked(reason="Q15", isolated=True, can_move=False)
    reference = spoken_reference(UUID(visit["request_id"]))
    page = await page_as("ops")
    await page.goto(f"{people.stack.access.url('console')}/demandes/{reference.replace('-', ' ').lower()}")
    await expect(page).to_have_url(re.compile(visit["request_id"]))
    facts = page.locator(".ev b")
    await expect(facts.first).to_contain_text("Demande reçue")
    await expect(page.locator(".events")).to_contain_text("Rendez-vous réservé")
    await expect(page.locator(".now")).to_contain_text(visit["practitioner_name"])
    doctor = people.doctor_of(visit["practitioner_id"])
    await people.ask(doctor, "scheduling", "POST", f"/appointments/{visit['appointment_id']}/outcome", {"outcome": "door_closed"})
    await expect(page.locator(".events")).to_contain_text(re.compile("Personne n.ouvre|porte", re.IGNORECASE), timeout=10_000)
    await shot(page, "timeline")


async def test_a_wrong_letter_in_a_reference_is_told_and_opens_nothing(people: People, page_as: PageAs) -> None:
    visit = await people.a_request()
    reference = spoken_reference(UUID(visit["request_id"]))
    wrong = reference[:-1] + ("A" if reference[-1] != "A" else "B")
    page = await page_as("ops")
    await page.goto(f"{people.stack.access.url('console')}/demandes/{wrong}")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Introuvable dans votre territoire.")
