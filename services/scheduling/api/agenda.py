"""The agenda as the desk and the doctors see it, and the tariff."""

from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel

from services.scheduling.api.views import Body, DayItemView, RulesDep, Staff, show_day
from services.scheduling.domain.slots import day_bounds
from services.scheduling.handlers import agenda
from services.scheduling.repository import appointments, practitioners, slots
from shared import clock
from shared.auth import Principal, require
from shared.db import Connection, Tx
from shared.errors import Forbidden, Malformed
from shared.events.base import Mode
from shared.http import CommandDep, DatabaseDep, Day

router = APIRouter(tags=["agenda"])

Desk = Annotated[Principal, Depends(require("secretary", "gp", "duty_doctor", "osnp", "coordinator", "admin", "system"))]
Admin = Annotated[Principal, Depends(require("admin", "system"))]
Doctors = Annotated[Principal, Depends(require("gp", "duty_doctor", "coordinator", "admin", "system"))]

Queue = Annotated[Principal, Depends(require("gp", "duty_doctor", "secretary", "coordinator", "system"))]

_LONGEST_AGENDA_DAYS = 31
_OF_ANY_DOCTOR = frozenset({"secretary", "coordinator", "system"})


class DayView(BaseModel):
    items: list[DayItemView]


class AgendaSlotView(BaseModel):
    slot_id: UUID
    mode: Mode
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    state: str
    protected: bool
    held_by_initials: str | None


class AgendaPractitionerView(BaseModel):
    id: UUID
    name: str
    status: str
    slots: list[AgendaSlotView]


class AgendaView(BaseModel):
    practitioners: list[AgendaPractitionerView]


class FreeHourView(BaseModel):
    on: date
    hour: int
    mode: Mode
    free: int


class FreeCountView(BaseModel):
    visit: int = 0
    teleconsultation: int = 0
    surgery: int = 0


class FreeView(BaseModel):
    by_mode_hour: list[FreeHourView]
    free_48h: FreeCountView


class MaterialiseBody(Body):
    from_on: Day
    to_on: Day


class MaterialisedView(BaseModel):
    practitioners: int


class TariffLineView(BaseModel):
    code: str
    label: str
    amount_euros: Decimal
    valid_from: date
    valid_to: date | None
    modes: list[Mode]
    needs: list[str]
    any_flag: list[str]
    not_with: list[str]
    caution: str | None
    confidence: str
    source: str


class TariffView(BaseModel):
    name: str
    lines: list[TariffLineView]


@router.get("/practitioners/{practitioner_id}/day")
async def get_day(practitioner_id: UUID, on: Day, database: DatabaseDep, who: Queue) -> DayView:
    """A doctor reads his own day and those of the doctors he supervises."""
    async with database.reading() as sql:
        doctor = await practitioners.get(sql, who.territory_id, practitioner_id)
        if _OF_ANY_DOCTOR.isdisjoint(who.roles) and who.practitioner_id not in (doctor.id, doctor.supervisor_id):
            raise Forbidden("the day of another doctor")
        return DayView(items=await show_day(sql, who.territory_id, await appointments.day(sql, who.territory_id, practitioner_id, on)))


@router.get("/agenda")
async def get_agenda(from_on: Day, to_on: Day, database: DatabaseDep, who: Desk, rules: RulesDep) -> AgendaView:
    if not from_on <= to_on <= from_on + timedelta(days=_LONGEST_AGENDA_DAYS):
        raise Malformed("bad period", errors=[{"field": "to_on", "message": f"at most {_LONGEST_AGENDA_DAYS} days after from_on"}])
    zone = rules.profile(who.territory_id).zone
    async with database.reading() as sql:
        cells = await slots.agenda(sql, who.territory_id, day_bounds(from_on, zone)[0], day_bounds(to_on, zone)[1], now=clock.now())
        pool = await practitioners.every(sql, who.territory_id)
    by_doctor: dict[UUID, list[AgendaSlotView]] = {}
    for cell in cells:
        by_doctor.setdefault(cell.slot.practitioner_id, []).append(
            AgendaSlotView(
                slot_id=cell.slot.id, mode=cell.slot.mode, starts_at=cell.slot.starts_at, ends_at=cell.slot.ends_at, state=cell.state,
                protected=cell.slot.protected, held_by_initials=cell.held_by_initials,
            )
        )  # fmt: skip
    return AgendaView(
        practitioners=[AgendaPractitionerView(id=d.id, name=d.display_name, status=d.status, slots=by_doctor.get(d.id, [])) for d in pool]
    )


@router.get("/agenda/free")
async def get_free(database: DatabaseDep, who: Staff, rules: RulesDep) -> FreeView:
    """What is left in the next 48 h, by mode, and by day and local hour."""
    now, zone = clock.now(), rules.profile(who.territory_id).zone
    async with database.reading() as sql:
        free = await slots.free_starts(sql, who.territory_id, now, now + timedelta(hours=48))
    hours = Counter((on, starts_at.astimezone(zone).hour, mode) for on, mode, starts_at in free)
    modes = Counter(mode for _, mode, _ in free)
    return FreeView(
        by_mode_hour=[FreeHourView(on=on, hour=hour, mode=mode, free=count) for (on, hour, mode), count in sorted(hours.items())],
        free_48h=FreeCountView(visit=modes["visit"], teleconsultation=modes["teleconsultation"], surgery=modes["surgery"]),
    )


@router.post("/slots/materialise")
async def post_materialise(body: MaterialiseBody, command: CommandDep, who: Admin, rules: RulesDep) -> MaterialisedView:
    """Make the slots of some days now; the nightly timer does it for the horizon."""

    async def do(tx: Tx, now: datetime) -> UUID:
        await agenda.materialise(who.territory_id, body.from_on, body.to_on, tx, now=now, rules=rules)
        return who.sub

    async def show(sql: Connection, _: UUID) -> MaterialisedView:
        return MaterialisedView(practitioners=len(await practitioners.every(sql, who.territory_id)))

    return await command.run(do, show)


@router.get("/tariff")
async def get_tariff(who: Doctors, rules: RulesDep) -> TariffView:
    """Never at the desk: money is not talked about there (operations.md A12)."""
    tariff = rules.tariff(who.territory_id)
    return TariffView(
        name=tariff.name,
        lines=[
            TariffLineView(
                code=line.code, label=line.label, amount_euros=line.amount_euros, valid_from=line.valid_from, valid_to=line.valid_to,
                modes=sorted(line.modes), needs=sorted(line.needs), any_flag=sorted(line.any_flag), not_with=sorted(line.not_with),
                caution=line.caution, confidence=line.confidence, source=line.source,
            )
            for line in tariff.lines
        ],
    )  # fmt: skip
