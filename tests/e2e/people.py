"""The team at work behind the page under test: calls, patients and requests made through the services' own APIs. All fictitious."""

from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4

from recours.stack.stack import TemporaryStack
from shared.auth import Principal, TokenIssuer
from shared.errors import NotFound
from shared.http import ServiceClient
from shared.ids import new_id
from shared.testing.fixtures import eventually

_NAMES = ("Lantier", "Marchand", "Castel", "Belkacem", "Haddad", "Morin", "Petit", "Cherif", "Vasseur", "Tournier", "Nguyen", "Barreau")
_FIRST = ("Odette", "Henri", "René", "Inaya", "Samir", "Julie", "Lucas", "Nadia", "Lucie", "Marcel", "Lan", "Paul")


class People:
    """`await people.a_request(urgency="same_day")` gives a qualified request; `await people.booked(...)` its appointment."""

    def __init__(self, stack: TemporaryStack) -> None:
        self.stack = stack
        self._issuer = TokenIssuer(stack.access.token_private_key)
        self._clients = {name: ServiceClient(stack.access.url(name), self._issuer, name) for name in stack.services if name != "console"}
        self._closing = AsyncExitStack()
        self._count = 0

    async def __aenter__(self) -> Self:
        for client in self._clients.values():
            self._closing.push_async_callback(client.close)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._closing.aclose()

    def principal(self, who: str) -> Principal:
        """The team's member of that login, or the first with that role."""
        account = next(one for one in self.stack.accounts if who == one.login or who in one.roles)
        doctor = UUID(account.practitioner_id) if account.practitioner_id else None
        return Principal(UUID(account.id), frozenset(account.roles), "bievre", doctor, account.initials)

    async def ask(self, who: str, service: str, method: str, path: str, json: Any = None, params: Any = None) -> dict[str, Any]:
        """One call of a service as `who`."""
        key = str(uuid4()) if method != "GET" else None
        return await self._clients[service].request(
            method, path, principal=self.principal(who), json=json, params=params, idempotency_key=key
        )

    async def a_call(self, phone: str = "0199004815") -> str:
        """The line rings; nobody has picked up."""
        call_id = str(new_id())
        await self.ask("secretary", "intake", "POST", "/hooks/telephony", {"call_id": call_id, "event": "ringing", "phone": phone})
        return call_id

    async def a_patient(self, **said: Any) -> dict[str, Any]:
        self._count += 1
        person = {
            "birth_name": _NAMES[self._count % len(_NAMES)],
            "first_name": _FIRST[self._count % len(_FIRST)],
            "birth_date": f"19{40 + self._count % 50}-03-{1 + self._count % 28:02d}",
            "sex": "F" if self._count % 2 else "M",
            "phone": f"01990048{self._count % 100:02d}",
            "address": f"{self._count} rue de l’Exemple, 94550 Chevilly-Larue",
            "access": "3e sans ascenseur, code 47B12",
            "commune": "94021",
            "mt": "none",
        }
        return await self.ask("secretary", "intake", "POST", "/patients", person | said)

    async def a_request(
        self, *, reason: str = "Q06", danger: str | None = None, words: str = "Mal au dos depuis trois jours", **limits: Any
    ) -> dict[str, Any]:
        """A request qualified without a secretary's help: allocation is automatic. `danger` answers yes to the question of that kind."""
        patient = await self.a_patient()
        request_id = str(new_id())
        await self.ask("secretary", "intake", "POST", "/requests", {"request_id": request_id, "origin": "patient"})
        step0 = {
            "caller_role": "patient", "with_patient_now": True, "place": patient["address"], "access": patient["access"],
            "callback_number": patient["phone"], "age_value": patient["age"], "age_unit": "years", "sex": patient["sex"],
            "commune": patient["commune"], "words": words, "breathing": "no", "consciousness": "no", "chest_or_collapse": "no",
        }  # fmt: skip
        await self.ask("secretary", "intake", "PUT", f"/requests/{request_id}/step0", step0)
        protocol = await self.ask("secretary", "intake", "GET", "/protocol")
        questions = next(one["questions"] for one in protocol["reasons"] if one["code"] == reason)
        answers = {one["id"]: "no" for one in questions}
        if danger is not None:
            answers[next(one["id"] for one in questions if one["danger"] == danger)] = "yes"
        told = {"patient_id": patient["patient_id"], "reason": reason, "answers": answers, "since": "3 jours", "assisted": False}
        return await self.ask("secretary", "intake", "POST", f"/requests/{request_id}/qualify", told | {"limits": limits})

    async def booked(self, **request: Any) -> dict[str, Any]:
        """A request with the appointment that allocation gave it."""
        return await self.appointment_of((await self.a_request(**request))["request_id"])

    async def appointment_of(self, request_id: str) -> dict[str, Any]:
        """Waits for allocation."""

        async def appointment() -> dict[str, Any] | None:
            try:
                return await self.ask("secretary", "scheduling", "GET", f"/requests/{request_id}/appointment")
            except NotFound:
                return None

        found: dict[str, Any] = await eventually(appointment, within=15, every=0.1)
        return found

    def doctor_of(self, practitioner_id: str) -> str:
        """The login of a doctor of the pool."""
        return next(one.login for one in self.stack.accounts if one.practitioner_id == practitioner_id)

    async def duty_doctor(self) -> str:
        """The login of the doctor that the rota names now."""
        rota = await self.ask("secretary", "scheduling", "GET", "/rota/duty")
        return self.doctor_of(rota["practitioner_id"])
