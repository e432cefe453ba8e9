"""HTTP in of orientation: what the coordinator and the desk may read."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel

from services.orientation import repository
from services.orientation.domain import Answer, Path, Search, State
from services.orientation.repository import FIRST
from shared.auth import Principal, require
from shared.errors import NotFound
from shared.events.base import AgeBand
from shared.http import After, Cursor, DatabaseDep, Limit, MinVersionDep, await_version

router = APIRouter()

_READS = require("coordinator", "secretary", "gp", "duty_doctor", "system")
_COUNTS = require("coordinator", "secretary", "gp", "duty_doctor", "ops", "system")


class WouldBeMt(BaseModel):
    """A doctor's answer to « je le prends / non / plus tard »."""

    practitioner_id: UUID
    answer: Answer
    answered_at: AwareDatetime


class SearchView(BaseModel):
    """A search for an MT. `answer` is the person's last word with its instant: a yes is the consent."""

    search_id: UUID
    patient_id: UUID
    version: int
    request_id: UUID
    state: State
    opened_at: AwareDatetime
    changed_at: AwareDatetime
    commune: str | None
    priority: list[str]
    age_band: AgeBand | None
    answer: Answer | None
    answered_at: AwareDatetime | None
    would_be_mt: list[WouldBeMt]


class PathView(BaseModel):
    """What orientation knows of a person. `search` is the latest one, live or not."""

    patient_id: UUID
    version: int
    without_mt: bool | None
    answer: Answer | None
    answered_at: AwareDatetime | None
    search: SearchView | None
    stale: bool = False


class SearchPage(BaseModel):
    items: list[SearchView]
    next: str | None = None


class SearchCounts(BaseModel):
    """All searches of the territory by the state in which they stand."""

    awaiting_consent: int = 0
    active: int = 0
    declined: int = 0
    ended: int = 0


@router.get("/searches")
async def list_searches(
    database: DatabaseDep,
    principal: Annotated[Principal, Depends(_READS)],
    state: State | None = None,
    limit: Limit = 50,
    after: After = None,
) -> SearchPage:
    start = FIRST if after is None else Cursor.decode(after, datetime.fromisoformat, UUID)
    async with database.reading() as sql:
        listed = await repository.list_searches(sql, principal.territory_id, state, after=(start[0], start[1]), limit=limit)
        paths = await repository.read_paths(sql, principal.territory_id, {one.patient_id for one in listed})
    items = [_search_view(paths[one.patient_id], one.search) for one in listed]
    last = listed[-1].search if len(listed) == limit else None
    return SearchPage(items=items, next=Cursor.encode(last.opened_at, last.search_id) if last else None)


@router.get("/searches/counts")
async def count_searches(database: DatabaseDep, principal: Annotated[Principal, Depends(_COUNTS)]) -> SearchCounts:
    async with database.reading() as sql:
        counts = await repository.count_searches(sql, principal.territory_id)
    return SearchCounts.model_validate(counts)


@router.get("/patients/{patient_id}/search")
async def read_path(
    patient_id: UUID, database: DatabaseDep, principal: Annotated[Principal, Depends(_READS)], wanted: MinVersionDep
) -> PathView:
    async def followed() -> int | None:
        async with database.reading() as sql:
            return await repository.patient_version(sql, principal.territory_id, patient_id)

    stale = await await_version(followed, wanted.version if wanted and wanted.subject_id == patient_id else None)
    async with database.reading() as sql:
        path = (await repository.read_paths(sql, principal.territory_id, [patient_id])).get(patient_id)
    if path is None:
        raise NotFound(f"patient {patient_id}")
    last = path.answers[-1] if path.answers else None
    return PathView(
        patient_id=patient_id, version=path.version, without_mt=path.profile.without_mt if path.profile else None,
        answer=last.answer if last else None, answered_at=last.answered_at if last else None,
        search=_search_view(path, path.search) if path.search else None, stale=stale,
    )  # fmt: skip


def _search_view(path: Path, search: Search) -> SearchView:
    last = path.answers[-1] if path.answers else None
    return SearchView(
        search_id=search.search_id, patient_id=path.patient_id, version=path.version, request_id=search.request_id, state=search.state,
        opened_at=search.opened_at, changed_at=search.changed_at, commune=search.commune, priority=list(search.priority),
        age_band=path.profile.age_band if path.profile else None,
        answer=last.answer if last else None, answered_at=last.answered_at if last else None,
        would_be_mt=[
            WouldBeMt(practitioner_id=contact.practitioner_id, answer=contact.would_be_mt, answered_at=contact.closed_at)
            for contact in path.contacts if contact.would_be_mt is not None
        ],
    )  # fmt: skip
