"""What latency is measured on: doctors who see patients at their surgery all day, and callers about to be qualified."""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from recours.operations import accounts
from recours.stack.environment import Access
from shared.auth import Principal, TokenIssuer
from shared.http import ServiceClient
from shared.ids import new_id

TERRITORY = "bievre"
REASON = "Q06"
_AT_ONCE = 6


@dataclass(frozen=True)
class Gp:
    """A doctor of the bench with the account he signs in with."""

    practitioner_id: UUID
    login: str
    password: str


class Surgeries:
    """Everything goes through the services' own APIs, as the desk and the administrator would do it."""

    def __init__(self, access: Access) -> None:
        self._access = access
        issuer = TokenIssuer(access.token_private_key)
        self._clients = {name: ServiceClient(access.url(name), issuer, name) for name in ("intake", "scheduling")}
        self._admin = Principal(new_id(), frozenset({"admin", "system"}), TERRITORY, None, "")
        self._secretary = Principal(new_id(), frozenset({"secretary"}), TERRITORY, None, "BE")
        self._answers: dict[str, str] = {}

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()

    async def open(self, count: int, on: date) -> list[Gp]:
        """That many doctors, free from 8:00 to 20:00 on that day and no other."""
        gps = [Gp(new_id(), f"banc{number}", secrets.token_urlsafe(12)) for number in range(count)]
        for number, gp in enumerate(gps):
            await self._register(gp, number, on)
        materialise = {"from_on": on.isoformat(), "to_on": on.isoformat()}
        await self._clients["scheduling"].post("/slots/materialise", principal=self._admin, json=materialise)
        protocol = await self._clients["intake"].get("/protocol", principal=self._secretary)
        questions = next(one["questions"] for one in protocol["reasons"] if one["code"] == REASON)
        self._answers = {one["id"]: "no" for one in questions}
        return gps

    async def _register(self, gp: Gp, number: int, on: date) -> None:
        doctor = {
            "display_name": f"Dr Banc {number}", "rpps": f"8997{number:07d}", "status": "titulaire", "modes": ["surgery"],
            "commune": "94016", "lon": 2.33, "lat": 48.79, "accepts_as_mt": True,
        }  # fmt: skip
        week = {
            "weekday": on.isoweekday(), "from": "08:00", "to": "20:00", "mode": "surgery", "valid_from": on.isoformat(),
            "valid_to": on.isoformat(),
        }  # fmt: skip
        path = f"/practitioners/{gp.practitioner_id}"
        await self._clients["scheduling"].put(path, principal=self._admin, json=doctor)
        await self._clients["scheduling"].put(f"{path}/availabilities", principal=self._admin, json={"items": [week]})
        await accounts.add(
            self._access.settings(), login=gp.login, password=gp.password, display_name=f"Dr Banc {number}", initials="BE", roles=["gp"],
            territory_id=TERRITORY, practitioner_id=gp.practitioner_id,
        )  # fmt: skip

    async def callers(self, count: int) -> list["Caller"]:
        """That many people whose step 0 is answered: one command is left."""
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(number: int) -> Caller:
            async with room:
                return await self._caller(number)

        return list(await asyncio.gather(*(one(number) for number in range(count))))

    async def _caller(self, number: int) -> "Caller":
        person = {
            "birth_name": f"Essai{_letters(number)}", "first_name": "Camille", "sex": "F",
            "birth_date": f"19{40 + number % 50}-03-{1 + number % 28:02d}", "phone": f"0199{number % 1_000_000:06d}",
            "address": f"{number} rue de l’Exemple, 94550 Chevilly-Larue",
            "access": "porte A", "commune": "94021", "mt": "none",
        }  # fmt: skip
        patient = await self._intake("POST", "/patients", person)
        request_id = new_id()
        await self._intake("POST", "/requests", {"request_id": str(request_id), "origin": "patient"})
        step0 = {
            "caller_role": "patient", "with_patient_now": True, "place": patient["address"], "access": patient["access"],
            "callback_number": patient["phone"], "age_value": patient["age"], "age_unit": "years", "sex": patient["sex"],
            "commune": patient["commune"], "words": "Mal au dos depuis trois jours", "breathing": "no", "consciousness": "no",
            "chest_or_collapse": "no",
        }  # fmt: skip
        await self._intake("PUT", f"/requests/{request_id}/step0", step0)
        return Caller(self, request_id, patient["patient_id"])

    async def _intake(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._clients["intake"].request(
            method, path, principal=self._secretary, json=body, idempotency_key=str(new_id()) if method != "GET" else None
        )

    async def qualify(self, caller: "Caller") -> None:
        """Nobody is on the line: allocation is automatic."""
        told = {"patient_id": caller.patient_id, "reason": REASON, "answers": self._answers, "since": "3 jours"}
        await self._intake("POST", f"/requests/{caller.request_id}/qualify", told | {"assisted": False, "limits": {}})


@dataclass(frozen=True)
class Caller:
    """Somebody whose request waits for its qualification."""

    surgeries: Surgeries
    request_id: UUID
    patient_id: str

    async def is_qualified(self) -> None:
        """The command that the clock starts with; raises what intake refused."""
        await self.surgeries.qualify(self)


def _letters(number: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))
