"""A call from the first ring to its end, through HTTP, with real servers."""

from uuid import uuid4

import pytest

from services.intake.app import build
from shared.testing.fixtures import RunningService


async def test_a_call_is_qualified_and_scheduling_gets_all_it_needs(running_service: RunningService) -> None:
    async with running_service(build, "intake") as intake:
        desk = intake.client(["secretary"], initials="SM")
        call_id, request_id = str(uuid4()), str(uuid4())
        await desk.post("/hooks/telephony", json={"call_id": call_id, "event": "ringing", "phone": "06 39 98 41 18"})
        answered = await desk.post(f"/calls/{call_id}/answer")
        print(answered)
        await desk.post("/requests", json={"request_id": request_id, "call_id": call_id, "origin": "patient"})
        r = await desk.put(
            f"/requests/{request_id}/step0",
            json={
                "caller_role": "patient",
                "place": "8 rue Exemple, Chevilly-Larue",
                "callback_number": "0639984118",
                "age_value": 41,
                "age_unit": "years",
                "sex": "F",
                "words": "fièvre",
                "breathing": "no",
                "consciousness": "no",
                "chest_or_collapse": "no",
            },
        )
        assert r["screening"]["result"] == "clear"
        assert r["commune"] == "94016" or r["commune"] == "94021"
        p = await desk.post(
            "/patients",
            json={
                "birth_name": "Marchand",
                "first_name": "Odette",
                "birth_date": "1985-03-12",
                "sex": "F",
                "commune": "94021",
                "mt": "none",
                "phone": "0639984118",
            },
        )
        r = await desk.post(
            f"/requests/{request_id}/qualify",
            json={
                "patient_id": p["patient_id"],
                "reason": "Q02",
                "answers": {"q02_swallow": "no", "q02_bleeding": "no", "q02_jaw": "no", "q02_deaf": "no"},
            },
        )
        print(r)
        assert r["qualified"]["urgency"] == "within_48h"
