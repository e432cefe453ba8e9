"""One running stack a session with its team, its clock on a Tuesday morning, and Debian's Chromium."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol

import pytest
from playwright.async_api import Browser, Page, ViewportSize, async_playwright, expect

from recours.stack.loading import load_territory
from recours.stack.stack import TemporaryStack
from services.console.web.build import build as build_web
from shared.clock import ClockFile
from tests.e2e.people import People

TUESDAY = date(2026, 11, 24)
MORNING = datetime(2026, 11, 24, 7, 50, tzinfo=UTC)  # 08:50 in Cachan
_CHROMIUM = os.environ.get("RECOURS_CHROMIUM", "/usr/bin/chromium")
_SCREENSHOTS = Path(__file__).parents[2] / "docs" / "screenshots"
_FOLDER = Path(__file__).parent
expect.set_options(timeout=10_000)  # a deadline, not a duration: two cores run the stack, the tests and the browser


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _FOLDER in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.stack)
            # A browser on two busy cores loses a key now and then: one second try, told as « rerun » in the summary, never silent.
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every span of every process, one JSON line each."""
    return tmp_path_factory.mktemp("traces") / "spans.jsonl"


@pytest.fixture(scope="session")
async def stack(traces: Path) -> AsyncIterator[TemporaryStack]:
    """Everything, from the console to Kafka; business time runs from Tuesday 08:50."""
    build_web()
    os.environ["RECOURS_TRACES"] = f"file:{traces}"
    async with TemporaryStack(durable=False) as running:
        ClockFile(running.access.clock_file).run_from(MORNING)
        await load_territory(running.access, running.services, on=TUESDAY)
        yield running


@pytest.fixture(scope="session")
async def people(stack: TemporaryStack) -> AsyncIterator[People]:
    """Commands the services as the team's members, to set a scene."""
    async with People(stack) as team:
        yield team


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-quic", "--disable-background-networking", "--no-first-run"]
        chromium = await playwright.chromium.launch(executable_path=_CHROMIUM, args=arguments)
        yield chromium
        await chromium.close()


class PageAs(Protocol):
    """`await page_as("secretary")` or `await page_as("dr.aubrelin", (390, 844))`: a signed-in page of its own browser profile."""

    async def __call__(self, who: str, viewport: tuple[int, int] = (1366, 768), *, theme: str = "light") -> Page: ...


@pytest.fixture
async def page_as(stack: TemporaryStack, browser: Browser) -> AsyncIterator[PageAs]:
    """Signs in through the form, as a person does. A page that logs an error or a refused resource fails the test."""
    troubles: list[str] = []
    async with AsyncExitStack() as opened:

        async def open_page(who: str, viewport: tuple[int, int] = (1366, 768), *, theme: str = "light") -> Page:
            account = next(one for one in stack.accounts if who == one.login or who in one.roles)
            size: ViewportSize = {"width": viewport[0], "height": viewport[1]}
            context = await browser.new_context(viewport=size, locale="fr-FR", timezone_id="Europe/Paris", has_touch=viewport[0] < 700)
            opened.push_async_callback(context.close)
            if theme == "dark":
                await context.add_init_script("localStorage.setItem('recours.dark', 'on')")
            page = await context.new_page()
            page.set_default_timeout(10_000)
            page.on("pageerror", lambda error: troubles.append(str(error)))
            page.on("console", lambda said: troubles.append(said.text) if said.type == "error" and _is_ours(said.text) else None)
            await page.goto(f"{stack.access.url('console')}/connexion")
            await page.get_by_label("Identifiant").fill(account.login)
            await page.get_by_label("Mot de passe").fill(account.password)
            await page.get_by_role("button", name="Entrer").click()
            await page.wait_for_url(lambda url: "/connexion" not in url)
            await expect(page.locator("#connection")).to_have_text("en ligne")
            return page

        yield open_page
    assert not troubles, troubles


def _is_ours(text: str) -> bool:
    """Refusals of a service are answers (409, 503…), shown to the person; the browser logs them all the same."""
    return "Failed to load resource" not in text and not text.startswith(("htmx:sendError", "htmx:afterRequest", "htmx:responseError"))


Shot = Callable[[Page, str], Awaitable[None]]


@pytest.fixture
def shot() -> Shot:
    """`await shot(page, "gp-1366")`: a picture in docs/screenshots when RECOURS_SCREENSHOTS is set; else nothing is written."""

    async def take(page: Page, name: str) -> None:
        if os.environ.get("RECOURS_SCREENSHOTS"):
            _SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            await page.screenshot(path=_SCREENSHOTS / f"{name}.png", animations="disabled", caret="initial")

    return take
