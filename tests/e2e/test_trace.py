"""One trace id, from the secretary's key to the doctor's refreshed queue, as the exported spans tell it."""

import json
from pathlib import Path

from playwright.async_api import Request, expect

from shared.testing.fixtures import eventually
from tests.e2e import desk
from tests.e2e.conftest import PageAs
from tests.e2e.people import People


async def test_one_trace_joins_the_secretary_s_key_to_the_doctor_s_queue(people: People, page_as: PageAs, traces: Path) -> None:
    page = await page_as("secretaire1")
    await people.a_call("0639980771")
    await desk.up_to_the_proposals(page, born="11071979", name="Dutrac")
    await page.keyboard.press("Digit1")
    await expect(page.locator(".say")).to_be_visible()
    held = await page.locator(".now4").inner_text()
    doctors = {one.display_name: one.login for one in people.stack.accounts if one.practitioner_id}
    login = next(login for name, login in doctors.items() if name.split()[-1] in held)
    queue = await page_as(login)
    await expect(queue.get_by_text("en ligne", exact=True)).to_be_visible()

    asked: list[Request] = []
    page.on("request", lambda one: asked.append(one) if one.method == "POST" else None)
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".answer-box")).to_contain_text("Réservé")
    trace_ids = {one.headers["traceparent"].split("-")[1] for one in asked if "traceparent" in one.headers}

    def joined() -> bool:
        spans = [json.loads(line) for line in traces.read_text(encoding="utf-8").splitlines()]
        for trace_id in trace_ids:
            mine = [span for span in spans if span["trace_id"] == trace_id]
            services = {span["service"] for span in mine}
            refreshed = any(span["service"] == "console" and "/medecin" in span["name"] for span in mine)
            if {"console", "scheduling", "intake"} <= services and refreshed:
                return True
        return False

    await eventually(joined, within=20, every=0.3)
