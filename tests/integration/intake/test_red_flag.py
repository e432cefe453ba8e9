"""A red flag by the clock: the ladder of H1 runs on the business clock and stops with a voice."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from services.intake.app import build
from shared.clock import ClockFile
from shared.events.regulation import AdviceGiven, CaseAcknowledged, CaseReceived
from shared.events.scheduling import DutyDoctorNamed
from shared.testing.fixtures import RunningService, eventually
from tests.integration.intake.given import PHONE, Desk, followed, told
from tests.unit.intake.given import DOCTOR, MINUTE, TUESDAY_10


async def test_the_15_is_silent_then_answers(running_service: RunningService, clock_file: Path) -> None:
    clock = ClockFile(clock_file)
    clock.stand_at(TUESDAY_10)
    async with running_service(build, "intake", RECOURS_CLOCK_FILE=str(clock_file)) as intake:
        desk = Desk.of(intake)
        request_id = await desk.opened(await desk.answered())
        screened = await desk.step0(request_id, consciousness="yes")
        assert (screened["screening"]["result"], screened["urgency"], screened["owner"]) == ("red_flag", "red_flag", "desk")
        dialled = await desk.her.post(f"/requests/{request_id}/handover", json={"channel": "voice"})
        again = await desk.her.post(f"/requests/{request_id}/handover", json={"channel": "voice"})
        assert dialled["version"] == again["version"]
        words = dialled["handover"]["words_for_arm"]
        assert "41 ans, femme" in words
        assert f"Rappel {PHONE}." in words
        assert (dialled["case"]["inbox"], dialled["case"]["consciousness"], dialled["case"]["commune"]) == ("fifteen", "yes", "94021")

        acknowledged = CaseAcknowledged(
            territory_id="bievre", version=2, occurred_at=TUESDAY_10, request_id=request_id, role="arm", acknowledged_by=uuid4()
        )
        received = CaseReceived(
            territory_id="bievre", version=1, occurred_at=TUESDAY_10, request_id=request_id, inbox="fifteen", urgency="red_flag"
        )
        await followed(intake, received, acknowledged)
        for minutes, rungs, owner in ((1, 1, "desk"), (2, 2, "duty_doctor")):
            clock.stand_at(TUESDAY_10 + minutes * MINUTE)

            async def climbed(rungs: int = rungs) -> bool:
                shown = await desk.get(request_id)
                return bool(shown["handover"]["rungs"] == rungs)

            await eventually(climbed)
            assert (await desk.get(request_id))["owner"] == owner
        answered = await desk.her.post(f"/requests/{request_id}/handover/answer", json={"arm_label": "ARM 12", "file_no": "94-2026-118"})
        assert (answered["state"], answered["outcome"], answered["handover"]["file_no"]) == ("closed", "handed_15", "94-2026-118")
        (task,) = (await desk.her.get("/tasks"))["items"]
        assert (task["kind"], task["due_at"]) == ("check_15", (TUESDAY_10 + timedelta(minutes=62)).strftime("%Y-%m-%dT%H:%M:%SZ"))
        await desk.her.post(f"/tasks/check_15/{request_id}/done", json={})
        assert (await desk.her.get("/tasks"))["items"] == []
        assert (await told(intake))[3:] == [
            "RequestScreened",
            "RequestHandedOver",
            "HandOverOverdue",
            "HandOverOverdue",
            "HandOverAnswered",
            "RequestClosed",
        ]


async def test_an_advice_waits_ten_minutes_and_the_late_word_still_counts(running_service: RunningService, clock_file: Path) -> None:
    clock = ClockFile(clock_file)
    clock.stand_at(TUESDAY_10)
    async with running_service(build, "intake", RECOURS_CLOCK_FILE=str(clock_file)) as intake:
        desk = Desk.of(intake)
        await followed(
            intake,
            DutyDoctorNamed(
                territory_id="bievre",
                version=1,
                occurred_at=TUESDAY_10,
                practitioner_id=DOCTOR,
                starts_at=TUESDAY_10 - timedelta(hours=2),
                ends_at=TUESDAY_10 + timedelta(hours=3),
            ),
        )
        asked = await desk.a_qualified_request(answers={"q02_swallow": "no"})
        request_id = asked["request_id"]
        assert (asked["state"], asked["owner"], asked["advice"]["duty_doctor_id"]) == ("advice_pending", "duty_doctor", str(DOCTOR))
        assert (asked["case"]["inbox"], asked["case"]["due_at"]) == ("duty_doctor", asked["advice"]["due_at"])
        clock.stand_at(TUESDAY_10 + 10 * MINUTE)

        async def overdue() -> bool:
            return bool((await desk.get(request_id))["advice"]["overdue"])

        await eventually(overdue)
        (task,) = (await desk.her.get("/tasks"))["items"]
        assert task["kind"] == "advice_overdue"

        doctor = intake.client(["gp", "duty_doctor"], practitioner_id=DOCTOR, initials="HA")
        decision = {
            "decision": "appointment",
            "urgency": "planned",
            "modes": ["surgery"],
            "words": "vue demain, pas grave, Zéphyrine rassurée",
        }
        decided = await doctor.post(f"/requests/{request_id}/decision", json=decision)
        assert (decided["state"], decided["qualified"]["urgency"], decided["qualified"]["lowered_by"]) == (
            "qualified",
            "planned",
            str(DOCTOR),
        )
        repeated = await doctor.post(f"/requests/{request_id}/decision", json=decision)
        assert repeated["version"] == decided["version"]
        late = AdviceGiven(
            territory_id="bievre",
            version=2,
            occurred_at=TUESDAY_10 + 11 * MINUTE,
            request_id=request_id,
            practitioner_id=DOCTOR,
            decided_by=uuid4(),
            decision="appointment",
            urgency="planned",
        )
        await followed(intake, late)
        shown = await desk.get(request_id)
        assert (shown["version"], shown["advice"]["doctor_words"]) == (decided["version"], decision["words"])
        assert (await desk.her.get("/tasks"))["items"] == []
