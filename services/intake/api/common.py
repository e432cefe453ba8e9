"""What all routes share: the desk of the process, who may, and where a list begins."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request

from services.intake.desk import Desk
from shared.auth import Principal, require
from shared.http import Cursor

THE_BEGINNING = (datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))


async def desk_of(request: Request) -> Desk:
    found: Desk = request.app.state.desk
    return found


DeskDep = Annotated[Desk, Depends(desk_of)]
Secretary = Annotated[Principal, Depends(require("secretary"))]
Telephony = Annotated[Principal, Depends(require("telephony", "ops", "secretary"))]
Doctor = Annotated[Principal, Depends(require("duty_doctor", "gp", "regulator"))]
CareTeam = Annotated[Principal, Depends(require("secretary", "gp", "duty_doctor", "regulator", "arm", "osnp", "coordinator", "system"))]
Reader = Annotated[Principal, Depends(require("secretary", "gp", "duty_doctor", "regulator", "system"))]


def start_of(after: str | None) -> tuple[datetime, UUID]:
    """The place of a cursor (instant, id)."""
    if after is None:
        return THE_BEGINNING
    values: tuple[Any, ...] = Cursor.decode(after, datetime.fromisoformat, UUID)
    return values[0], values[1]
