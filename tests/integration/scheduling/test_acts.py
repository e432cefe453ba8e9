"""Closing an act: outcome, codes with their amounts, who saw and who bills."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.errors import Forbidden, RecoursError
from shared.events.base import Mode
from tests.integration.scheduling.conftest import ADJOINT, MONDAY, OTHER, SEVEN, TITULAIRE, Desk, Opened, a_qualified

CLOSED = "scheduling.ActClosed.v1"


async def booked_with(desk: Desk, mode: Mode, practitioner_id: UUID, **fields: Any) -> str:
    [slot, *_] = await desk.free_slots(mode, practitioner_id)
    qualified = a_qualified(modes=[mode], see_by=SEVEN + timedelta(hours=13), **fields)
    return str((await desk.book(qualified, slot["slot_id"]))["appointment_id"])


@pytest.mark.parametrize(
    ("mode", "flags", "outcome", "codes"),
    [
        ("surgery", [], "seen", {"G": "30.00", "MCG": "5.00"}),
        ("visit", ["reduced_mobility"], "seen", {"VG": "30.00", "MD": "10.00", "MCG": "5.00"}),
        ("visit", [], "seen_ed", {"VG": "30.00", "MCG": "5.00"}),
        ("teleconsultation", [], "seen", {"TCG": "25.00"}),
        ("teleconsultation", [], "phone_only", {}),
        ("surgery", [], "missed", {}),
        ("visit", [], "door_closed", {}),
    ],
)
async def test_codes_of_the_tariff(open_desk: Opened, mode: Mode, flags: list[str], outcome: str, codes: dict[str, str]) -> None:
    async with open_desk() as desk:
        appointment_id = await booked_with(desk, mode, TITULAIRE, flags=flags)
        closed = await desk.gp(TITULAIRE).post(f"/appointments/{appointment_id}/outcome", json={"outcome": outcome, "would_be_mt": "yes"})
        assert {act["code"]: act["amount_euros"] for act in closed["acts_proposed"]} == codes
        assert (closed["state"], closed["outcome"], closed["would_be_mt"]) == ("closed", outcome, "yes")
        [event] = await desk.recorded(CLOSED)
        assert {act["code"]: act["amount_euros"] for act in event["acts"]} == codes
        assert (event["outcome"], event["tariff"], event["version"]) == (outcome, "bievre-2026-01", closed["version"])
        if "MCG" in codes:  # the profile decides, the national caution stands beside it
            assert next(act for act in closed["acts_proposed"] if act["code"] == "MCG")["caution"].startswith("Texte national")


async def test_an_adjoints_act_is_billed_by_the_supervising_titulaire(open_desk: Opened) -> None:
    async with open_desk() as desk:
        appointment_id = await booked_with(desk, "surgery", ADJOINT)
        for stranger in (OTHER,):
            with pytest.raises(Forbidden):
                await desk.gp(stranger).post(f"/appointments/{appointment_id}/outcome", json={"outcome": "seen"})
        await desk.gp(TITULAIRE).post(f"/appointments/{appointment_id}/outcome", json={"outcome": "seen", "triage": "right"})
        [event] = await desk.recorded(CLOSED)
        assert (event["practitioner_id"], event["billing_practitioner_id"]) == (str(ADJOINT), str(TITULAIRE))
        stored = "SELECT count(*) FROM act WHERE seen_by_practitioner_id = $1 AND billing_practitioner_id = $2"
        assert await desk.sql(stored, ADJOINT, TITULAIRE) == 2


async def test_a_repeat_is_the_same_and_another_outcome_is_refused(open_desk: Opened) -> None:
    async with open_desk() as desk:
        gp, appointment_id = desk.gp(TITULAIRE), await booked_with(desk, "surgery", TITULAIRE)
        first = await gp.post(f"/appointments/{appointment_id}/outcome", json={"outcome": "seen"})
        assert await gp.post(f"/appointments/{appointment_id}/outcome", json={"outcome": "seen"}) == first
        with pytest.raises(RecoursError) as refused:
            await gp.post(f"/appointments/{appointment_id}/outcome", json={"outcome": "missed"})
        assert refused.value.code == "outcome_already_given"
        assert len(await desk.recorded(CLOSED)) == 1


async def test_outcomes_that_do_not_belong_and_codes_that_do_not_hold(open_desk: Opened) -> None:
    async with open_desk() as desk:
        gp, appointment_id = desk.gp(TITULAIRE), await booked_with(desk, "surgery", TITULAIRE)
        for answer, code in (
            ({"outcome": "door_closed"}, "outcome_not_for_mode"), ({"outcome": "needs_exam"}, "outcome_not_for_mode"),
            ({"outcome": "seen", "acts": ["G", "SNP"]}, "act_not_allowed"), ({"outcome": "seen", "acts": ["XX"]}, "act_not_allowed"),
            ({"outcome": "missed", "acts": ["G"]}, "act_not_allowed"),
        ):  # fmt: skip
            with pytest.raises(RecoursError) as refused:
                await gp.post(f"/appointments/{appointment_id}/outcome", json=answer)
            assert refused.value.code == code
        kept = await gp.post(f"/appointments/{appointment_id}/outcome", json={"outcome": "seen", "acts": ["G"]})
        assert {act["code"]: act["kept"] for act in kept["acts_proposed"]} == {"G": True, "MCG": False}
        assert [act["code"] for act in (await desk.recorded(CLOSED))[0]["acts"]] == ["G"]


async def test_after_an_open_outcome_the_desk_books_again_and_after_an_act_it_does_not(open_desk: Opened) -> None:
    async with open_desk() as desk:
        gp = desk.gp(TITULAIRE)
        qualified = a_qualified(modes=["surgery"], see_by=SEVEN + timedelta(hours=13))
        slots = await desk.free_slots("surgery", TITULAIRE)
        missed = await desk.book(qualified, slots[0]["slot_id"])
        await gp.post(f"/appointments/{missed['appointment_id']}/outcome", json={"outcome": "missed"})
        again = await desk.book(qualified, slots[1]["slot_id"])
        await gp.post(f"/appointments/{again['appointment_id']}/outcome", json={"outcome": "seen"})
        with pytest.raises(RecoursError) as ended:
            await desk.book(qualified, slots[2]["slot_id"])
        assert ended.value.code == "request_ended"
        day = (await gp.get(f"/practitioners/{TITULAIRE}/day", params={"on": MONDAY.isoformat()}))["items"]
        assert [(item["outcome"], item["urgency"], item["reason"]) for item in day] == [
            ("missed", "within_48h", "Q03"), ("seen", "within_48h", "Q03"),
        ]  # fmt: skip
