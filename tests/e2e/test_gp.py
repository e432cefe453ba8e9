"""The GP's day as he lives it: a queue that changes by itself, an outcome in two taps, an advice within ten minutes."""

import re
from typing import Any
from uuid import UUID

from playwright.async_api import Page, expect

from shared.ids import spoken_reference
from tests.e2e.conftest import PageAs, Shot
from tests.e2e.people import People

_KEEP_HINT = """document.addEventListener("recours:hint", (event) => {
    if (event.detail.panel === "appointments") window.lastHint = event.detail;
})"""


def line_of(page: Page, appointment: dict[str, Any]) -> Any:
    return page.locator(f"#rdv-{appointment['appointment_id']}")


async def test_the_queue_shows_a_new_visit_by_itself_and_the_file_before_it(people: People, page_as: PageAs, shot: Shot) -> None:
    first = await people.booked(reason="Q15", isolated=True, can_move=False, words="Elle ne se lève plus, elle mange peu")
    doctor = people.doctor_of(first["practitioner_id"])
    page = await page_as(doctor)
    await expect(line_of(page, first)).to_be_visible()
    await expect(page.get_by_text("PROTOCOLE NON SIGNÉ, démonstration")).to_be_visible()
    second = await people.booked(reason="Q15", isolated=True, can_move=False)
    other = page if second["practitioner_id"] == first["practitioner_id"] else await page_as(people.doctor_of(second["practitioner_id"]))
    await expect(line_of(other, second)).to_be_visible(timeout=5_000)
    await line_of(page, first).click()
    file = page.locator("#detail")
    await expect(file).to_contain_text("Elle ne se lève plus, elle mange peu")
    await expect(file).to_contain_text("code 47B12")
    await expect(file).to_contain_text("Sans médecin traitant")
    await expect(file.get_by_role("link", name=re.compile("01 99 00 48")).first).to_have_attribute("href", re.compile(r"^tel:01990048"))
    await shot(page, "gp-1366")


async def test_an_outcome_is_two_keys_and_its_codes_are_proposed(people: People, page_as: PageAs) -> None:
    visit = await people.booked(reason="Q15", isolated=True, can_move=False)
    page = await page_as(people.doctor_of(visit["practitioner_id"]))
    await line_of(page, visit).click()
    await expect(page.locator("#detail")).to_have_attribute("data-appointment", visit["appointment_id"])
    await page.keyboard.press("Digit1")
    await expect(page.get_by_role("button", name="Clore : Vu")).to_be_focused()
    await page.keyboard.press("Enter")
    detail = page.locator("#detail")
    await expect(detail.locator(".closed")).to_contain_text("Vu")
    await expect(detail.get_by_text("VG", exact=True).or_(detail.get_by_text("G", exact=True)).first).to_be_visible()
    await expect(page.locator("#toasts")).to_contain_text(spoken_reference(UUID(visit["request_id"])))
    await expect(line_of(page, visit)).to_have_class(re.compile(r"\bdone\b"))
    after = await people.ask("secretary", "scheduling", "GET", f"/appointments/{visit['appointment_id']}")
    assert after["outcome"] == "seen"


async def test_on_a_phone_the_next_patient_and_the_twelve_outcomes_are_under_the_thumb(people: People, page_as: PageAs, shot: Shot) -> None:
    visit = await people.booked(reason="Q15", isolated=True, can_move=False)
    page = await page_as(people.doctor_of(visit["practitioner_id"]), (390, 844))
    await expect(page.locator(".next")).to_contain_text("Suivant")
    await shot(page, "gp-390")
    await page.locator(".next").get_by_role("button", name="Issue…").click()
    sheet = page.get_by_role("dialog")
    await expect(sheet.locator("input[name=outcome]")).to_have_count(12)
    pressed = sheet.locator("label.btn, button")
    assert min(await pressed.evaluate_all("all => all.map((one) => one.getBoundingClientRect().height)")) >= 44
    await shot(page, "gp-390-issue")
    await sheet.get_by_text("Personne n’ouvre").click()
    await expect(sheet.get_by_role("button", name="Clore : Personne n’ouvre")).to_be_enabled()
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


async def test_the_duty_doctor_answers_an_advice_and_the_appointment_follows(people: People, page_as: PageAs, shot: Shot) -> None:
    page = await page_as(await people.duty_doctor())
    asked = await people.a_request(danger="advice", words="Je ne retiens plus mes urines")
    assert asked["state"] == "advice_pending"
    row = page.locator(f"#avis-{asked['request_id']}")
    await expect(row).to_be_visible(timeout=5_000)
    await row.click()
    await expect(page.locator("#detail")).to_contain_text("Je ne retiens plus mes urines")
    await shot(page, "gp-advice-1366")
    await page.get_by_role("textbox", name="Vos mots").fill("Examen aujourd’hui, pas de déficit.")
    await page.get_by_text("Rendez-vous", exact=True).click()
    await page.get_by_role("button", name="Décider : rendez-vous, aujourd’hui").click()
    await expect(page.locator("#detail")).to_contain_text("Examen aujourd’hui, pas de déficit.")
    await expect(row).to_have_count(0)
    booked = await people.appointment_of(asked["request_id"])
    assert booked["mode"] == "surgery"
    shown = await people.ask("secretary", "intake", "GET", f"/requests/{asked['request_id']}")
    assert shown["urgency"] == "same_day" and shown["advice"]["doctor_words"] == "Examen aujourd’hui, pas de déficit."


async def test_words_being_typed_survive_a_refresh(people: People, page_as: PageAs) -> None:
    asked = await people.a_request(danger="advice")
    page = await page_as(await people.duty_doctor())
    row, detail, words = page.locator(f"#avis-{asked['request_id']}"), page.locator("#detail"), page.get_by_role("textbox", name="Vos mots")
    await row.click()
    await expect(detail).to_have_attribute("data-case", asked["request_id"])
    await words.press_sequentially("Je pense que", delay=5)
    another = await people.a_request(danger="advice")
    other_row = page.locator(f"#avis-{another['request_id']}")
    await expect(other_row).to_be_visible(timeout=5_000)
    await expect(words).to_be_focused()
    await page.keyboard.type(" oui")
    await expect(words).to_have_value("Je pense que oui")
    await other_row.click()
    await expect(detail).to_have_attribute("data-case", another["request_id"])
    await expect(words).to_have_value("")
    await row.click()
    await expect(words).to_have_value("Je pense que oui")


async def test_without_intake_the_day_stands_with_references_and_the_secretariat_s_number(people: People, page_as: PageAs) -> None:
    visit = await people.booked(reason="Q15", isolated=True, can_move=False)
    page = await page_as(people.doctor_of(visit["practitioner_id"]))
    await people.stack.stop_process("intake")
    try:
        await page.goto(f"{people.stack.access.url('console')}/medecin?rdv={visit['appointment_id']}")
        detail = page.locator("#detail")
        await expect(detail.get_by_role("heading", level=2)).to_have_text(spoken_reference(UUID(visit["request_id"])))
        await expect(detail).to_contain_text("identité indisponible")
        await expect(detail).to_contain_text("01 99 00 94 00")
        await expect(line_of(page, visit)).to_contain_text(re.compile(r"\d\d à \d\d ans|80 ans et plus"))
    finally:
        await people.stack.start_process("intake")


async def test_one_trace_joins_the_desk_s_act_and_the_doctor_s_refresh(people: People, page_as: PageAs) -> None:
    """A refetch caused by a hint carries the hint's trace."""
    visit = await people.booked(reason="Q15", isolated=True, can_move=False)
    page = await page_as(people.doctor_of(visit["practitioner_id"]))
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.headers.get("traceparent", "")) if one.url.endswith("/medecin/file") else None)
    await page.evaluate(_KEEP_HINT)
    await people.ask("secretary", "scheduling", "POST", f"/appointments/{visit['appointment_id']}/cancel", {"cause": "by_patient"})
    await expect(line_of(page, visit)).to_have_count(0)
    hinted = await page.evaluate("window.lastHint.traceparent")
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", hinted)
    assert hinted in sent
