"""The secretary's desk as she works at it: the keyboard only, from the ringing to the recap."""

import re

from playwright.async_api import expect

from recours.stack.stack import TemporaryStack
from shared.ids import new_id
from shared.testing.fixtures import eventually
from tests.e2e import desk
from tests.e2e.conftest import PageAs, Shot
from tests.e2e.people import People


async def test_a_call_from_ringing_to_a_booked_slot_by_keyboard_only(people: People, page_as: PageAs, shot: Shot) -> None:
    page = await page_as("secretaire1")
    await expect(page.get_by_text("Personne en ligne")).to_be_visible()
    await people.a_call("0639980057")
    others = [await people.a_call(phone) for phone in ("0639982057", "0199003144")]
    await expect(page.locator("#queue")).to_contain_text("06 39 98 00 57")
    reference = await desk.take_the_oldest(page)
    await desk.say_who_and_where(
        page,
        place="8 rue de l’Exemple, Chevilly-Larue",
        age="82f",
        words="ne va pas bien depuis trois jours, tousse, mange peu",
        access="3e, code 47B12",
    )
    await desk.answer(page, "nn")
    await expect(page.locator("#saved")).to_contain_text("enregistré à")
    await shot(page, "secretary-step0")
    await page.keyboard.press("n")
    await page.keyboard.press("Enter")
    await desk.choose_reason(page, "15")
    await desk.register(page, born="14031944", name="Marchandel", first_name="Odette")
    await expect(page.get_by_role("heading", name="Odette Marchandel, 82 ans")).to_be_visible()
    await expect(page.locator("[name=can_move]").first).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Enter")
    proposals = page.locator("#proposals .prop")
    await expect(proposals.first).to_contain_text("Visite")
    assert await proposals.count() <= 3, "three are read out at most; the others are unfolded by 0"
    await shot(page, "secretary-proposal")
    await page.keyboard.press("Digit1")
    recap = page.locator(".say")
    await expect(recap).to_contain_text("née le 14 mars 1944")
    await expect(recap).to_contain_text("n’attendez pas : appelez le 15.")
    await expect(recap).to_contain_text(reference)
    await expect(page.locator(".now4")).to_contain_text("expire dans 02:5")
    await page.locator("[name=contact_rule][value=voice_only]").focus()
    await page.keyboard.press("Space")
    await page.locator("[name=mt_help][value=yes]").focus()
    await page.keyboard.press("Space")
    await shot(page, "secretary-recap")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".answer-box")).to_contain_text("Réservé : visite")
    request_id = re.search(r"demande=([0-9a-f-]{36})", page.url)
    assert request_id is not None
    appointment = await people.appointment_of(request_id[1])
    assert (appointment["mode"], appointment["path"], appointment["state"]) == ("visit", "assisted", "booked")
    request = await people.ask("secretaire1", "intake", "GET", f"/requests/{request_id[1]}")
    assert request["mt_help"] == "yes"
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Personne en ligne")).to_be_visible()
    for call_id in others:
        await people.ask("secretaire1", "intake", "POST", "/hooks/telephony", {"call_id": call_id, "event": "hung_up"})
    await expect(page.locator("#queue")).to_contain_text("coupé avant tri, à rappeler")


async def test_a_slot_held_by_a_colleague_is_hatched_and_named(people: People, page_as: PageAs) -> None:
    mine, hers = await page_as("secretaire1"), await page_as("secretaire2")
    await people.a_call("0639980101")
    await desk.up_to_the_proposals(mine, born="02031980", name="Tenant")
    await people.a_call("0639980102")
    await desk.up_to_the_proposals(hers, born="03041981", name="Regard")
    best = hers.locator("#proposals .prop").first
    slot = await best.get_attribute("id")
    assert slot == await mine.locator("#proposals .prop").first.get_attribute("id")
    await mine.keyboard.press("Digit1")
    await expect(mine.locator(".prop.mine")).to_contain_text("Tenu par moi")
    initials = people.principal("secretaire1").initials
    await expect(hers.locator(f"#{slot}")).to_have_class(re.compile(r"\bother\b"))
    await expect(hers.locator(f"#{slot}")).to_contain_text(f"Tenu par {initials}")
    await expect(hers.locator("#strip rect[data-s=held]:not([data-mine])")).to_have_count(1)
    await hers.keyboard.press("Digit1")
    await expect(hers.locator(".prop.mine")).to_have_count(0)
    await hers.keyboard.press("Digit2")
    await expect(hers.locator(".prop.mine")).to_have_count(1)
    await mine.keyboard.press("Escape")
    await expect(mine.locator(".prop.mine")).to_have_count(0)
    await expect(hers.locator(f"#{slot}")).not_to_have_class(re.compile(r"\bother\b"))
    await mine.keyboard.press("F7")
    await expect(mine.get_by_role("button", name="Rappel promis")).to_be_focused()
    await mine.get_by_role("button", name="Renseignement non médical").press("Enter")
    await expect(mine.get_by_text("Personne en ligne")).to_be_visible()
    await hers.keyboard.press("Control+Enter")
    await expect(hers.locator(".answer-box")).to_contain_text("Réservé")


async def test_a_call_back_is_promised_before_an_hour_and_waits_in_the_queue(people: People, page_as: PageAs) -> None:
    page = await page_as("secretaire1")
    await people.a_call("0639980203")
    await desk.take_the_oldest(page)
    await desk.say_who_and_where(page, place="Rungis", age="44h", words="tousse")
    await page.keyboard.press("Alt+Shift+KeyR")
    field = page.locator("#promised")
    await expect(field).to_be_focused()
    await page.keyboard.press("Control+a")
    await page.keyboard.type("19:45")
    await page.keyboard.press("Enter")
    await expect(page.locator("#call")).to_contain_text("Rappel promis avant 19:45")
    await expect(page.locator("#queue")).to_contain_text("avant 19:45")


async def test_an_advice_shows_its_hour(people: People, page_as: PageAs) -> None:
    asked = await people.a_request(reason="Q03", danger="advice")
    page = await page_as("secretaire1")
    await page.goto(f"{people.stack.access.url('console')}/secretariat?demande={asked['request_id']}")
    await expect(page.locator(".answer-box")).to_contain_text(re.compile(r"Avis demandé au médecin, réponse avant \d\d:\d\d"))


async def test_without_the_agenda_the_rest_goes_on(stack: TemporaryStack, people: People, page_as: PageAs) -> None:
    page = await page_as("secretaire1")
    await stack.stop_process("scheduling")
    try:
        await page.reload()
        await expect(page.locator("#strip")).to_contain_text("Agenda partagé : pas de réponse")
        await people.a_call("0639980304")
        await desk.take_the_oldest(page)
        await desk.say_who_and_where(page, place="Fresnes", age="30f", words="tousse")
        await desk.answer(page, "nnn")
        await page.keyboard.press("Enter")
        await expect(page.locator("#reason-word")).to_be_focused()
    finally:
        await stack.start_process("scheduling")

    async def back() -> bool:
        return bool((await people.ask("secretaire1", "scheduling", "GET", "/agenda/free"))["by_mode_hour"])

    await eventually(back, within=20)


async def test_a_slot_lost_meanwhile_is_named_with_the_next_one(people: People, page_as: PageAs) -> None:
    page = await page_as("secretaire1")
    await people.a_call("0639980405")
    await desk.up_to_the_proposals(page, born="05061982", name="Doublet")
    await page.keyboard.press("Digit1")
    mine = await page.locator(".prop.mine").get_attribute("id")
    hold_id = await page.locator("#draft [name=hold_id]").input_value()
    assert mine is not None
    await people.ask("secretaire1", "scheduling", "DELETE", f"/holds/{hold_id}")
    hers = {"request_id": str(new_id()), "slot_id": mine.removeprefix("proposal-")}
    await people.ask("secretaire2", "scheduling", "POST", "/holds", hers)
    await page.keyboard.press("Control+Enter")
    note = page.locator("#call .note")
    await expect(note).to_contain_text(f"Pris à l’instant par {people.principal('secretaire2').initials}. Suivant :")
    await expect(page.locator(".answer-box")).to_have_count(0)
