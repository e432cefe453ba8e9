"""Many secretaries at once on the same few slots, through the services' HTTP APIs, while processes are killed: what the checker judges.

The commands come from a seed; who wins comes from the machine. A command whose line broke is repeated with its key, or given up.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from recours.stack.stack import TemporaryStack
from shared.auth import Principal, TokenIssuer
from shared.errors import RecoursError, Unavailable
from shared.http import ServiceClient
from shared.ids import new_id
from tests.history.record import Recorder, RecordingClient

SERVICES = ("intake", "scheduling", "teleconsult", "orientation", "regulation", "pilotage")
_OUTCOMES = ("seen", "missed", "phone_only")
_PAUSE_SECONDS = 0.2
_REPEATED = 0.7
"""Of the commands whose outcome is not known, those that are sent again."""


@dataclass
class Care:
    """A request that is in somebody's hands."""

    qualified: dict[str, Any]
    hold_id: str | None = None
    appointment: dict[str, Any] | None = None

    @property
    def request_id(self) -> str:
        return str(self.qualified["request_id"])


class Rush:
    """`await rush.run()` until `stop` is set."""

    def __init__(self, stack: TemporaryStack, recorder: Recorder, *, seed: int, secretaries: int = 16) -> None:
        self._stack = stack
        self._seed = seed
        self._secretaries = secretaries
        issuer = TokenIssuer(stack.access.token_private_key)
        self._http = {name: ServiceClient(stack.access.url(name), issuer, name) for name in ("intake", "scheduling")}
        self._intake, self._scheduling = (RecordingClient(client, name, recorder) for name, client in self._http.items())
        self._shared: list[Care] = []
        self.stop = asyncio.Event()

    async def run(self) -> None:
        """Until `stop`. Every secretary ends the command she is in."""
        try:
            async with asyncio.TaskGroup() as desk:
                for number in range(self._secretaries):
                    desk.create_task(self._secretary(number))
        finally:
            for client in self._http.values():
                await client.close()

    async def _secretary(self, number: int) -> None:
        draw = random.Random(f"{self._seed} {number}")
        who = Principal(uuid4(), frozenset({"secretary"}), "bievre", None, f"S{number:02}")
        protocol: list[dict[str, Any]] = []
        while not self.stop.is_set():
            try:
                if not protocol:
                    read = await self._intake.ask("/protocol", who)
                    protocol = next(one["questions"] for one in read["reasons"] if one["code"] == "Q06")
                care = await self._care(draw, who, protocol)
                for _ in range(draw.randrange(1, 5)):
                    await self._serve(draw, who, care)
            except Unavailable:
                await asyncio.sleep(_PAUSE_SECONDS)
            except RecoursError:
                continue  # refused: recorded; the next caller

    async def _care(self, draw: random.Random, who: Principal, questions: Sequence[dict[str, Any]]) -> Care:
        """A new caller's case, or a colleague's, so that many hands want the same appointment."""
        if self._shared and draw.random() < 0.7:
            return draw.choice(self._shared[-24:])
        patient = await self._send(draw, self._intake, "POST", "/patients", who, _person(draw))
        request_id = str(new_id())
        await self._send(draw, self._intake, "POST", "/requests", who, {"request_id": request_id, "origin": "patient"})
        step0 = {
            "caller_role": "patient", "with_patient_now": True, "place": patient["address"], "callback_number": "0199004801",
            "age_value": patient["age"], "age_unit": "years", "sex": patient["sex"], "commune": patient["commune"],
            "words": "Mal au dos depuis trois jours", "breathing": "no", "consciousness": "no", "chest_or_collapse": "no",
        }  # fmt: skip
        await self._send(draw, self._intake, "PUT", f"/requests/{request_id}/step0", who, step0)
        said = {
            "patient_id": patient["patient_id"], "reason": "Q06", "answers": {one["id"]: "no" for one in questions}, "since": "3 jours",
            "assisted": draw.random() < 0.85, "limits": {},
        }  # fmt: skip
        view = await self._send(draw, self._intake, "POST", f"/requests/{request_id}/qualify", who, said)
        care = Care(view["qualified"])
        self._shared.append(care)
        return care

    async def _serve(self, draw: random.Random, who: Principal, care: Care) -> None:
        """One or a few of the things that a secretary or a doctor does with a request."""
        action = draw.random()
        if care.appointment is not None and action < 0.35:
            cause = draw.choice(("by_patient", "by_patient", "by_practitioner"))
            path = f"/appointments/{care.appointment['appointment_id']}/cancel"
            await self._send(draw, self._scheduling, "POST", path, who, {"cause": cause})
            care.appointment = None
            return
        if care.appointment is not None and action < 0.45:
            doctor = Principal(uuid4(), frozenset({"gp"}), "bievre", UUID(care.appointment["practitioner_id"]), "DR")
            path = f"/appointments/{care.appointment['appointment_id']}/outcome"
            await self._send(draw, self._scheduling, "POST", path, doctor, {"outcome": draw.choice(_OUTCOMES)})
            return
        if action < 0.48 and care.appointment is not None:
            await self._send(draw, self._intake, "POST", f"/requests/{care.request_id}/cancel", who, {"cause": "by_patient"})
            return
        await self._book(draw, who, care)

    async def _book(self, draw: random.Random, who: Principal, care: Care) -> None:
        """The list, perhaps a hold, perhaps another one, then the slot: everybody is told nearly the same list."""
        shown = await self._scheduling.search(f"/requests/{care.request_id}/proposals", who, {"qualified": care.qualified})
        slots = [item["slot_id"] for item in shown["items"][:6]]
        if not slots:
            return
        slot_id = draw.choice(slots)
        if draw.random() < 0.6:
            body = {"request_id": care.request_id, "slot_id": slot_id}
            care.hold_id = (await self._send(draw, self._scheduling, "POST", "/holds", who, body))["hold_id"]
            if draw.random() < 0.3:
                await self._send(draw, self._scheduling, "DELETE", f"/holds/{care.hold_id}", who)
                slot_id = draw.choice(slots)
        body = {"request_id": care.request_id, "qualified": care.qualified, "slot_id": slot_id}
        care.appointment = await self._send(draw, self._scheduling, "POST", "/appointments", who, body)

    async def _send(
        self, draw: random.Random, client: RecordingClient, method: str, path: str, who: Principal, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """One command; repeated with its key while nobody knows what became of it, unless she gives up."""
        key = str(new_id())
        while True:
            try:
                return await client.command(method, path, who, key, body)
            except Unavailable:
                if draw.random() > _REPEATED or self.stop.is_set():
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)


@dataclass(frozen=True)
class Kill:
    at_seconds: float
    victim: str

    def __str__(self) -> str:
        return f"{self.victim} at {self.at_seconds:.1f} s"


def schedule(seed: int, *, seconds: float, every: float, victims: Sequence[str]) -> list[Kill]:
    """Kills at seeded instants, on average one `every` so many seconds; each victim in turn, in a seeded order."""
    draw = random.Random(f"kills {seed}")
    kills: list[Kill] = []
    at, order = draw.uniform(0.5, every), list[str]()
    while at < seconds:
        if not order:
            order = draw.sample(list(victims), len(victims))
        kills.append(Kill(at, order.pop()))
        at += draw.uniform(0.5 * every, 1.5 * every)
    return kills


async def strike(stack: TemporaryStack, kills: Sequence[Kill], *, seconds: float, stop: asyncio.Event) -> None:
    """Kill on schedule, let each victim come back before it dies again, and end the rush after `seconds`."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for kill in kills:
        await asyncio.sleep(max(0.0, began + kill.at_seconds - loop.time()))
        await stack.until_ready(kill.victim)
        stack.kill(kill.victim)
    await asyncio.sleep(max(0.0, began + seconds - loop.time()))
    stop.set()
    for victim in {kill.victim for kill in kills}:
        await stack.until_ready(victim)


def _person(draw: random.Random) -> dict[str, Any]:
    return {
        "birth_name": draw.choice(("Lantier", "Castel", "Haddad", "Morin", "Vasseur", "Tournier")),
        "first_name": draw.choice(("Odette", "Henri", "Samir", "Julie", "Nadia", "Paul")),
        "birth_date": f"19{draw.randrange(40, 90)}-0{draw.randrange(1, 9)}-{draw.randrange(10, 28)}",
        "sex": draw.choice(("F", "M")),
        "phone": f"01990048{draw.randrange(100):02d}",
        "address": f"{draw.randrange(1, 90)} rue de l’Exemple, 94550 Chevilly-Larue",
        "commune": "94021",
        "mt": "none",
    }
