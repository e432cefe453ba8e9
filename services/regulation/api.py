"""HTTP in of regulation: who may call, what comes in, what goes out."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.regulation import domain, handlers, repository
from services.regulation.domain import ADVICE_LIMIT, Advice, AdviceDecision, CaseFile, Channel, Decision, Handing, Inbox, Person
from services.regulation.repository import FIRST, Key, Listing
from services.regulation.views import MAY_READ_WORDS, CaseView, view
from shared import clock
from shared.auth import Principal, require
from shared.crypto import Sealer
from shared.db import Connection
from shared.errors import Forbidden, NotFound
from shared.events.base import AgeBand, Answer, Code, InseeCode, Mode, Reason, Sex, Urgency
from shared.http import After, CommandDep, Count, Cursor, DatabaseDep, Instant, Limit, MinVersionDep, await_version

_HANDS_OVER = require("secretary", "gp", "duty_doctor", "regulator", "system")
_AT_THE_15 = require("arm", "regulator")
_DECIDES = require("arm", "regulator")  # an ARM is told by the rule, not by the door, that a regulator decides
_ADVISES = require("gp", "duty_doctor", "regulator")
_NOBODY = UUID(int=0)  # a doctor's account without a doctor behind it is put no question

_READS = require("arm", "regulator", "osnp", "secretary", "gp", "duty_doctor", "system")


class CasePut(BaseModel):
    """What the console knows when it hands a case over; what may be empty is empty.

    `dialled_at` is also when the doctor was asked; `version` is that of intake's request.
    """

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    version: Count = 0
    inbox: Inbox = "fifteen"
    urgency: Urgency
    channel: Channel | None = None
    dialled_at: Instant | None = None
    handed_by_initials: Annotated[str, Field(max_length=8)] | None = None
    breathing: Answer | None = None
    consciousness: Answer | None = None
    chest_or_collapse: Answer | None = None
    age_band: AgeBand | None = None
    sex: Sex | None = None
    commune: InseeCode | None = None
    reason: Reason | None = None
    flags: list[Code] = []
    caller_on_line: bool | None = None
    due_at: Instant | None = None
    duty_doctor_id: UUID | None = None
    cause: Code | None = None

    def said(self) -> Handing:
        """Without the instant of the question it is provisional: intake's event, which has it, replaces it. A dial never is."""
        asked_at = self.due_at - ADVICE_LIMIT if self.due_at and self.inbox == "duty_doctor" else None
        opened_at = self.dialled_at or asked_at or clock.now()
        provisional = self.dialled_at is None and self.inbox == "duty_doctor"
        return Handing(
            urgency=self.urgency, opened_at=opened_at, provisional=provisional, channel=self.channel, due_at=self.due_at,
            duty_doctor_id=self.duty_doctor_id, handed_by_initials=self.handed_by_initials, breathing=self.breathing,
            consciousness=self.consciousness, chest_or_collapse=self.chest_or_collapse, age_band=self.age_band, sex=self.sex,
            commune=self.commune, reason=self.reason, flags=tuple(self.flags), caller_on_line=self.caller_on_line, cause=self.cause,
        )  # fmt: skip


class DecisionBody(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    decision: Decision


class AdviceBody(BaseModel):
    """`urgency` and `modes` count for an appointment only."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    decision: AdviceDecision
    urgency: Urgency | None = None
    modes: list[Mode] | None = None
    words: str = Field(min_length=1, max_length=2000)

    def advice(self) -> Advice:
        return Advice(self.decision, self.urgency, tuple(self.modes or ())) if self.decision == "appointment" else Advice(self.decision)


class CasePage(BaseModel):
    items: list[CaseView]
    next: str | None = None


class RotaView(BaseModel):
    practitioner_id: UUID
    deputy_id: UUID | None
    ends_at: AwareDatetime


class AdvicePage(CasePage):
    """`rota` is who answers advice now, as far as regulation heard; None: advice goes to the 15."""

    rota: RotaView | None = None


def make_router(sealer: Sealer) -> APIRouter:
    """The routes; `sealer` opens the doctors' words."""
    router = APIRouter()

    async def show(
        sql: Connection, principal: Principal, request_id: UUID, inbox: Inbox | None, *, with_words: bool = False, stale: bool = False
    ) -> CaseView:
        files = await repository.read_files(sql, principal.territory_id, [request_id])
        seen = _inbox_of(files.get(request_id), inbox)
        word = (await repository.last_advice(sql, principal.territory_id, [request_id])).get(request_id)
        return view(files[request_id], seen, word, sealer if with_words else None, stale=stale)

    async def show_keys(sql: Connection, principal: Principal, inbox: Inbox, keys: list[Key]) -> list[CaseView]:
        order = [request_id for _, _, request_id in keys]
        files = await repository.read_files(sql, principal.territory_id, order)
        words = await repository.last_advice(sql, principal.territory_id, order)
        return [view(files[one], inbox, words.get(one), None) for one in order]

    @router.put("/cases/{request_id}")
    async def put_case(
        request_id: UUID, body: CasePut, command: CommandDep, principal: Annotated[Principal, Depends(_HANDS_OVER)]
    ) -> CaseView:
        put = handlers.PutCase(principal.territory_id, request_id, body.inbox, body.said(), body.version)
        return await command.run(
            lambda tx, now: handlers.put_case(put, tx, now=now), lambda sql, subject: show(sql, principal, subject, body.inbox)
        )

    @router.post("/cases/{request_id}/acknowledge")
    async def acknowledge(request_id: UUID, command: CommandDep, principal: Annotated[Principal, Depends(_AT_THE_15)]) -> CaseView:
        ask = handlers.AcknowledgeCase(principal.territory_id, request_id, _person(principal), command.if_match)
        return await command.run(
            lambda tx, now: handlers.acknowledge_case(ask, tx, now=now), lambda sql, subject: show(sql, principal, subject, "fifteen")
        )

    @router.post("/cases/{request_id}/decision")
    async def decide(
        request_id: UUID, body: DecisionBody, command: CommandDep, principal: Annotated[Principal, Depends(_DECIDES)]
    ) -> CaseView:
        ask = handlers.DecideCase(principal.territory_id, request_id, body.decision, _person(principal), command.if_match)
        return await command.run(
            lambda tx, now: handlers.decide_case(ask, tx, now=now), lambda sql, subject: show(sql, principal, subject, "fifteen")
        )

    @router.post("/cases/{request_id}/advice")
    async def give_advice(
        request_id: UUID, body: AdviceBody, command: CommandDep, principal: Annotated[Principal, Depends(_ADVISES)]
    ) -> CaseView:
        word = handlers.GiveAdvice(principal.territory_id, request_id, body.advice(), body.words, _person(principal), command.if_match)
        return await command.run(
            lambda tx, now: handlers.give_advice(word, sealer, tx, now=now),
            lambda sql, subject: show(sql, principal, subject, "duty_doctor", with_words=True),
        )

    @router.get("/cases")
    async def list_cases(
        database: DatabaseDep,
        principal: Annotated[Principal, Depends(_READS)],
        inbox: Inbox = "fifteen",
        state: Listing = "to_take",
        limit: Limit = 50,
        after: After = None,
    ) -> CasePage:
        async with database.reading() as sql:
            keys = await repository.list_keys(
                sql, principal.territory_id, inbox, state, account_id=principal.sub, regulator="regulator" in principal.roles,
                after=_key(after), limit=limit, now=clock.now(),
            )  # fmt: skip
            return CasePage(items=await show_keys(sql, principal, inbox, keys), next=_next(keys, limit))

    @router.get("/cases/{request_id}")
    async def read_case(
        request_id: UUID,
        database: DatabaseDep,
        principal: Annotated[Principal, Depends(_READS)],
        wanted: MinVersionDep,
        inbox: Inbox | None = None,
    ) -> CaseView:
        async def followed() -> int | None:
            async with database.reading() as sql:
                return await repository.request_version(sql, principal.territory_id, request_id)

        stale = await await_version(followed, wanted.version if wanted and wanted.subject_id == request_id else None)
        with_words = not MAY_READ_WORDS.isdisjoint(principal.roles)
        async with database.transaction() as tx:
            seen = await show(tx.sql, principal, request_id, inbox, with_words=with_words, stale=stale)
            if with_words and seen.advice is not None:
                await repository.log_words_read(
                    tx, principal.territory_id, request_id, reader=principal.sub, roles=principal.roles, now=clock.now()
                )
        return seen

    @router.get("/advice")
    async def list_advice(
        database: DatabaseDep,
        principal: Annotated[Principal, Depends(_ADVISES)],
        practitioner_id: Annotated[UUID | None, Query(description="the doctor asking; a regulator leaves it out to see all")] = None,
        limit: Limit = 50,
        after: After = None,
    ) -> AdvicePage:
        regulator = "regulator" in principal.roles
        doctor = practitioner_id or principal.practitioner_id
        if not regulator and doctor != principal.practitioner_id:
            raise Forbidden("a doctor reads his own list")
        async with database.reading() as sql:
            rota = await repository.rota_at(sql, principal.territory_id, clock.now())
            everything = domain.holds_rota(doctor, rota) or (regulator and practitioner_id is None)
            named = None if everything else doctor or _NOBODY
            keys = await repository.open_advice(sql, principal.territory_id, named, after=_key(after), limit=limit)
            shown = RotaView(practitioner_id=rota.practitioner_id, deputy_id=rota.deputy_id, ends_at=rota.ends_at) if rota else None
            return AdvicePage(items=await show_keys(sql, principal, "duty_doctor", keys), next=_next(keys, limit), rota=shown)

    return router


def _person(principal: Principal) -> Person:
    return Person(principal.sub, principal.initials, principal.practitioner_id, regulator="regulator" in principal.roles)


def _inbox_of(file: CaseFile | None, asked: Inbox | None) -> Inbox:
    """The inbox asked for, else the 15's, else the duty doctor's; raises NotFound when the case is in none."""
    wanted: tuple[Inbox, ...] = (asked,) if asked else ("fifteen", "duty_doctor")
    found = next((inbox for inbox in wanted if file is not None and inbox in file.cases), None)
    if found is None:
        raise NotFound("no such case")
    return found


def _key(after: str | None) -> Key:
    if after is None:
        return FIRST
    danger, opened_at, request_id = Cursor.decode(after, int, datetime.fromisoformat, UUID)
    return danger, opened_at, request_id


def _next(keys: list[Key], limit: int) -> str | None:
    return Cursor.encode(*keys[-1]) if len(keys) == limit else None
