"""Whatever people type stays text: in the HTML of every page that shows it, and in a real browser."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest
from playwright.async_api import Browser, BrowserContext, Page

from recours.stack.stack import TemporaryStack
from shared.testing.fixtures import eventually
from tests.e2e.people import People
from tests.hostile.console.scene import FIELDS, PAYLOADS, STAFF_PASSWORD, Scene, hostile_staff, make_scene, mark, payload, signed_in_as

_LINKS = frozenset({"href", "src", "action", "formaction", "hx-get", "hx-post", "data-live-stream", "data-url"})
_OURS = ("/", "#", "tel:", "?")
_SHORT_RUN = frozenset({"element", "attribute", "htmx", "direction"})
# What intake keeps and no page of today shows.
_SHOWN_NOWHERE = frozenset({"address", "arm_label", "file_no"})


@dataclass
class Seen(HTMLParser):
    """A page as a browser reads it: its text, and whatever in it could act."""

    page: str
    text: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script" and not (given.get("src") or "").startswith("/static/"):
            self.troubles.append(f"a script: {attrs}")
        if tag in ("img", "iframe", "object", "embed", "base", "style", "audio", "video"):
            self.troubles.append(f"an element that no page of ours has: {tag} {attrs}")
        for name, value in attrs:
            if name.startswith("on") or name == "style" or name == "srcdoc":
                self.troubles.append(f"{tag} {name}={value}")
            if name in _LINKS and value is not None and (not value.startswith(_OURS) or value.startswith("//") or "pwned" in value):
                self.troubles.append(f"{tag} {name}={value}")
        self.text += [value for _, value in attrs if value]

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        self.troubles.append(f"a comment: {data[:40]}")

    @property
    def all_text(self) -> str:
        return " ".join(self.text)


def addresses(scene: Scene, staff: str) -> list[tuple[str, str]]:
    """Who opens what: every page and panel that shows something a person typed."""
    booked, handed, asked = scene.booked, scene.handed, scene.asked
    pages = [
        (staff, f"/secretariat?demande={one}") for one in (booked["request_id"], handed["request_id"], asked["request_id"], scene.promised)
    ]
    pages += [
        (staff, path) for path in ("/secretariat/file", "/secretariat/chiffres", "/secretariat/agenda", "/direct", "/accueil", "/aide")
    ]
    pages += [(staff, f"/secretariat/quinze?demande={handed['request_id']}"), (staff, f"/demandes/{asked['request_id']}")]
    pages += [("regulator", path) for path in ("/regulation/a-prendre", "/regulation/miens", "/regulation/creneaux")]
    pages += [("regulator", f"/regulation/dossier?dossier={handed['request_id']}"), ("arm", f"/regulation?dossier={handed['request_id']}")]
    pages += [
        (scene.doctor, path)
        for path in ("/medecin", "/medecin/garde", f"/medecin/avis/{asked['request_id']}", f"/medecin?avis={asked['request_id']}")
    ]
    return [*pages, ("ops", "/direct/tableau")]


async def doctors_pages(people: People, scene: Scene) -> list[tuple[str, str]]:
    doctor, appointment = people.doctor_of(scene.booked["practitioner_id"]), scene.booked["appointment_id"]
    paths = ("/medecin", "/medecin/file", f"/medecin/dossier/{appointment}", f"/medecin/issue/{appointment}", f"/medecin?rdv={appointment}")
    return [(doctor, path) for path in paths]


@pytest.mark.parametrize("family", [one if one in _SHORT_RUN else pytest.param(one, marks=pytest.mark.proof) for one in PAYLOADS])
async def test_what_people_type_is_text_on_every_page_that_shows_it(stack: TemporaryStack, people: People, family: str) -> None:
    scene, staff = await make_scene(people, family), await hostile_staff(stack, family)
    advice = PAYLOADS[family].format(mark=mark(family, "advice"))
    async with signed_in_as(stack, scene.doctor) as doctor:
        said = {"decision": "appointment", "words": advice, "urgency": "same_day", "modes": "surgery"}

        async def given() -> str | None:
            """Refused until regulation has heard who holds the rota: a stack that just started learns it from an event."""
            answer = await doctor.post(f"/medecin/avis/{scene.asked['request_id']}", data=said, headers={"hx-request": "true"})
            return answer.text if answer.status_code == 200 else None

        shown = [await eventually(given, within=20, every=0.2)]
    wanted = [*addresses(scene, staff), *(await doctors_pages(people, scene))]
    for who in dict.fromkeys(who for who, _ in wanted):
        async with signed_in_as(stack, who) as browser:
            if who == staff:
                searched = await browser.post("/secretariat/patients/chercher", data={"name_said": payload(family, "birth_name")})
                assert searched.status_code == 200
                shown.append(searched.text)
            for path in (path for one, path in wanted if one == who):
                answer = await browser.get(path, follow_redirects=True)
                assert answer.status_code == 200, f"{who} {path}: {answer.status_code}"
                assert "'unsafe-inline'" not in answer.headers["content-security-policy"]
                assert answer.headers["cache-control"] == "no-store"
                shown.append(answer.text)
    texts = []
    for page in shown:
        seen = Seen(page)
        assert not seen.troubles, seen.troubles
        assert not any(character in page for character in "\u202e\u2066\u200f\ufeff\x00"), "nothing turns the line around"
        texts.append(seen.all_text)
    everything = " ".join(texts).upper()
    assert "STAFF" in everything
    assert f"{mark(family, 'words')}49" not in everything, "a template was run"
    not_shown = {name for name in FIELDS if mark(family, name) not in everything}
    assert not_shown <= _SHOWN_NOWHERE, f"fields whose page this test does not open: {not_shown}"


async def sign_in(stack: TemporaryStack, context: BrowserContext, who: str) -> Page:
    account = next((one for one in stack.accounts if who == one.login or who in one.roles), None)
    login, password = (account.login, account.password) if account else (who, STAFF_PASSWORD)
    page = await context.new_page()
    page.set_default_timeout(15_000)
    await page.goto(f"{stack.access.url('console')}/connexion")
    await page.get_by_label("Identifiant").fill(login)
    await page.get_by_label("Mot de passe").fill(password)
    await page.get_by_role("button", name="Entrer").click()
    await page.wait_for_url(lambda url: "/connexion" not in url)
    return page


_WIDE, _PHONE = (1366, 768), (390, 844)
_LOADED = "() => !document.querySelector('[data-load] .loading') && !document.querySelector('.htmx-request')"
_TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const wide = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > width + 1);
  return wide.map((one) => `${one.tagName}.${one.className}`).slice(0, 8);
}"""


@pytest.mark.proof
@pytest.mark.parametrize("family", list(PAYLOADS))
async def test_a_browser_runs_nothing_of_it_and_asks_nobody_else(
    stack: TemporaryStack, people: People, browser: Browser, family: str
) -> None:
    await look_at_everything(stack, people, browser, family)


async def test_a_browser_runs_nothing_of_the_worst_of_it(stack: TemporaryStack, people: People, browser: Browser) -> None:
    """The short run: one family whose text closes what it stands in and tries to bring its own attributes."""
    await look_at_everything(stack, people, browser, "htmx", only=("/secretariat?", "/regulation?", "/medecin?rdv"))


async def look_at_everything(
    stack: TemporaryStack, people: People, browser: Browser, family: str, *, only: tuple[str, ...] = ("/",)
) -> None:
    scene, staff = await make_scene(people, family), await hostile_staff(stack, family)
    doctor = people.doctor_of(scene.booked["practitioner_id"])
    whole = [(who, path) for who, path in addresses(scene, staff) if path.count("/") == 1] + [
        (staff, f"/demandes/{scene.asked['request_id']}"), (doctor, "/medecin"), (doctor, f"/medecin?rdv={scene.booked['appointment_id']}"),
        ("regulator", f"/regulation?dossier={scene.handed['request_id']}"),
    ]  # fmt: skip
    whole = [(who, path) for who, path in whole if path.startswith(only)]
    console, troubles = stack.access.url("console"), []
    async with await browser.new_context(viewport={"width": _WIDE[0], "height": _WIDE[1]}, locale="fr-FR") as context:
        context.on("request", lambda asked: None if asked.url.startswith((console, "data:")) else troubles.append(f"asked {asked.url}"))
        context.on("dialog", lambda dialog: troubles.append(f"a dialog: {dialog.message}"))
        for who in dict.fromkeys(who for who, _ in whole):
            page = await sign_in(stack, context, who)
            page.on("pageerror", lambda error: troubles.append(str(error)))
            page.on("console", lambda said: troubles.append(said.text) if "Content Security Policy" in said.text else None)
            for path in (path for one, path in whole if one == who):
                await page.goto(console + path)
                await page.wait_for_function(_LOADED)
                for width, height in (_WIDE, _PHONE) if path.startswith(("/medecin", "/demandes", "/accueil", "/aide")) else (_WIDE,):
                    await page.set_viewport_size({"width": width, "height": height})
                    too_wide = await page.evaluate(_TOO_WIDE)
                    assert not too_wide, f"{path} at {width}: {too_wide}"
                await page.set_viewport_size({"width": _WIDE[0], "height": _WIDE[1]})
                assert await page.evaluate("window.__pwned === undefined"), path
                assert await page.evaluate("window.htmx.config.allowEval === false && window.htmx.config.selfRequestsOnly === true")
            await context.clear_cookies()
            await page.close()
    assert not troubles, troubles
