"""A whole stack at work, for hostile callers: the territory's team, some patients, and a request in each state that has routes."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml

from recours.stack.loading import load_territory
from recours.stack.ports import SERVICES
from recours.stack.stack import TemporaryStack
from shared.auth import Principal
from shared.clock import ClockFile
from shared.ids import new_id
from tests.e2e.people import People
from tests.stack.test_slice import book, proposals, qualified

TUESDAY = date(2026, 11, 24)
MORNING = datetime(2026, 11, 24, 7, 50, tzinfo=UTC)
APIS = tuple(service for service in SERVICES if service != "console")
NEXT_DOOR = "ailleurs"
BIEVRE = Path(__file__).parents[3] / "deploy" / "territory" / "bievre"
EVERY_ROLE = frozenset({"secretary", "gp", "duty_doctor", "regulator", "arm", "osnp", "coordinator", "ops", "admin", "telephony", "system"})


@dataclass
class Known:
    """What exists, by the name that routes and bodies give it: so that a hostile case goes further than « no such thing »."""

    ids: dict[str, list[str]] = field(default_factory=dict)
    qualified: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, *values: str) -> None:
        known = self.ids.setdefault(name, [])
        known.extend(value for value in values if value not in known)


@dataclass(frozen=True)
class Target:
    """One HTTP address under test. `service` is its token's audience, None on the operator's address, which asks for none."""

    name: str
    service: str | None
    url: str
    territory_id: str = "bievre"


@dataclass
class Platform:
    """The running stack and what is in it."""

    stack: TemporaryStack
    known: Known

    def targets(self) -> list[Target]:
        """The services' addresses, then the operator's."""
        access = self.stack.access
        people = [Target(service, service, access.url(service)) for service in APIS]
        return people + [Target(f"{service} ops", None, access.ops_url(service)) for service in APIS]

    def log_files(self) -> list[Path]:
        """What the stack's processes wrote."""
        return sorted(path for path in (self.stack.access.data_dir / "logs").rglob("*.log"))

    def callers(self) -> list[Principal]:
        """Who calls: mostly somebody with every role, so that no door closes before the rule behind it is reached."""
        doctors = [UUID(doctor) for doctor in self.known.ids["practitioner_id"][:3]]
        everybody = [Principal(new_id(), EVERY_ROLE, "bievre", doctor, "HO") for doctor in doctors]
        return everybody * 3 + [
            Principal(new_id(), frozenset({"secretary"}), "bievre", None, "SE"),
            Principal(new_id(), frozenset({"gp", "duty_doctor"}), "bievre", doctors[0], "GP"),
            Principal(new_id(), frozenset({"regulator", "arm"}), "bievre", None, "RG"),
        ]


@asynccontextmanager
async def platform_at_work() -> AsyncIterator[Platform]:
    """Started, filled, and stopped at the end. It serves two territories: the work is in the first, the second is next door."""
    with tempfile.TemporaryDirectory(prefix="recours-territory-") as folder:
        before = os.environ.get("RECOURS_TERRITORY_DIRS")
        os.environ["RECOURS_TERRITORY_DIRS"] = f"{BIEVRE},{_next_door(Path(folder))}"
        try:
            async with TemporaryStack(durable=False) as stack:
                ClockFile(stack.access.clock_file).run_from(MORNING)
                await load_territory(stack.access, stack.services, on=TUESDAY)
                async with People(stack) as people:
                    yield Platform(stack, await fill(people))
        finally:
            if before is None:
                del os.environ["RECOURS_TERRITORY_DIRS"]
            else:
                os.environ["RECOURS_TERRITORY_DIRS"] = before


def _next_door(folder: Path) -> Path:
    """A second territory, with no doctor and no patient. Readable by the services' own account."""
    folder.chmod(0o755)
    for name in ("territory.yaml", "protocol.yaml", "tariff.yaml"):
        shutil.copy(BIEVRE / name, folder)
    said = yaml.safe_load((folder / "territory.yaml").read_text(encoding="utf-8"))
    (folder / "territory.yaml").write_text(yaml.safe_dump(said | {"id": NEXT_DOOR}, allow_unicode=True), encoding="utf-8")
    return folder


async def fill(people: People) -> Known:
    """Calls, patients, requests from the first ring to the closed act, cases, holds, sessions, searches."""
    known = Known()
    known.add("call_id", await people.a_call(), await people.a_call("0199004816"))
    hung_up = {"call_id": known.ids["call_id"][0], "event": "hung_up"}
    await people.ask("secretary", "intake", "POST", "/hooks/telephony", hung_up)
    for _ in range(3):
        await _booked(people, known)
    await _red_flag(people, known)
    for danger in (None, None, "red_flag"):
        request = await people.a_request(danger=danger)
        _remember(known, request)
    asked = await people.a_request()
    _remember(known, asked)
    await people.ask("secretary", "intake", "POST", f"/requests/{asked['request_id']}/cancel", {"cause": "by_patient"})
    fresh = str(new_id())
    await people.ask("secretary", "intake", "POST", "/requests", {"request_id": fresh, "origin": "patient"})
    known.add("request_id", fresh)
    agenda = await people.ask("secretary", "scheduling", "GET", "/agenda", params={"from_on": "2026-11-24", "to_on": "2026-11-26"})
    for doctor in agenda["practitioners"]:
        known.add("practitioner_id", doctor["id"])
        known.add("slot_id", *[slot["slot_id"] for slot in doctor["slots"] if slot["state"] == "free"][:8])
    known.add("subject_id", *known.ids["request_id"], *known.ids["call_id"])
    for name in ("supervisor_id", "deputy_id", "billing_practitioner_id", "duty_doctor_id"):
        known.add(name, *known.ids["practitioner_id"])
    for name, source in (("patient_ids", "patient_id"), ("request_ids", "request_id"), ("session_id", "appointment_id")):
        known.add(name, *known.ids[source])
    return known


async def _booked(people: People, known: Known) -> None:
    call_id = await people.a_call()
    known.add("call_id", call_id)
    request = await qualified(people, call_id)
    offered = await proposals(people, request)
    hold = {"request_id": request["request_id"], "slot_id": offered[-1]["slot_id"]}
    known.add("hold_id", (await people.ask("secretary", "scheduling", "POST", "/holds", hold))["hold_id"])
    appointment = await book(people, request, offered[0])
    known.add("appointment_id", appointment["appointment_id"])
    known.add("practitioner_id", appointment["practitioner_id"])  # first: the hostile callers are these doctors
    await people.ask("secretary", "intake", "POST", f"/requests/{request['request_id']}/mt-help", {"answer": "yes"})
    _remember(known, request)


async def _red_flag(people: People, known: Known) -> None:
    request_id = str(new_id())
    await people.ask("secretary", "intake", "POST", "/requests", {"request_id": request_id, "origin": "patient"})
    handed = await people.ask("secretary", "intake", "POST", f"/requests/{request_id}/handover", {"channel": "voice"})
    await people.ask("secretary", "regulation", "PUT", f"/cases/{request_id}", handed["case"])
    known.add("request_id", request_id)


def _remember(known: Known, request: dict[str, Any]) -> None:
    known.add("request_id", request["request_id"])
    known.add("reference", request["reference"])
    told = request.get("qualified")
    if told:
        known.add("patient_id", told["patient_id"])
        known.qualified.append(told)
