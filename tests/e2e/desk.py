"""The secretary's hands: what she types, and nothing else. No mouse."""

from playwright.async_api import Page, expect


async def take_the_oldest(page: Page) -> str:
    """F2 on a ringing call; gives the spoken reference of the request it opened."""
    await expect(page.locator("#queue .q[data-new]").first).to_be_visible()
    await page.keyboard.press("F2")
    await expect(page.locator("#place")).to_be_visible()
    return await page.locator("#call .code").first.inner_text()


async def say_who_and_where(page: Page, *, place: str, age: str, words: str, access: str = "") -> None:
    """`A` somebody else calls, then place, call-back number as shown, age and sex, words, access."""
    await page.keyboard.press("a")
    await expect(page.locator("#place")).to_be_focused()
    await page.keyboard.type(place)
    for typed in ("", age, words, access):
        await page.keyboard.press("Enter")
        await page.keyboard.type(typed)
    await page.keyboard.press("Enter")


async def answer(page: Page, letters: str) -> None:
    """O, N or I to the open question, one after the other."""
    given = page.locator("[data-question]:has(input:checked)")
    before = await given.count()
    for nth, letter in enumerate(letters, start=1):
        await expect(page.locator("[data-question].cur")).to_be_visible()
        await page.keyboard.press(letter)
        await expect(given).to_have_count(before + nth)


async def choose_reason(page: Page, said: str, *, letters: str | None = None) -> None:
    """The reason by its number or a word, then its questions (all « non » unless `letters`)."""
    await expect(page.locator("#reason-word")).to_be_focused()
    await page.keyboard.type(said)
    await page.keyboard.press("Enter")
    questions = page.locator("[data-question]")
    await expect(questions.first).to_be_visible()
    await answer(page, letters or "n" * await questions.count())
    await page.keyboard.press("Enter")


_born: set[str] = set()


def _nobody_yet(born: str) -> str:
    """The same day in a year that this run has not registered: a second try of a test meets the file of the first."""
    while born in _born:
        born = f"{born[:4]}{int(born[4:]) + 1}"
    _born.add(born)
    return born


async def register(page: Page, *, born: str, name: str, first_name: str) -> None:
    """Birth date first; nobody is found, so the essentials are typed."""
    born = _nobody_yet(born)
    await expect(page.locator("#birth_said")).to_be_focused()
    await page.keyboard.type(born)
    await expect(page.locator("#found")).to_contain_text("Aucun dossier né le")
    await page.keyboard.press("F4")
    await expect(page.locator("#birth_name")).to_be_focused()
    await page.keyboard.type(name)
    await page.keyboard.press("Enter")
    await page.keyboard.type(first_name)
    create = page.get_by_role("button", name="Créer", exact=True)
    for _ in range(6):
        await page.keyboard.press("Enter")
    await expect(create).to_be_focused()
    await page.keyboard.press("Enter")


async def up_to_the_proposals(page: Page, *, born: str, name: str, reason: str = "6") -> str:
    """A whole call until the proposals stand on the right; gives the reference."""
    reference = await take_the_oldest(page)
    await say_who_and_where(page, place="8 rue de l’Exemple, Chevilly-Larue", age="58h", words="mal au dos depuis trois jours")
    await answer(page, "nnn")
    await page.keyboard.press("Enter")
    await choose_reason(page, reason)
    await register(page, born=born, name=name, first_name="René")
    await expect(page.locator("[name=can_move]").first).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#proposals .prop").first).to_be_visible()
    return reference
