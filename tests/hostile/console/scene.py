"""A day on which every free field that a person can fill holds something hostile. All people fictitious."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from recours.stack.stack import TemporaryStack
from services.console.accounts import add_account
from shared.db import Database
from shared.errors import NotFound
from shared.ids import new_id
from shared.testing.fixtures import eventually
from tests.e2e.people import People

# Families of payloads; each is put into every field. `{mark}` names the field, so that a page can be asked whether it shows it.
PAYLOADS: Mapping[str, str] = {
    "element": "{mark}<script>window.__pwned=1</script><img src=x onerror=window.__pwned=1>",
    "attribute": "{mark}\"'><svg onload=window.__pwned=1><a href=\"javascript:window.__pwned=1\" x='",
    "htmx": "{mark}\" autofocus onfocus=window.__pwned=1 hx-get=\"/pwned\" hx-trigger=\"load\" data-live-stream=\"/pwned\" x=\"",
    "template": "{mark}{{{{7*7}}}}${{7*7}}<%=7*7%>{{% raw %}}#{{7*7}}",
    "closing": "{mark}</textarea></title></style></script><iframe src=//ailleurs.example></iframe><!--",
    "address": "{mark}javascript:window.__pwned=1//https://ailleurs.example/x.js url(https://ailleurs.example/x)",
    "direction": "{mark}\u202eelpmaxe\u2066\u200f\ufeff \U0001f9d1\u200d\u2695\ufe0f\U0001f691",
    "long": "{mark}" + "W" * 78,
}  # fmt: skip
FIELDS = (
    "birth_name",
    "first_name",
    "used_name",
    "address",
    "access",
    "place",
    "words",
    "since",
    "who_opens",
    "arm_label",
    "file_no",
    "advice",
)
NEXT_DOOR = "voisin"
STAFF_PASSWORD = "mot-de-passe-hostile"


def payload(family: str, field: str) -> str:
    """The text for one field, of a length that every field takes."""
    return PAYLOADS[family].format(mark=mark(family, field))[: 40 if field == "file_no" else 98]


def mark(family: str, field: str) -> str:
    """Upper case and in no page by itself: a name may be shown in capitals."""
    return f"{family[:3].upper()}Z{FIELDS.index(field):02d}"


@dataclass(frozen=True)
class Scene:
    """What was made, by family: ids to open pages with."""

    booked: dict[str, Any]
    handed: dict[str, Any]
    asked: dict[str, Any]
    promised: str
    doctor: str


async def make_scene(people: People, family: str) -> Scene:
    """Four requests of one family: booked with a doctor, handed over to the 15, waiting for a doctor's word (then given), promised."""

    def said(field: str) -> str:
        return payload(family, field)

    async def request(reason: str, danger: str | None = None, **limits: Any) -> dict[str, Any]:
        person = {name: said(name) for name in ("birth_name", "first_name", "address", "access")}
        if danger is not None:
            person["used_name"] = said("used_name")  # shown in the place of the name at birth
        patient = await people.a_patient(**person)
        request_id = str(new_id())
        await people.ask("secretary", "intake", "POST", "/requests", {"request_id": request_id, "origin": "patient"})
        step0 = {
            "caller_role": "other", "with_patient_now": True, "place": said("place"), "access": said("access"),
            "callback_number": "0199004811", "age_value": 61, "age_unit": "years",
            "sex": "F", "commune": "94021", "words": said("words"), "breathing": "no",
            "consciousness": "no", "chest_or_collapse": "no",
        }  # fmt: skip
        await people.ask("secretary", "intake", "PUT", f"/requests/{request_id}/step0", step0)
        if not reason:
            return {"request_id": request_id, "patient_id": patient["patient_id"]}
        protocol = await people.ask("secretary", "intake", "GET", "/protocol")
        questions = next(one["questions"] for one in protocol["reasons"] if one["code"] == reason)
        answers = {one["id"]: "no" for one in questions}
        if danger is not None:
            answers[next(one["id"] for one in questions if one["danger"] == danger)] = "yes"
        told = {"patient_id": patient["patient_id"], "reason": reason, "answers": answers, "since": said("since"), "assisted": False}
        return await people.ask(
            "secretary", "intake", "POST", f"/requests/{request_id}/qualify", told | {"limits": limits | {"who_opens": said("who_opens")}}
        )

    visit = await request("Q06", can_move=False)
    handed = await request("")
    asked = await request("Q06", danger="advice")
    promised = await request("")
    handed = await people.ask("secretary", "intake", "POST", f"/requests/{handed['request_id']}/handover", {"channel": "voice"})
    await people.ask("secretary", "regulation", "PUT", f"/cases/{handed['request_id']}", handed["case"])
    answered = {"arm_label": said("arm_label"), "file_no": said("file_no")}
    await people.ask("secretary", "intake", "POST", f"/requests/{handed['request_id']}/handover/answer", answered)
    await people.ask("secretary", "regulation", "PUT", f"/cases/{asked['request_id']}", asked["case"])
    due = {"due_at": "2026-11-24T18:00:00+01:00"}
    await people.ask("secretary", "intake", "POST", f"/requests/{promised['request_id']}/callback", due)
    booked = await people.appointment_of(visit["request_id"])

    async def told() -> bool:
        try:
            return bool(await people.ask("secretary", "pilotage", "GET", f"/requests/{asked['request_id']}/timeline"))
        except NotFound:
            return False

    await eventually(told, within=20, every=0.2)
    return Scene(booked, handed, asked, promised["request_id"], await people.duty_doctor())


async def hostile_staff(stack: TemporaryStack, family: str) -> str:
    """A secretary and coordinator whose own name and initials are hostile: what an operator typed is shown too. Gives the login."""
    login = f"hostile-{family}"
    database = await Database.open(stack.access.database_url("console"), service="console", max_size=1)
    name = PAYLOADS[family].format(mark="staff")
    try:
        await add_account(database, login, STAFF_PASSWORD, name, ["secretary", "coordinator"], "bievre", None, name[:12], machine_made=True)
    finally:
        await database.close()
    return login


@asynccontextmanager
async def signed_in_as(stack: TemporaryStack, who: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without a screen, signed in through the form as the team's member of that login, or the first with that role."""
    account = next((one for one in stack.accounts if who == one.login or who in one.roles), None)
    login, password = (account.login, account.password) if account else (who, STAFF_PASSWORD)
    url = stack.access.url("console")
    headers = {"origin": url, "accept": "text/html"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=20) as browser:
        answer = await browser.post("/connexion", data={"login": login, "password": password})
        assert answer.status_code == 303, answer.text
        yield browser
