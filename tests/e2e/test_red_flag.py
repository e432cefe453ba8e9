"""A red flag in one key: the 15 by voice, the same danger on the regulator's screen, and who stopped which counter."""

from playwright.async_api import expect

from shared.ids import new_id
from tests.e2e import desk
from tests.e2e.conftest import PageAs, Shot
from tests.e2e.people import People


async def a_case_already_taken(people: People) -> None:
    """Handed over by a colleague some minutes ago, acknowledged by the regulator."""
    request_id = str(new_id())
    await people.ask("secretaire2", "intake", "POST", "/requests", {"request_id": request_id, "origin": "patient"})
    said = {
        "place": "Rungis",
        "commune": "94065",
        "age_value": 58,
        "age_unit": "years",
        "sex": "F",
        "words": "malaise, sueurs",
        "breathing": "yes",
    }
    await people.ask("secretaire2", "intake", "PUT", f"/requests/{request_id}/step0", said | {"breathing": "yes"})
    handed = await people.ask("secretaire2", "intake", "POST", f"/requests/{request_id}/handover", {"channel": "voice"})
    await people.ask("secretaire2", "regulation", "PUT", f"/cases/{request_id}", handed["case"])
    await people.ask("regulateur1", "regulation", "POST", f"/cases/{request_id}/acknowledge", {})


async def test_a_danger_reaches_the_regulator_in_one_key_and_only_the_voice_stops_the_timer(
    people: People, page_as: PageAs, shot: Shot
) -> None:
    await a_case_already_taken(people)
    page, regulator = await page_as("secretaire1"), await page_as("regulateur1")
    await people.a_call("0639980001")
    reference = await desk.take_the_oldest(page)
    await desk.say_who_and_where(
        page,
        place="12 rue de l’Exemple, Cachan",
        age="67h",
        words="il a mal dans la poitrine, il transpire, il est tout blanc",
        access="3e, code 12A45",
    )
    await desk.answer(page, "nno")
    await expect(page.locator("#alarm")).to_contain_text("15 TOUT DE SUITE")
    await page.keyboard.press("F9")
    await expect(page.locator("#arm")).to_contain_text("homme, 67 ans")
    await expect(page.locator("#arm")).to_contain_text("12 rue de l’Exemple, Cachan")
    case = regulator.locator("#case")
    await expect(case).to_contain_text(reference)
    await expect(case).to_contain_text("il a mal dans la poitrine")
    await expect(case).to_contain_text("06 39 98 00 01")
    await expect(case).to_contain_text("pas encore vu")
    await expect(page.locator("#voice")).to_contain_text("Arrivée aussi dans la boîte du régulateur")
    await shot(page, "secretary-redflag")
    await shot(regulator, "regulator-1366")
    await regulator.keyboard.press("Enter")
    await expect(case).to_contain_text("vu par AR")
    await expect(regulator.locator("#mine")).to_contain_text("Cachan")
    await expect(page.locator("#voice")).to_contain_text("Vue par AR")
    await expect(page.locator(".dial [role=timer]")).to_be_visible()  # a machine, or a person on a screen, stops no counter
    await page.keyboard.press("Enter")
    await expect(page.locator(".dial")).to_contain_text("réponse après")
    await expect(case).to_contain_text("voix 0", timeout=12_000)
    await regulator.keyboard.press("p")
    await expect(case).to_contain_text("Pris par le 15")
    await expect(page.locator("#voice")).to_contain_text("Pris par le 15")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Personne en ligne")).to_be_visible()
    await expect(page.locator("#queue")).to_contain_text("Pris en charge ?")


async def test_f9_from_an_empty_desk_needs_no_identity(people: People, page_as: PageAs) -> None:
    page, arm = await page_as("secretaire2"), await page_as("arm1")
    await expect(page.get_by_text("Personne en ligne")).to_be_visible()
    await page.keyboard.press("F9")
    reference = await page.locator("#call .code").first.inner_text()
    await expect(page.locator("#arm")).to_contain_text("où est la personne")
    strip = arm.locator(".strip", has_text="lieu pas dit")
    await expect(strip).to_contain_text("15 TOUT DE SUITE")
    await page.locator("#place").focus()
    await page.keyboard.type("gare de Rungis")
    await expect(page.locator("#arm")).to_contain_text("gare de Rungis")
    assert "gare" not in page.url
    await page.keyboard.press("Enter")
    await arm.keyboard.press("r")
    await expect(arm.locator("#case")).to_contain_text(reference)
    await expect(arm.locator("#case")).to_contain_text("vu par CD")
    await page.keyboard.press("Enter")
    await expect(page.locator(".dial")).to_contain_text("réponse après")
