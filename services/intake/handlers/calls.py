"""The telephone: ringing, picked up, ended, abandoned, rung back."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.intake.desk import Desk
from services.intake.domain import deadlines, steps
from services.intake.domain.refusals import CallNotInProgress, CallTaken, RequestWithoutOutcome, UnknownOutcome
from services.intake.domain.request import CALL_OUTCOMES
from services.intake.repository import calls, requests
from services.intake.repository.calls import Call
from services.intake.sealed import seal_phone
from shared.auth import Principal
from shared.db import Tx
from shared.errors import NotFound
from shared.events.intake import CallAbandoned, CallAnswered, CallEnded, CallReceived


@dataclass(frozen=True)
class TelephonyEvent:
    """What the telephone system says; idempotent by call and event."""

    call_id: UUID
    event: Literal["ringing", "answered", "hung_up"]
    phone: str | None


async def take_telephony_event(command: TelephonyEvent, who: Principal, desk: Desk, tx: Tx, *, now: datetime) -> UUID:
    """Follow the line. A call first heard of when answered or hung up rang just then."""
    call = await calls.find_call(tx.sql, who.territory_id, command.call_id, lock=True)
    if call is None:
        call = await _ring(command, who, desk, tx, now=now)
    if command.event == "answered" and call.state == "ringing":
        await answer_call(call.id, who, tx, now=now)
    elif command.event == "hung_up" and call.state == "ringing":
        await _abandon(call, tx, now=now)
    elif command.event == "hung_up" and call.state == "talking":
        await _end(call, None, tx, now=now)
    return call.id


async def _ring(command: TelephonyEvent, who: Principal, desk: Desk, tx: Tx, *, now: datetime) -> Call:
    data_key = sealed = None
    if command.phone:
        data_key = desk.sealer.new_key()
        sealed = seal_phone(desk.sealer.open(data_key), command.call_id, command.phone)
    call = Call(command.call_id, who.territory_id, 1, "ringing", data_key, sealed, now)
    if not await calls.insert_call(tx, call):
        again = await calls.find_call(tx.sql, who.territory_id, command.call_id, lock=True)
        if again is None:
            raise NotFound(f"call {command.call_id}")
        return again
    await tx.record(
        CallReceived(territory_id=who.territory_id, version=1, occurred_at=now, call_id=call.id, number_known=sealed is not None)
    )
    return call


async def answer_call(call_id: UUID, who: Principal, tx: Tx, *, now: datetime) -> UUID:
    """Somebody picked up; the same person again changes nothing, a colleague gets CallTaken."""
    call = await calls.lock_call(tx, who.territory_id, call_id)
    if call.answered_by is not None:
        if call.answered_by == who.sub:
            return call.id
        raise CallTaken("a colleague answers", taken_by_initials=call.answered_by_initials)
    if call.state != "ringing":
        raise CallNotInProgress(f"the call is {call.state}", state=call.state)
    answered = replace(
        call, version=call.version + 1, state="talking", answered_at=now, answered_by=who.sub, answered_by_initials=who.initials
    )
    await calls.update_call(tx, answered)
    await tx.record(
        CallAnswered(
            territory_id=who.territory_id,
            version=answered.version,
            occurred_at=now,
            call_id=call.id,
            waited_seconds=_seconds(call.rang_at, now),
            answered_by=who.sub,
        )
    )
    return call.id


async def end_call(call_id: UUID, outcome: str | None, who: Principal, tx: Tx, *, now: datetime) -> UUID:
    """The secretary hangs up. Each request of the call must stand somewhere: a promise, an owner elsewhere or an outcome."""
    call = await calls.lock_call(tx, who.territory_id, call_id)
    if call.state == "ended":
        return call.id
    if call.state != "talking":
        raise CallNotInProgress(f"the call is {call.state}", state=call.state)
    if outcome is not None and outcome not in CALL_OUTCOMES:
        raise UnknownOutcome(outcome)
    unfinished = [
        stored.request.id
        for stored in await requests.requests_of_call(tx.sql, who.territory_id, call_id)
        if stored.request.state in ("received", "screened")
    ]
    if unfinished:
        raise RequestWithoutOutcome("say how each request goes on", request_ids=[str(one) for one in unfinished])
    await _end(call, outcome, tx, now=now)
    return call.id


async def _end(call: Call, outcome: str | None, tx: Tx, *, now: datetime) -> None:
    """Also when the caller hangs up: then what had no outcome yet is called again at once."""
    opened = await requests.requests_of_call(tx.sql, call.territory_id, call.id)
    for one in sorted(opened, key=lambda stored: stored.request.id):
        stored = await requests.lock_request(tx, call.territory_id, one.request.id)
        await requests.save_step(tx, stored.request, steps.call_ended(stored.request, now=now))
    ended = replace(call, version=call.version + 1, state="ended", ended_at=now, outcome=None if opened else outcome)
    await calls.update_call(tx, ended)
    await tx.record(
        CallEnded(
            territory_id=call.territory_id,
            version=ended.version,
            occurred_at=now,
            call_id=call.id,
            request_ids=[one.request.id for one in opened],
            outcome=ended.outcome,
            talked_seconds=_seconds(call.answered_at or now, now),
        )
    )


async def _abandon(call: Call, tx: Tx, *, now: datetime) -> None:
    """Hung up before anybody answered: rung back when a number was shown, two tries in 30 min (H8)."""
    redial_due_at = now + deadlines.ABANDONED_TRY_EVERY if call.sealed_phone is not None else None
    abandoned = replace(call, version=call.version + 1, state="abandoned", ended_at=now, redial_due_at=redial_due_at)
    await calls.update_call(tx, abandoned)
    await tx.record(
        CallAbandoned(
            territory_id=call.territory_id,
            version=abandoned.version,
            occurred_at=now,
            call_id=call.id,
            waited_seconds=_seconds(call.rang_at, now),
        )
    )


async def ring_back_done(call_id: UUID, reached: bool, who: Principal, tx: Tx, *, now: datetime) -> UUID:
    """The abandoned call was rung back; not reached comes again until the tries are used. Nothing due = nothing to do."""
    call = await calls.lock_call(tx, who.territory_id, call_id)
    if call.state != "abandoned":
        raise CallNotInProgress(f"the call is {call.state}", state=call.state)
    if call.redial_due_at is not None:
        tries = call.redial_tries + 1
        again = not reached and tries < deadlines.ABANDONED_TRIES
        await calls.update_call(tx, replace(call, redial_tries=tries, redial_due_at=now + deadlines.ABANDONED_TRY_EVERY if again else None))
    return call.id


def _seconds(start: datetime, end: datetime) -> int:
    return max(0, int((end - start).total_seconds()))
