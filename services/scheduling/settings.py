"""Settings of scheduling: RECOURS_SCHEDULING_*. Lengths, limits and weights of allocation are the territory's to tune."""

from datetime import time
from typing import Annotated, ClassVar

from pydantic import Field

from services.scheduling.domain.allocation import AllocationRules, Weights
from services.scheduling.domain.slots import SlotRules
from shared.settings import ServiceSettings

Minutes = Annotated[int, Field(ge=0, le=600)]
Length = Annotated[int, Field(ge=5, le=240)]
Weight = Annotated[float, Field(ge=0, le=10)]


class SchedulingSettings(ServiceSettings):
    """Defaults are operations.md §9 and A2."""

    service: ClassVar[str] = "scheduling"

    hold_minutes: Annotated[int, Field(ge=1, le=30)] = 3
    horizon_days: Annotated[int, Field(ge=1, le=120)] = 28
    searched_per_practitioner: Annotated[int, Field(ge=1, le=50)] = 6
    kept_proposals: Annotated[int, Field(ge=3, le=200)] = 30

    video_minutes: Length = 15
    video_block_minutes: Length = 75
    video_last_start: time = time(19, 30)
    surgery_minutes: Length = 20
    visit_minutes: Length = 30
    road_minimum_minutes: Minutes = 10
    visit_last_start: time = time(12, 20)
    visits_per_round: Annotated[int, Field(ge=1, le=12)] = 4
    visits_per_round_supervised: Annotated[int, Field(ge=1, le=12)] = 3
    visit_step_minutes: Length = 40
    visit_step_supervised_minutes: Length = 50
    window_minutes: Minutes = 45

    lead_minutes: Minutes = 10
    visit_lead_minutes: Minutes = 40
    videos_per_billing_day: Annotated[int, Field(ge=0, le=100)] = 12
    protected_opens_minutes: Minutes = 120

    weight_lateness: Weight = 1.0
    weight_load: Weight = 0.5
    weight_travel: Weight = 0.6
    weight_mode: Weight = 0.8
    weight_continuity: Weight = 0.4
    weight_could_be_mt: Weight = 0.15
    weight_protected: Weight = 0.2

    def slot_rules(self) -> SlotRules:
        return SlotRules(
            video_minutes=self.video_minutes, video_block_minutes=self.video_block_minutes, video_last_start=self.video_last_start,
            surgery_minutes=self.surgery_minutes, visit_minutes=self.visit_minutes, road_minimum_minutes=self.road_minimum_minutes,
            visit_last_start=self.visit_last_start, visits_per_round=self.visits_per_round,
            visits_per_round_supervised=self.visits_per_round_supervised, visit_step_minutes=self.visit_step_minutes,
            visit_step_supervised_minutes=self.visit_step_supervised_minutes, window_minutes=self.window_minutes,
        )  # fmt: skip

    def allocation_rules(self) -> AllocationRules:
        return AllocationRules(
            lead_minutes=self.lead_minutes, visit_lead_minutes=self.visit_lead_minutes, videos_per_billing_day=self.videos_per_billing_day,
            protected_opens_minutes=self.protected_opens_minutes,
            weights=Weights(
                lateness=self.weight_lateness, load=self.weight_load, travel=self.weight_travel, mode=self.weight_mode,
                continuity=self.weight_continuity, could_be_mt=self.weight_could_be_mt, protected=self.weight_protected,
            ),
        )  # fmt: skip
