"""HTTP in of pilotage: the timeline of a request, the live board, the day, what must always be true. Reads only."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends

from services.pilotage import views
from services.pilotage.domain import board
from services.pilotage.domain.day import DayFacts, figures
from services.pilotage.domain.integrity import double_bookings, orphans
from services.pilotage.projector import Projector
from services.pilotage.repository import reads
from shared import clock
from shared.auth import Principal, require
from shared.db import Connection
from shared.errors import Malformed, NotFound
from shared.http import DatabaseDep, Day, Instant
from shared.ids import normalise_reference
from shared.territory import Territory

_TIMELINE = require("coordinator", "ops", "secretary", "gp", "duty_doctor", "regulator", "arm", "admin", "system")
_BOARD = require("ops", "coordinator", "secretary", "admin", "system")
_DAY = require("coordinator", "ops", "system")
_INTEGRITY = _BOARD

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
# An open call or a request that ended within these days is still drawn; what happened longer ago is for the integrity page.
_BOARD_DAYS = timedelta(days=3)
_INTEGRITY_DAYS = timedelta(days=31)


def make_router(territories: Mapping[str, Territory], projector: Projector) -> APIRouter:
    """The routes; `territories` say when a day begins, `projector` how far the log was read."""
    router = APIRouter()

    def territory_of(principal: Principal) -> Territory:
        territory = territories.get(principal.territory_id)
        if territory is None:
            raise NotFound("no such territory here")
        return territory

    @router.get("/requests/{request_id}/timeline")
    async def read_timeline(request_id: UUID, database: DatabaseDep, principal: Annotated[Principal, Depends(_TIMELINE)]) -> dict[str, Any]:
        territory = territory_of(principal)
        async with database.reading() as sql:
            story = await reads.request(sql, territory.id, request_id)
            rows = await reads.timeline(sql, territory.id, request_id, story.call_id)
            doctors = await reads.practitioners(sql, territory.id)
        return views.timeline(story, rows, territory, doctors)

    @router.get("/references/{reference}")
    async def read_reference(reference: str, database: DatabaseDep, principal: Annotated[Principal, Depends(_TIMELINE)]) -> dict[str, Any]:
        territory = territory_of(principal)
        spoken = normalise_reference(reference)
        if spoken is None:
            raise Malformed("bad reference", errors=[{"field": "reference", "message": "the check letter is wrong"}])
        async with database.reading() as sql:
            found = await reads.requests_by_reference(sql, territory.id, spoken)
        return {"reference": spoken, "items": [views.candidate(story, territory) for story in found]}

    @router.get("/board")
    async def read_board(
        database: DatabaseDep, principal: Annotated[Principal, Depends(_BOARD)], on: Day | None = None, at: Instant | None = None
    ) -> dict[str, Any]:
        territory = territory_of(principal)
        instant = at or clock.now()
        day = on or territory.local(instant).date()
        since = min(territory.day_bounds(day)[0], instant - _BOARD_DAYS)
        async with database.reading() as sql:
            facts = board.BoardFacts(
                await reads.calls_living(sql, territory.id, since), await reads.requests_living(sql, territory.id, since)
            )
            lines = board.stuck(facts.requests, instant)
            return {
                "on": day, "at": instant, "territory_id": territory.id,
                **board.figures(facts, territory, day, instant),
                "stuck": board.shown(lines), "stuck_total": len(lines),
                "invariants": (await _invariants(sql, territory, facts, instant, since=since))["invariants"],
                "last_event": views.last_event(await reads.last_event(sql, territory.id), instant),
                "events_total": await reads.events_total(sql, territory.id),
                "lag_p99_ms": projector.lag_p99_milliseconds(), "log_connected": projector.connected,
            }  # fmt: skip

    @router.get("/stuck")
    async def read_stuck(database: DatabaseDep, principal: Annotated[Principal, Depends(_BOARD)]) -> dict[str, Any]:
        territory, now = territory_of(principal), clock.now()
        async with database.reading() as sql:
            lines = board.stuck(await reads.requests_living(sql, territory.id, now), now)
        return {"items": lines, "total": len(lines)}

    @router.get("/day")
    async def read_day(database: DatabaseDep, principal: Annotated[Principal, Depends(_DAY)], on: Day | None = None) -> dict[str, Any]:
        territory, now = territory_of(principal), clock.now()
        day = on or territory.local(now).date()
        start, end = territory.day_bounds(day)
        async with database.reading() as sql:
            requests = await reads.requests_of_day(sql, territory.id, start, end)
            starting = await reads.appointments_starting(sql, territory.id, start, end)
            counts = await reads.event_counts(sql, territory.id, start, end)
            opened, active = await reads.searches(sql, territory.id, start, end)
            facts = DayFacts(
                on=day,
                calls=await reads.calls_of_day(sql, territory.id, start, end),
                requests=requests,
                starting=starting,
                closed=await reads.appointments_closed(sql, territory.id, start, end),
                offers=await reads.offers(sql, territory.id, day),
                practitioners=await reads.practitioners(sql, territory.id),
                event_counts=counts,
                searches_opened=opened,
                searches_active=active,
                mt_help=await reads.mt_help(sql, territory.id, start, end),
            )
            return figures(facts, territory, now=now) | {
                "double_booked": len(double_bookings(await reads.appointments_since(sql, territory.id, start))),
                "orphans": len(orphans(requests)),
                "duplicates": len(await reads.told_twice(sql, territory.id, _EVER)),
                "redelivered": await reads.redelivered(sql),
                "events_total": await reads.events_total(sql, territory.id),
            }

    @router.get("/integrity")
    async def read_integrity(
        database: DatabaseDep, principal: Annotated[Principal, Depends(_INTEGRITY)], since: Instant | None = None
    ) -> dict[str, Any]:
        territory, now = territory_of(principal), clock.now()
        async with database.reading() as sql:
            facts = board.BoardFacts(await reads.calls_living(sql, territory.id, now), await reads.requests_living(sql, territory.id, now))
            return await _invariants(sql, territory, facts, now, since=since or now - _INTEGRITY_DAYS)

    async def _invariants(
        sql: Connection, territory: Territory, facts: board.BoardFacts, now: datetime, *, since: datetime
    ) -> dict[str, Any]:
        appointments = await reads.appointments_since(sql, territory.id, since)
        return views.integrity(
            facts=facts,
            orphans=orphans(facts.requests),
            double=double_bookings(appointments),
            appointments=len(appointments),
            open_calls=board.calls_open_after_closing(facts.calls, territory, now),
            dead_letters=await reads.open_dead_letters(sql),
            twice=await reads.told_twice(sql, territory.id, since),
            events=await reads.events_total(sql, territory.id),
            late=projector.late_count(),
        )

    return router


def make_operator_router(projector: Projector) -> APIRouter:
    """On the operator's address."""
    router = APIRouter(prefix="/internal", tags=["operator"])

    @router.post("/rebuild")
    async def rebuild() -> dict[str, str]:
        projector.request_rebuild()
        return {"outcome": "requested"}

    return router
