"""How a case looks over HTTP: no identity (the console composes it with intake's), a doctor's words for those who may read them."""

from uuid import UUID

from pydantic import AwareDatetime, BaseModel

from services.regulation import handlers
from services.regulation.domain import AdviceDecision, CaseFile, Channel, Decision, Inbox, State
from services.regulation.repository import SealedAdvice
from shared.crypto import Sealer
from shared.events.base import AgeBand, Answer, Mode, Reason, Sex, Urgency
from shared.ids import spoken_reference

MAY_READ_WORDS = frozenset({"gp", "duty_doctor", "regulator", "secretary"})


class AdviceView(BaseModel):
    """A doctor's word. `words` comes with one case only, to its author or with a trace; never in a list."""

    decision: AdviceDecision
    urgency: Urgency | None
    modes: list[Mode]
    practitioner_id: UUID | None
    decided_by_initials: str
    decided_at: AwareDatetime
    words: str | None


class CaseView(BaseModel):
    """A request in one inbox. `version` counts everything that happened to the request here, in both inboxes."""

    request_id: UUID
    reference: str
    version: int
    inbox: Inbox
    state: State
    urgency: Urgency
    channel: Channel | None
    sent_at: AwareDatetime
    dialled_at: AwareDatetime | None
    received_at: AwareDatetime
    due_at: AwareDatetime | None
    overdue: bool
    duty_doctor_id: UUID | None
    voice_answered_at: AwareDatetime | None
    acknowledged_at: AwareDatetime | None
    acknowledged_by_initials: str | None
    acknowledged_role: str | None
    taken_at: AwareDatetime | None
    taken_by_initials: str | None
    decision: Decision | AdviceDecision | None
    decided_at: AwareDatetime | None
    decided_by_initials: str | None
    advice: AdviceView | None
    ended_as: str | None
    handed_by_initials: str | None
    breathing: Answer | None
    consciousness: Answer | None
    chest_or_collapse: Answer | None
    age_band: AgeBand | None
    sex: Sex | None
    commune: str | None
    reason: Reason | None
    flags: list[str]
    caller_on_line: bool | None
    cause: str | None
    other_inbox: State | None
    stale: bool = False


def view(file: CaseFile, inbox: Inbox, word: SealedAdvice | None, sealer: Sealer | None, *, stale: bool = False) -> CaseView:
    """`file` seen from `inbox`, with the last word on the request; a `sealer` also opens its words."""
    case = file.cases[inbox]
    said, ack, taken, answered = case.handing, case.acknowledged, case.taken, case.answered
    other: Inbox = "duty_doctor" if inbox == "fifteen" else "fifteen"
    return CaseView(
        request_id=file.request_id, reference=spoken_reference(file.request_id), version=file.version, inbox=inbox, state=file.state(inbox),
        urgency=said.urgency, channel=said.channel, sent_at=said.opened_at,
        dialled_at=said.opened_at if inbox == "fifteen" and not said.provisional else None,
        received_at=case.received_at, due_at=said.due_at, overdue=case.overdue, duty_doctor_id=said.duty_doctor_id,
        voice_answered_at=file.answered_by_voice(inbox),
        acknowledged_at=ack.at if ack else None, acknowledged_by_initials=ack.initials if ack else None,
        acknowledged_role=ack.role if ack else None,
        taken_at=taken.at if taken else None, taken_by_initials=taken.initials if taken else None,
        decision=answered.decision if answered else None, decided_at=answered.at if answered else None,
        decided_by_initials=answered.initials if answered else None,
        advice=_advice(word, sealer) if word else None, ended_as=file.ended_as,
        handed_by_initials=said.handed_by_initials, breathing=said.breathing, consciousness=said.consciousness,
        chest_or_collapse=said.chest_or_collapse, age_band=said.age_band, sex=said.sex, commune=said.commune, reason=said.reason,
        flags=list(said.flags), caller_on_line=said.caller_on_line, cause=said.cause,
        other_inbox=file.state(other) if other in file.cases else None, stale=stale,
    )  # fmt: skip


def _advice(word: SealedAdvice, sealer: Sealer | None) -> AdviceView:
    words = None
    if sealer is not None:
        words = sealer.open(word.wrapped_key).decrypt(word.words_sealed, context=handlers.words_context(word.advice_id))
    return AdviceView(
        decision=word.advice.decision, urgency=word.advice.urgency, modes=list(word.advice.modes), practitioner_id=word.practitioner_id,
        decided_by_initials=word.decided_by_initials, decided_at=word.decided_at, words=words,
    )  # fmt: skip
