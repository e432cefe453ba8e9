"""The board of operations: figures that move, services that fall, sentences that read 0, and no name anywhere."""

import re

from playwright.async_api import expect

from tests.e2e.conftest import PageAs, Shot
from tests.e2e.people import People


async def test_a_ringing_call_and_its_pick_up_move_the_figures(people: People, page_as: PageAs, shot: Shot) -> None:
    page = await page_as("ops")
    waiting = page.locator("#big-waiting_calls .v")
    at_first = int(await waiting.inner_text())
    call_id = await people.a_call()
    await expect(waiting).to_have_text(str(at_first + 1), timeout=12_000)
    await people.ask("secretary", "intake", "POST", f"/calls/{call_id}/answer")
    await expect(waiting).to_have_text(str(at_first), timeout=12_000)
    await shot(page, "live-1366")


async def test_everything_fits_without_scrolling_and_each_number_says_how_it_is_counted(page_as: PageAs, shot: Shot) -> None:
    page = await page_as("ops", (1920, 1080))
    size = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert size == [1920, 1080]
    zeros = page.locator(".inv li b")
    assert await zeros.all_inner_texts() == ["0"] * 6
    await page.locator("#big-at_risk_48h").click()
    await expect(page.get_by_role("dialog")).to_contain_text("à moins de 24 h de leur limite de 48 h")
    await page.keyboard.press("Escape")
    await expect(page.locator("#big-at_risk_48h")).to_be_focused()
    await shot(page, "live-1920")


async def test_a_service_that_falls_is_said_and_the_rest_stays(people: People, page_as: PageAs) -> None:
    page = await page_as("ops")
    line = page.locator(".svc tr").filter(has_text="Agenda partagé")
    await expect(line).to_contain_text(re.compile("en service|lent"))
    await people.stack.stop_process("scheduling")
    try:
        await expect(line).to_contain_text("en panne", timeout=15_000)
        await expect(page.get_by_text("Agenda partagé : pas de réponse")).to_be_visible()
        await expect(page.locator("#big-waiting_calls .v")).to_have_text(re.compile(r"\d"))
    finally:
        await people.stack.start_process("scheduling")
    await expect(page.locator(".heat tbody tr").first).to_be_visible(timeout=15_000)


async def test_the_coordinator_sees_figures_and_no_name(people: People, page_as: PageAs) -> None:
    patient = await people.a_patient(birth_name="Zylberstajnquist")
    request = await people.a_request(danger="advice")
    page = await page_as("coordinator")
    await page.get_by_role("link", name="Direct").first.click()
    await expect(page.locator(".six")).to_be_visible()
    content = await page.content()
    await page.goto(f"{people.stack.access.url('console')}/demandes/{request['request_id']}")
    content += await page.content()
    assert "Avis demandé" in content
    for secret in ("Zylberstajnquist", patient["phone"], "rue de l’Exemple"):
        assert secret not in content


async def test_a_console_away_is_said_with_the_age_of_what_is_shown_and_the_page_comes_back_by_itself(
    people: People, page_as: PageAs
) -> None:
    page = await page_as("ops")
    chip = page.locator("#connection")
    await people.stack.stop_process("console")
    try:
        await expect(chip).to_have_text("hors ligne")
        await expect(page.locator(".stale-mark").first).to_contain_text("il y a", timeout=45_000)
    finally:
        await people.stack.start_process("console")
    await expect(chip).to_have_text("en ligne", timeout=20_000)
    await expect(page.locator(".stale-mark")).to_have_count(0, timeout=20_000)
