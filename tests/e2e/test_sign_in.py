"""Signing in by keyboard, what the door says before, and how a lost session is told."""

import re

from playwright.async_api import Browser, expect

from recours.stack.stack import TemporaryStack
from tests.e2e.conftest import PageAs, Shot


async def test_the_door_says_how_the_service_is_and_signs_in_by_keyboard(stack: TemporaryStack, browser: Browser, shot: Shot) -> None:
    account = next(one for one in stack.accounts if "gp" in one.roles)
    async with await browser.new_context(viewport={"width": 1366, "height": 768}, locale="fr-FR") as context:
        page = await context.new_page()
        await page.goto(stack.access.url("console"))
        await expect(page).to_have_title("Se connecter · recours")
        await expect(page.get_by_label("Identifiant")).to_be_focused()
        await expect(page.get_by_text("ouvert, ferme dans")).to_be_visible()
        await expect(page.get_by_text("en service")).to_have_count(5)
        await shot(page, "sign-in")
        await page.keyboard.type(account.login)
        await page.keyboard.press("Tab")
        await page.keyboard.type("pas le bon mot de passe")
        await page.keyboard.press("Enter")
        refused = page.get_by_role("alert")
        await expect(refused).to_contain_text("Identifiant ou mot de passe refusé")
        await expect(refused).to_be_focused()
        await expect(page.get_by_label("Identifiant")).to_have_value(account.login)
        await page.get_by_label("Mot de passe").fill(account.password)
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(re.compile(r"/medecin$"))


async def test_signing_out_ends_the_session_also_for_a_page_left_open(stack: TemporaryStack, page_as: PageAs) -> None:
    page = await page_as("ops")
    other = await page.context.new_page()
    await other.goto(f"{stack.access.url('console')}/direct")
    await page.get_by_label("menu du compte").click()
    await page.get_by_role("button", name="Se déconnecter").click()
    await expect(page).to_have_url(re.compile(r"/connexion"))
    await expect(other).to_have_url(re.compile(r"/connexion"), timeout=20_000)


async def test_the_guide_of_the_role_is_one_key_away(page_as: PageAs) -> None:
    page = await page_as("ops")
    await page.keyboard.press("?")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Guide de l’exploitation")
    await page.keyboard.press("Escape")
    await expect(page).to_have_url(re.compile(r"/direct$"))


async def test_the_dark_theme_is_kept_in_this_browser(page_as: PageAs) -> None:
    page = await page_as("ops")
    await page.get_by_label("menu du compte").click()
    await page.get_by_label("Thème sombre").check()
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
