"""A desk with its telephone: the steps of a call that a test does not care about."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from shared.events import Event
from shared.testing.fixtures import AsSomebody, Running, eventually
from shared.testing.wire import tell

PHONE = "06 39 98 41 18"
PLACE = "8 rue Exemple, Chevilly-Larue"
WORDS = "gorge en feu depuis hier, dit Zéphyrine"
NO_TO_ALL = {"breathing": "no", "consciousness": "no", "chest_or_collapse": "no"}
CALM_Q02 = {"q02_swallow": "no", "q02_bleeding": "no", "q02_jaw": "no", "q02_deaf": "no"}
ODETTE: dict[str, Any] = {
    "birth_name": "Marchandeau",
    "first_name": "Zéphyrine",
    "birth_date": "1985-03-12",
    "sex": "F",
    "commune": "94021",
    "mt": "none",
    "phone": PHONE,
    "address": PLACE,
}


@dataclass
class Desk:
    """One secretary on `intake`."""

    intake: Running
    her: AsSomebody

    @classmethod
    def of(cls, intake: Running, **who: Any) -> "Desk":
        return cls(intake, intake.client(["secretary"], initials="SM", **who))

    async def ringing(self, phone: str | None = PHONE) -> str:
        call_id = str(uuid4())
        await self.her.post("/hooks/telephony", json={"call_id": call_id, "event": "ringing", "phone": phone})
        return call_id

    async def answered(self, phone: str | None = PHONE) -> str:
        call_id = await self.ringing(phone)
        await self.her.post(f"/calls/{call_id}/answer")
        return call_id

    async def opened(self, call_id: str | None = None) -> str:
        request_id = str(uuid4())
        await self.her.post("/requests", json={"request_id": request_id, "call_id": call_id, "origin": "patient"})
        return request_id

    async def step0(self, request_id: str, **said: Any) -> dict[str, Any]:
        body = {
            "caller_role": "patient",
            "place": PLACE,
            "callback_number": PHONE,
            "age_value": 41,
            "age_unit": "years",
            "sex": "F",
            "words": WORDS,
        }
        return await self.her.put(f"/requests/{request_id}/step0", json={**body, **NO_TO_ALL, **said})

    async def patient(self, **said: Any) -> str:
        return str((await self.her.post("/patients", json={**ODETTE, **said}))["patient_id"])

    async def qualified(self, request_id: str, patient_id: str, **said: Any) -> dict[str, Any]:
        body = {"patient_id": patient_id, "reason": "Q02", "answers": CALM_Q02, **said}
        return await self.her.post(f"/requests/{request_id}/qualify", json=body)

    async def a_qualified_request(self, **said: Any) -> dict[str, Any]:
        request_id = await self.opened(await self.answered())
        await self.step0(request_id)
        return await self.qualified(request_id, await self.patient(), **said)

    async def get(self, request_id: str) -> dict[str, Any]:
        return await self.her.get(f"/requests/{request_id}")


async def followed(running: Running, *events: Event) -> None:
    """Tell the facts and wait until intake has taken them in."""
    await tell(running, *events)
    ids = [event.event_id for event in events]

    async def taken_in() -> bool:
        async with running.database.reading() as sql:
            found: int = await sql.fetchval("SELECT count(*) FROM inbox WHERE event_id = ANY($1)", ids)
        return found == len(set(ids))

    await eventually(taken_in)


async def told(running: Running) -> list[str]:
    """Names of the events recorded so far, in order."""
    async with running.database.reading() as sql:
        return [row["event_type"].split(".")[1] for row in await sql.fetch("SELECT event_type FROM outbox ORDER BY id")]
