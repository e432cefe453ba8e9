"""Whatever people do in whatever order, no doctor is in two places, and the search sees what the constraints say."""

import random
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import RecoursError, Unavailable
from shared.events.base import Mode
from shared.events.intake import RequestCancelled, RequestQualified
from shared.ids import new_id
from tests.integration.scheduling.conftest import SEVEN, TITULAIRE, Desk, Opened, a_qualified

MODES: tuple[Mode, ...] = ("surgery", "visit", "teleconsultation")

_OVERLAPS = """
    SELECT count(*) FROM period one JOIN period other
      ON one.practitioner_id = other.practitioner_id AND one.id < other.id AND one.during && other.during
    WHERE one.inside_round_id IS NOT DISTINCT FROM other.inside_round_id
"""
_LIVE_WITHOUT_PERIOD = """
    SELECT count(*) FROM appointment a WHERE (a.state = 'cancelled') = EXISTS (SELECT 1 FROM period p WHERE p.id = a.id)
"""
_SEARCH_DISAGREES = """
    SELECT count(*) FROM slot s
    WHERE (s.blocked_until = 'infinity') IS DISTINCT FROM EXISTS (
              SELECT 1 FROM period p WHERE p.kind = 'appointment' AND (p.slot_id = s.id OR (s.round_id IS NULL AND p.inside_round_id IS NULL
                  AND p.practitioner_id = s.practitioner_id AND p.during && tstzrange(s.starts_at, s.ends_at))))
       OR (s.blocked_until > '-infinity' AND s.blocked_until < 'infinity') IS DISTINCT FROM EXISTS (
              SELECT 1 FROM period p WHERE p.kind = 'hold' AND p.slot_id = s.id)
"""
_FULL_ROUNDS = """
    SELECT count(*) FROM (
        SELECT 1 FROM appointment a JOIN round r ON r.id = a.round_id WHERE a.state <> 'cancelled'
        GROUP BY r.id HAVING count(*) > max(r.capacity)
    ) too_many
"""
_BROKEN_PROMISES = """
    SELECT count(*) FROM appointment WHERE mode = 'visit' AND NOT planned_at BETWEEN window_starts_at AND window_ends_at
"""


@pytest.mark.parametrize(("seed", "steps"), [(1, 50), pytest.param(2, 400, marks=pytest.mark.proof)])
async def test_no_sequence_of_commands_books_twice(open_desk: Opened, seed: int, steps: int) -> None:
    draw = random.Random(seed)
    async with open_desk() as desk:
        people = [a_qualified(modes=draw.sample(MODES, draw.randint(1, 3)), see_by=SEVEN + timedelta(hours=40)) for _ in range(25)]
        minutes = 0
        for _ in range(steps):
            minutes += draw.choice((0, 0, 1, 2))
            await desk.tick(SEVEN + timedelta(minutes=minutes))
            try:
                await _step(desk, draw, people)
            except RecoursError as refused:
                assert not isinstance(refused, Unavailable), refused
        for promise in (_OVERLAPS, _LIVE_WITHOUT_PERIOD, _SEARCH_DISAGREES, _FULL_ROUNDS, _BROKEN_PROMISES):
            assert await desk.sql(promise) == 0, promise
        assert await desk.sql("SELECT count(*) FROM appointment WHERE state = 'booked'") > 0
        by_request: dict[str, list[int]] = {}
        for name in ("AppointmentBooked", "AppointmentCancelled", "RequestUnallocated", "ActClosed"):
            for event in await desk.recorded(f"scheduling.{name}.v1"):
                by_request.setdefault(event["request_id"], []).append(event["version"])
        assert all(sorted(versions) == list(range(1, len(versions) + 1)) for versions in by_request.values())


async def _step(desk: Desk, draw: random.Random, people: list[RequestQualified]) -> None:
    """One of the things that happen at a desk, to one of the people."""
    person = draw.randrange(len(people))
    qualified = people[person]
    about: dict[str, Any] = {"territory_id": "bievre", "occurred_at": SEVEN, "request_id": qualified.request_id}
    match draw.choice(("book", "book", "hold", "hold", "event", "cancel", "requalify", "give_up", "doctor", "week")):
        case "book":
            shown = await desk.proposals(qualified)
            await desk.book(qualified, draw.choice(shown)["slot_id"] if shown else str(new_id()))
        case "hold":
            shown = await desk.proposals(qualified)
            slot = {"request_id": str(qualified.request_id), "slot_id": draw.choice(shown)["slot_id"] if shown else str(new_id())}
            hold = await desk.secretary.post("/holds", json=slot)
            if draw.random() < 0.3:
                await desk.secretary.delete(f"/holds/{hold['hold_id']}")
        case "event":
            await desk.hear(qualified)
        case "cancel":
            appointment = await desk.secretary.get(f"/requests/{qualified.request_id}/appointment")
            cause = draw.choice(("by_patient", "by_practitioner"))
            await desk.secretary.post(f"/appointments/{appointment['appointment_id']}/cancel", json={"cause": cause})
        case "requalify":
            changed = {"version": qualified.version + 1, "event_id": new_id(), "modes": draw.sample(MODES, 1), "allocation": "automatic"}
            people[person] = qualified.model_copy(update=changed)
            await desk.hear(people[person])
        case "give_up":
            if draw.random() < 0.3:
                await desk.hear(RequestCancelled(**about, version=qualified.version + 1, cause="feels_better"))
                people[person] = a_qualified(modes=["surgery"], see_by=SEVEN + timedelta(hours=40))
        case "doctor":
            appointment = await desk.secretary.get(f"/requests/{qualified.request_id}/appointment")
            gp = desk.gp(TITULAIRE)
            await gp.post(f"/appointments/{appointment['appointment_id']}/outcome", json={"outcome": draw.choice(("seen", "impossible"))})
        case "week":
            end = draw.choice(("10:00", "11:00", "09:40"))
            line = {"weekday": draw.randint(1, 3), "from": "09:00", "to": end, "mode": draw.choice(MODES), "valid_from": "2026-01-01"}
            await desk.admin.put(f"/practitioners/{TITULAIRE}/availabilities", json={"items": [line]})
