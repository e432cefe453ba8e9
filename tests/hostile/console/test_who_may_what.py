"""The table of who may open and do what in the console, walked for every role and every route; and nothing of another territory."""

import asyncio
from collections.abc import Mapping
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI

from recours.stack.stack import TemporaryStack
from services.console.accounts import add_account
from services.console.pages import ROUTERS
from shared.db import Database
from tests.e2e.people import People
from tests.hostile.console.routes import UNSAFE, address, routes_of
from tests.hostile.console.scene import FIELDS, NEXT_DOOR, STAFF_PASSWORD, make_scene, mark, signed_in_as

ROLES = ("secretary", "gp", "duty_doctor", "regulator", "arm", "osnp", "coordinator", "ops", "admin")
EVERYBODY = frozenset(ROLES)
_DESK = frozenset({"secretary"})
_DOCTORS = frozenset({"gp", "duty_doctor"})
_FIFTEEN = frozenset({"regulator", "arm", "osnp"})
# Longest prefix wins; None: no session is needed.
MAY: Mapping[str, frozenset[str] | None] = {
    "/": EVERYBODY, "/accueil": EVERYBODY, "/aide": EVERYBODY, "/live": EVERYBODY, "/connexion": None, "/deconnexion": None,
    "/secretariat": _DESK, "/medecin": _DOCTORS, "/regulation": _FIFTEEN,
    "/direct": frozenset({"ops", "coordinator", "admin", "secretary"}),
    "/demandes": frozenset({"secretary", "gp", "duty_doctor", "regulator", "arm", "coordinator", "ops"}),
}  # fmt: skip
# Inside a page: what a role may see but not do. The service behind says no again (its own table).
MAY_NOT_DO: Mapping[str, frozenset[str]] = {
    "/regulation/dossier/{request_id}/decision/{decision}": frozenset({"arm", "osnp"}),
    "/regulation/dossier/{request_id}/prendre": frozenset({"osnp"}),
}


def routes() -> list[tuple[str, str]]:
    app = FastAPI(openapi_url=None)
    for router in ROUTERS:
        app.include_router(router)
    return sorted(set(routes_of(app)))


def allowed(path: str) -> frozenset[str] | None:
    return MAY[max((prefix for prefix in MAY if path == prefix or path.startswith(f"{prefix.rstrip('/')}/")), key=len)]


async def account(stack: TemporaryStack, login: str, roles: list[str], *, territory: str = "bievre", doctor: UUID | None = None) -> str:
    database = await Database.open(stack.access.database_url("console"), service="console", max_size=1)
    try:
        await add_account(database, login, STAFF_PASSWORD, f"Compte {login}", roles, territory, doctor, "CT", machine_made=True)
    finally:
        await database.close()
    return login


async def test_every_route_refuses_a_stranger(stack: TemporaryStack) -> None:
    url = stack.access.url("console")
    async with httpx.AsyncClient(base_url=url, headers={"origin": url, "accept": "text/html"}, trust_env=False) as stranger:
        for method, path in routes():
            if allowed(path) is None:
                continue
            answer = await stranger.request(method, address(path))
            assert answer.status_code == 303 and answer.headers["location"].startswith("/connexion"), (
                f"{method} {path}: {answer.status_code}"
            )
            part = await stranger.request(method, address(path), headers={"hx-request": "true"})
            assert part.status_code == 401 and not part.content, f"{method} {path}: {part.status_code}"


async def test_each_role_opens_its_pages_and_no_other(stack: TemporaryStack) -> None:
    """A role that may not gets the page in French that says so; one that may gets anything else (a 404 for an id that is none…)."""

    async def walk(role: str) -> int:
        login = await account(stack, f"role-{role}", [role], doctor=uuid4() if role in _DOCTORS else None)
        walked = 0
        async with signed_in_as(stack, login) as browser:
            for method, path in routes():
                if path in NOT_WALKED:
                    continue
                who = allowed(path)
                answer = await browser.request(method, address(path))
                walked += 1
                refused = (who is not None and role not in who) or role in MAY_NOT_DO.get(path, frozenset())
                assert (answer.status_code == 403) == refused, f"{role} {method} {path}: {answer.status_code}"
                assert answer.status_code < 500, f"{role} {method} {path}: {answer.status_code}"
                if refused:
                    assert "<h1>Votre rôle ne permet pas cela.</h1>" in answer.text
        return walked

    assert sum(await asyncio.gather(*(walk(role) for role in ROLES))) > 400


async def test_two_roles_are_the_sum_of_both_and_none_more(stack: TemporaryStack) -> None:
    login = await account(stack, "deux-roles", ["arm", "coordinator"])
    async with signed_in_as(stack, login) as browser:
        for path, status in (("/regulation", 200), ("/direct", 200), ("/accueil", 200), ("/secretariat", 403), ("/medecin", 403)):
            assert (await browser.get(path)).status_code == status, path


NOT_WALKED = frozenset(
    {"/live", "/deconnexion", "/connexion", "/secretariat/simuler"}
)  # endless, the end of the session, its start, a call
NOT_HERE = "<h1>Introuvable dans votre territoire.</h1>"


async def test_an_id_of_the_territory_next_door_is_a_page_in_french_that_knows_nothing(stack: TemporaryStack, people: People) -> None:
    """Every page with the ids of a day of la Bièvre, as somebody who holds every role next door."""
    scene = await make_scene(people, "address")
    appointment, request_id = str(scene.booked["appointment_id"]), str(scene.booked["request_id"])
    asked, handed = str(scene.asked["request_id"]), str(scene.handed["request_id"])
    ids = {"appointment_id": appointment, "request_id": request_id, "which": request_id, "subject_id": request_id}
    doctor = UUID(str(scene.booked["practitioner_id"]))
    secrets = {*(mark("address", name) for name in FIELDS), str(doctor)}
    neighbour = await account(stack, "voisin", list(ROLES), territory=NEXT_DOOR, doctor=doctor)
    before = await people.ask("secretary", "intake", "GET", f"/requests/{handed}")
    said = {"request_id": handed, "outcome": "seen", "decision": "fifteen", "words": "x", "step": "0"}
    async with signed_in_as(stack, neighbour) as browser:
        shown = (f"/medecin/dossier/{appointment}", f"/medecin/avis/{asked}", f"/demandes/{request_id}")
        for path in (*shown, f"/regulation/dossier?dossier={handed}"):
            answer = await browser.get(path)
            assert answer.status_code == 404 and NOT_HERE in answer.text, f"{path}: {answer.status_code}"
        desk = await browser.get(f"/secretariat?demande={request_id}")
        assert "Cette demande est introuvable dans votre territoire." in desk.text
        for method, path in routes():
            if path in NOT_WALKED:
                continue
            if method in UNSAFE:
                answer = await browser.request(method, address(path, ids), data=said)
            else:
                answer = await browser.request(method, address(path, ids), params={"demande": handed, "dossier": handed})
            assert answer.status_code < 500, f"{method} {path}: {answer.status_code}"
            assert not any(secret in answer.text for secret in secrets), f"{method} {path} shows what is not its own"
    untouched = await people.ask("secretary", "intake", "GET", f"/requests/{handed}")
    assert untouched["version"] == before["version"]
    story = await people.ask("secretary", "pilotage", "GET", f"/requests/{request_id}/timeline")
    assert "regulation" not in {fact["service"] for fact in story["items"]}, "what was done next door is no part of it"


async def test_an_account_of_a_territory_that_is_not_served_opens_nothing(stack: TemporaryStack) -> None:
    nowhere = await account(stack, "nulle-part", list(ROLES), territory="nulle-part")
    async with signed_in_as(stack, nowhere) as browser:
        for path in ("/", "/accueil", "/secretariat", "/direct", "/live"):
            answer = await browser.get(path)
            assert answer.status_code == 303 and answer.headers["location"].startswith("/connexion"), path
