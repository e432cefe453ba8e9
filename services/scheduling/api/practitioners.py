"""The pool, its weeks, the rota."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, Field, model_validator

from services.scheduling.api.views import Body, RulesDep, Staff
from services.scheduling.domain.model import Practitioner
from services.scheduling.domain.slots import Availability, DutyPeriod
from services.scheduling.handlers import agenda
from services.scheduling.repository import practitioners
from shared import clock
from shared.auth import Principal, require
from shared.db import Connection, Tx
from shared.events.base import InseeCode, Mode
from shared.events.scheduling import PractitionerStatus
from shared.http import CommandDep, DatabaseDep, Day, Instant, WallTime

router = APIRouter(tags=["practitioners"])

Admin = Annotated[Principal, Depends(require("admin", "system"))]


class PractitionerBody(Body):
    display_name: Annotated[str, Field(min_length=1, max_length=80)]
    rpps: Annotated[str, Field(pattern=r"^[0-9]{11,12}$", description="its key is not checked: national-rules.md 3")]
    status: PractitionerStatus
    supervisor_id: UUID | None = None
    billing_practitioner_id: UUID | None = None
    modes: Annotated[list[Mode], Field(min_length=1, max_length=3)]
    commune: InseeCode
    lon: Annotated[float, Field(ge=-180, le=180)]
    lat: Annotated[float, Field(ge=-90, le=90)]
    accepts_as_mt: bool = False


class PractitionerView(BaseModel):
    practitioner_id: UUID
    version: int
    display_name: str
    rpps: str
    status: PractitionerStatus
    supervisor_id: UUID | None
    supervisor_name: str | None
    billing_practitioner_id: UUID
    modes: list[Mode]
    commune: str
    lon: float
    lat: float
    accepts_as_mt: bool


class PractitionersView(BaseModel):
    items: list[PractitionerView]


class LineBody(Body):
    weekday: Annotated[int, Field(ge=1, le=7)]
    from_time: Annotated[WallTime, Field(alias="from")]
    to_time: Annotated[WallTime, Field(alias="to")]
    mode: Mode
    valid_from: Day
    valid_to: Day | None = None
    protected: Annotated[int, Field(ge=0, le=20)] = 0

    @model_validator(mode="after")
    def _runs_forward(self) -> "LineBody":
        if self.from_time >= self.to_time or (self.valid_to is not None and self.valid_to < self.valid_from):
            raise ValueError("the line ends before it starts")
        return self


class WeekBody(Body):
    items: Annotated[list[LineBody], Field(max_length=100)]


class DutyBody(Body):
    practitioner_id: UUID
    deputy_id: UUID | None = None
    starts_at: Instant
    ends_at: Instant

    @model_validator(mode="after")
    def _runs_forward(self) -> "DutyBody":
        if self.starts_at >= self.ends_at:
            raise ValueError("the period ends before it starts")
        return self


class RotaBody(Body):
    items: Annotated[list[DutyBody], Field(min_length=1, max_length=500)]


class DutyView(BaseModel):
    """Who answers advice at `at`; all null when nobody was named: advice then goes to the 15."""

    at: AwareDatetime
    practitioner_id: UUID | None = None
    display_name: str | None = None
    deputy_id: UUID | None = None
    deputy_name: str | None = None
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None


@router.put("/practitioners/{practitioner_id}")
async def put_practitioner(practitioner_id: UUID, body: PractitionerBody, command: CommandDep, who: Admin) -> PractitionerView:
    billed = agenda.billed_by(practitioner_id, body.supervisor_id, body.status, body.billing_practitioner_id)
    wanted = Practitioner(
        id=practitioner_id, display_name=body.display_name, rpps=body.rpps, status=body.status, supervisor_id=body.supervisor_id,
        billing_practitioner_id=billed, modes=tuple(dict.fromkeys(body.modes)), commune=body.commune, lon=body.lon, lat=body.lat,
        accepts_as_mt=body.accepts_as_mt, version=0,
    )  # fmt: skip
    return await command.run(
        lambda tx, now: agenda.register_practitioner(wanted, who.territory_id, tx, now=now),
        lambda sql, subject: _show(sql, who.territory_id, subject),
    )


@router.get("/practitioners")
async def get_practitioners(database: DatabaseDep, who: Staff) -> PractitionersView:
    async with database.reading() as sql:
        pool = await practitioners.every(sql, who.territory_id)
    names = {doctor.id: doctor.display_name for doctor in pool}
    return PractitionersView(items=[_view(doctor, names.get(doctor.supervisor_id) if doctor.supervisor_id else None) for doctor in pool])


@router.get("/practitioners/{practitioner_id}")
async def get_practitioner(practitioner_id: UUID, database: DatabaseDep, who: Staff) -> PractitionerView:
    async with database.reading() as sql:
        return await _show(sql, who.territory_id, practitioner_id)


@router.put("/practitioners/{practitioner_id}/availabilities")
async def put_availabilities(practitioner_id: UUID, body: WeekBody, command: CommandDep, who: Admin, rules: RulesDep) -> PractitionerView:
    lines = [
        Availability(line.weekday, line.from_time, line.to_time, line.mode, line.valid_from, line.valid_to, line.protected)
        for line in body.items
    ]  # fmt: skip
    wanted = agenda.SetWeek(who.territory_id, practitioner_id, lines)
    return await command.run(
        lambda tx, now: agenda.set_week(wanted, tx, now=now, rules=rules), lambda sql, subject: _show(sql, who.territory_id, subject)
    )


@router.put("/rota/duty")
async def put_duty(body: RotaBody, command: CommandDep, who: Admin) -> DutyView:
    periods = [DutyPeriod(item.practitioner_id, item.deputy_id, item.starts_at, item.ends_at) for item in body.items]

    async def do(tx: Tx, now: datetime) -> UUID:
        await agenda.name_duty_doctors(who.territory_id, periods, tx, now=now)
        return periods[0].practitioner_id

    return await command.run(do, lambda sql, _: _duty(sql, who.territory_id, clock.now()))


@router.get("/rota/duty")
async def get_duty(database: DatabaseDep, who: Staff, at: Annotated[Instant | None, Query()] = None) -> DutyView:
    """The rota at an instant, now by default."""
    instant = at or clock.now()
    async with database.reading() as sql:
        return await _duty(sql, who.territory_id, instant)


async def _duty(sql: Connection, territory_id: str, instant: datetime) -> DutyView:
    found = await practitioners.duty_at(sql, territory_id, instant)
    if found is None:
        return DutyView(at=instant)
    doctor = await practitioners.get(sql, territory_id, found.practitioner_id)
    deputy = await practitioners.find(sql, territory_id, found.deputy_id) if found.deputy_id else None
    return DutyView(
        at=instant, practitioner_id=doctor.id, display_name=doctor.display_name, deputy_id=found.deputy_id,
        deputy_name=deputy.display_name if deputy else None, starts_at=found.starts_at, ends_at=found.ends_at,
    )  # fmt: skip


async def _show(sql: Connection, territory_id: str, practitioner_id: UUID) -> PractitionerView:
    doctor = await practitioners.get(sql, territory_id, practitioner_id)
    senior = await practitioners.find(sql, territory_id, doctor.supervisor_id) if doctor.supervisor_id else None
    return _view(doctor, senior.display_name if senior else None)


def _view(doctor: Practitioner, supervisor_name: str | None) -> PractitionerView:
    return PractitionerView(
        practitioner_id=doctor.id, version=doctor.version, display_name=doctor.display_name, rpps=doctor.rpps, status=doctor.status,
        supervisor_id=doctor.supervisor_id, supervisor_name=supervisor_name, billing_practitioner_id=doctor.billing_practitioner_id,
        modes=list(doctor.modes), commune=doctor.commune, lon=doctor.lon, lat=doctor.lat, accepts_as_mt=doctor.accepts_as_mt,
    )  # fmt: skip
