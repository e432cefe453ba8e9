"""Intake's view of a request and of a call, as the desk looks at them: one place that knows the names of the fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from services.console.pages.secretary.draft import VITAL, Json
from services.console.words import instant, reference

Stage = Literal["steps", "red", "handover", "advice", "booked", "promised", "unallocated", "ended"]
_ENDED = frozenset({"closed", "cancelled", "honoured", "missed"})


@dataclass(frozen=True)
class RequestLook:
    """One request. `stage` is what the centre of the desk shows for it."""

    id: UUID
    version: int
    state: str
    urgency: str | None
    due_at: datetime | None
    reference: str
    step0: Json
    result: str | None
    rule: str | None
    provisional: bool
    reason: str
    patient_id: UUID | None
    handover: Json | None
    case: Json | None
    qualified: Json | None
    advice: Json | None
    appointment: Json | None
    outcome: str | None
    raw: Json = field(repr=False)

    @property
    def stage(self) -> Stage:
        if self.state == "handed_over":
            return "handover"
        if self.state in _ENDED:
            return "ended"
        if self.state == "advice_pending":
            return "advice"
        if self.state == "booked":
            return "booked"
        if self.state == "unallocated":
            return "unallocated"
        if self.state in ("callback_promised", "waiting_slot", "recontact_due"):
            return "promised"
        return "red" if "red_flag" in (self.urgency, self.result) else "steps"

    @property
    def screened(self) -> bool:
        return self.result is not None and not self.provisional

    @property
    def see_by(self) -> datetime | None:
        found = (self.qualified or {}).get("see_by")
        return instant(found) if found else None

    @property
    def dangers(self) -> list[str]:
        """The vital questions answered by a yes or by a doubt."""
        return [name for name in VITAL if self.step0.get(name) in ("yes", "unknown")]

    def step(self) -> int:
        """Where to go on: the first step that intake does not know."""
        if not self.screened:
            return 0
        return 4 if self.qualified else 1


def of_request(view: Mapping[str, Any]) -> RequestLook:
    """The look of intake's RequestView."""
    screening: Mapping[str, Any] = view.get("screening") or {}
    request_id = UUID(str(view["request_id"]))
    due = view.get("due_at")
    return RequestLook(
        id=request_id,
        version=int(view["version"]),
        state=str(view["state"]),
        urgency=view.get("urgency"),
        due_at=instant(due) if due else None,
        reference=str(view.get("reference") or reference(request_id)),
        step0=dict(view.get("step0") or {}),
        result=screening.get("result"),
        rule=screening.get("rule"),
        provisional=bool(screening.get("provisional")),
        reason=str(view.get("reason") or ""),
        patient_id=UUID(str(view["patient_id"])) if view.get("patient_id") else None,
        handover=view.get("handover"),
        case=view.get("case"),
        qualified=view.get("qualified"),
        advice=view.get("advice"),
        appointment=view.get("appointment"),
        outcome=view.get("outcome"),
        raw=dict(view),
    )
