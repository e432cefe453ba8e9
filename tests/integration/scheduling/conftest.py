"""A scheduling service with a small fictitious pool, on a clock that stands still on a Monday morning."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.scheduling.app import build
from shared.clock import ClockFile
from shared.consumer import Incoming
from shared.events import Event, headers_of
from shared.events.base import Mode
from shared.events.intake import RequestQualified
from shared.ids import new_id
from shared.testing.fixtures import AsSomebody, Running, RunningService

MONDAY = date(2026, 3, 2)
SEVEN = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
"""07:00 in Paris."""

TITULAIRE, ADJOINT, OTHER = (UUID(int=(0x019A << 112) | n) for n in (1, 2, 3))


def a_qualified(
    *, modes: list[Mode] | None = None, see_by: datetime = SEVEN + timedelta(hours=48), version: int = 5, request_id: UUID | None = None,
    **fields: Any,
) -> RequestQualified:  # fmt: skip
    values: dict[str, Any] = {
        "territory_id": "bievre", "version": version, "occurred_at": SEVEN, "request_id": request_id or new_id(), "patient_id": new_id(),
        "urgency": "within_48h", "reason": "Q03", "modes": modes or ["surgery"], "earliest": SEVEN, "see_by": see_by,
        "contract_deadline": SEVEN + timedelta(hours=48), "commune": "94016", "age_band": "18-69y", "without_mt": True,
        "allocation": "assisted", "assist_until": SEVEN + timedelta(minutes=15), "protocol": "demo 1",
    }  # fmt: skip
    return RequestQualified(**values | fields)


def body(qualified: RequestQualified) -> dict[str, Any]:
    content: dict[str, Any] = qualified.model_dump(mode="json", exclude_none=True)
    return content


_RECORDED = "SELECT convert_from(body, 'UTF8')::jsonb AS body FROM outbox WHERE event_type = $1 ORDER BY id"


@dataclass
class Desk:
    """The service under test and the people around it."""

    service: Running
    clock: ClockFile
    secretary: AsSomebody
    admin: AsSomebody

    def gp(self, practitioner_id: UUID) -> AsSomebody:
        return self.service.client(["gp"], practitioner_id=practitioner_id)

    async def proposals(self, qualified: RequestQualified) -> list[dict[str, Any]]:
        shown = await self.secretary.post(f"/requests/{qualified.request_id}/proposals", json={"qualified": body(qualified)})
        items: list[dict[str, Any]] = shown["items"]
        return items

    async def book(self, qualified: RequestQualified, slot_id: str, *, by: AsSomebody | None = None) -> dict[str, Any]:
        command = {"request_id": str(qualified.request_id), "qualified": body(qualified), "slot_id": slot_id}
        return await (by or self.secretary).post("/appointments", json=command)

    async def hear(self, event: Event) -> str:
        """The service's own consumer gets the fact, as from the log: `handled` or `repeated`."""
        consumer = self.service.service.consumer
        assert consumer is not None
        consumer.bind(self.service.database)
        headers = headers_of(event, recorded_at=event.occurred_at, traceparent=None)
        return await consumer.process(Incoming(event.topic, 0, 0, event.key.encode(), event.body(), headers))

    async def sql(self, query: str, *arguments: object) -> Any:
        async with self.service.database.reading() as connection:
            return await connection.fetchval(query, *arguments)

    async def free_slots(self, mode: Mode, practitioner_id: UUID | None = None, *, on: date = MONDAY) -> list[dict[str, Any]]:
        agenda = await self.secretary.get("/agenda", params={"from_on": on.isoformat(), "to_on": on.isoformat()})
        return [
            slot for doctor in agenda["practitioners"] if practitioner_id is None or doctor["id"] == str(practitioner_id)
            for slot in doctor["slots"] if slot["mode"] == mode and slot["state"] == "free"
        ]  # fmt: skip

    async def recorded(self, event_type: str) -> list[dict[str, Any]]:
        """Bodies of what the service told the others, in order."""
        async with self.service.database.reading() as sql:
            rows = await sql.fetch(_RECORDED, event_type)
        return [row["body"] for row in rows]

    async def tick(self, at: datetime) -> None:
        """Step the clock and run what is due."""
        self.clock.stand_at(at)
        await self.service.ops("POST", "/internal/tick")


async def fill(admin: AsSomebody, *, week: list[dict[str, Any]] | None = None) -> None:
    """One titulaire, his adjoint, and another titulaire; surgery 9:00-10:00, visits, videos."""
    for practitioner_id, name, status, senior in (
        (TITULAIRE, "Dr Aube Martel", "titulaire", None), (ADJOINT, "Dr Noé Perrin", "adjoint", TITULAIRE),
        (OTHER, "Dr Zoé Quint", "titulaire", None),
    ):  # fmt: skip
        await admin.put(
            f"/practitioners/{practitioner_id}",
            json={
                "display_name": name, "rpps": f"89970000000{practitioner_id.int & 0xF}", "status": status,
                "supervisor_id": str(senior) if senior else None, "modes": ["visit", "teleconsultation", "surgery"], "commune": "94038",
                "lon": 2.3374, "lat": 48.7760, "accepts_as_mt": practitioner_id == OTHER,
            },
        )  # fmt: skip
    lines = week if week is not None else [
        {"weekday": day, "from": start, "to": end, "mode": mode, "valid_from": "2026-01-01"}
        for day in range(1, 7)
        for start, end, mode in (("09:00", "10:00", "surgery"), ("10:00", "13:00", "visit"), ("14:00", "20:00", "teleconsultation"))
    ]  # fmt: skip
    for practitioner_id in (TITULAIRE, ADJOINT, OTHER):
        await admin.put(f"/practitioners/{practitioner_id}/availabilities", json={"items": lines})


Opened = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest.fixture
def open_desk(running_service: RunningService, clock_file: Path) -> Opened:
    """`async with open_desk(RECOURS_…="…") as desk`: the service with its pool at 07:00 on a Monday."""

    @asynccontextmanager
    async def run(*, week: list[dict[str, Any]] | None = None, **environment: str) -> AsyncIterator[Desk]:
        clock = ClockFile(clock_file)
        clock.stand_at(SEVEN)
        settings = {"RECOURS_CLOCK_FILE": str(clock_file), "RECOURS_SCHEDULING_HORIZON_DAYS": "3"} | environment
        async with running_service(build, "scheduling", **settings) as service:
            admin = service.client(["admin"])
            await fill(admin, week=week)
            yield Desk(service, clock, service.client(["secretary"], initials="SG"), admin)

    return run
