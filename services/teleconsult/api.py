"""HTTP in of teleconsult."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel

from services.teleconsult import repository
from services.teleconsult.domain import Session, State
from shared.auth import Principal, require
from shared.errors import NotFound
from shared.http import DatabaseDep, Day, MinVersionDep, await_version
from shared.territory import Territory

_READS = require("gp", "duty_doctor", "secretary", "system")


class SessionView(BaseModel):
    """A video session; its id is the appointment's. No identity: the console composes it with intake's."""

    session_id: UUID
    version: int
    request_id: UUID
    practitioner_id: UUID
    state: State
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    closed_as: str | None
    stale: bool = False


class SessionsOfADay(BaseModel):
    items: list[SessionView]


def make_router(territories: Mapping[str, Territory]) -> APIRouter:
    """The routes; `territories` say when a day begins."""
    router = APIRouter()

    @router.get("/sessions/{session_id}")
    async def read_session(
        session_id: UUID, database: DatabaseDep, principal: Annotated[Principal, Depends(_READS)], wanted: MinVersionDep
    ) -> SessionView:
        async def followed() -> int | None:
            async with database.reading() as sql:
                return await repository.appointment_version(sql, principal.territory_id, session_id)

        stale = await await_version(followed, wanted.version if wanted and wanted.subject_id == session_id else None)
        async with database.reading() as sql:
            return _view(await repository.read_session(sql, principal.territory_id, session_id), stale=stale)

    @router.get("/sessions")
    async def list_sessions(
        practitioner_id: UUID, on: Day, database: DatabaseDep, principal: Annotated[Principal, Depends(_READS)]
    ) -> SessionsOfADay:
        territory = territories.get(principal.territory_id)
        if territory is None:
            raise NotFound("no such territory here")
        async with database.reading() as sql:
            found = await repository.sessions_between(sql, principal.territory_id, practitioner_id, *territory.day_bounds(on))
        return SessionsOfADay(items=[_view(session) for session in found])

    return router


def _view(session: Session, *, stale: bool = False) -> SessionView:
    """Raises NotFound for an appointment that never was a teleconsultation."""
    if session.booking is None or not session.is_video:
        raise NotFound(f"session {session.session_id}")
    booking = session.booking
    return SessionView(
        session_id=session.session_id, version=session.version, request_id=session.request_id, practitioner_id=booking.practitioner_id,
        state=session.state, starts_at=booking.starts_at, ends_at=booking.ends_at, closed_as=session.closed_as, stale=stale,
    )  # fmt: skip
