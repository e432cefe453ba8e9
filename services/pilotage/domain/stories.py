"""The story of a request: one row computed from the whole set of its facts.

Facts of two topics come in any order, so nothing here remembers what came before: a story is folded again from all its facts
whenever one is added. Inside a topic `version` orders them; between topics the business instant does, then `_Moment.rank`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from services.pilotage.domain.appointments import Act, AppointmentStory, fold_appointments
from shared.events.base import Event
from shared.events.intake import (
    AdviceRequested,
    CallbackPromised,
    HandOverAnswered,
    RequestCancelled,
    RequestClosed,
    RequestHandedOver,
    RequestQualified,
    RequestReceived,
    RequestScreened,
)
from shared.events.regulation import AdviceGiven, CaseAcknowledged, CaseDecided
from shared.events.scheduling import ActClosed, AppointmentBooked, AppointmentCancelled, RequestUnallocated
from shared.ids import spoken_reference

__all__ = ["Act", "AppointmentStory", "Folded", "RequestStory", "fold_request"]

# operations.md §8: somebody was seen, or a doctor answered by phone. `needs_exam` and a closed door are no answer.
SEEN = frozenset({"seen", "seen_again", "seen_ed", "called_15", "phone_only", "death"})
NOT_THERE = frozenset({"missed", "door_closed"})
# operations.md §13.1 and .3: not a request on a patient.
NOT_CLINICAL = frozenset({"information", "changed", "abuse_or_error", "out_of_mission", "professional_note"})
ENDED = frozenset({"honoured", "missed", "cancelled", "closed"})

# How long the desk may keep an open request in its hands (operations.md §5, H1): what intake promises, seen from outside.
_AT_THE_DESK = timedelta(minutes=15)
_RED_FLAG_AT_THE_DESK = timedelta(minutes=1)
_VOICE_WITHIN = timedelta(seconds=60)

E = TypeVar("E", bound=Event)


@dataclass(frozen=True)
class RequestStory:
    """Where a request stands and how it came there. Instants are business time; None = it has not happened, as far as we know.

    `red_flag`: step 0 or the protocol said so, and the 15 was called before any doctor of ours was asked. `answered_at` is the first
    « seen or doctor's advice » (operations.md §13.3): booked is not answered, a voice at the 15 is not a doctor. `handed_over_at` is
    the first dial, `dialled_at` the last one. `owner` and `due_at` are computed from facts: intake holds the promise itself.
    """

    territory_id: str
    request_id: UUID
    reference: str
    call_id: UUID | None
    patient_id: UUID | None
    origin: str | None
    rang_at: datetime | None
    received_at: datetime | None
    contract_deadline: datetime | None
    screened_at: datetime | None
    screening: str | None
    urgency: str | None
    red_flag: bool
    reason: str | None
    commune: str | None
    age_band: str | None
    sex: str | None
    without_mt: bool | None
    qualified_at: datetime | None
    qualified_urgency: str | None
    see_by: datetime | None
    modes: list[str]
    handed_over_at: datetime | None
    dialled_at: datetime | None
    voice_answered_at: datetime | None
    voice_seconds: int | None
    acknowledged_at: datetime | None
    case_decision: str | None
    case_decided_at: datetime | None
    advice_asked_at: datetime | None
    advice_due_at: datetime | None
    advice_given_at: datetime | None
    advice_decision: str | None
    callback_due_at: datetime | None
    booked_at: datetime | None
    appointment_id: UUID | None
    appointment_live: bool
    mode: str | None
    practitioner_id: UUID | None
    starts_at: datetime | None
    ends_at: datetime | None
    path: str | None
    unallocated_at: datetime | None
    act_outcome: str | None
    act_closed_at: datetime | None
    missed_at: datetime | None
    answered_at: datetime | None
    state: str
    since_at: datetime | None
    owner: str | None
    due_at: datetime | None
    outcome: str | None
    ended_at: datetime | None
    event_count: int
    versions: dict[str, int]

    @property
    def is_open(self) -> bool:
        return self.state not in ENDED

    @property
    def clinical(self) -> bool:
        """Counts in the indicators of answer, whatever became of it."""
        return self.outcome not in NOT_CLINICAL

    def ended_by(self, at: datetime) -> bool:
        return self.ended_at is not None and self.ended_at <= at

    def answered_by(self, at: datetime) -> bool:
        return self.answered_at is not None and self.answered_at <= at


@dataclass(frozen=True)
class Folded:
    """All that the facts of one request give."""

    story: RequestStory
    appointments: list[AppointmentStory]
    acts: list[Act]


@dataclass(frozen=True)
class _Moment:
    """A fact that moves the request; the latest one says where it stands. `rank` orders facts of the same instant."""

    at: datetime
    rank: int
    version: int
    state: str
    owner: str | None = None
    due_at: datetime | None = None
    outcome: str | None = None


def fold_request(territory_id: str, request_id: UUID, facts: Sequence[Event]) -> Folded:
    """The story of `request_id` from all its facts, given in any order, each once; at least one."""
    ordered = sorted(facts, key=lambda fact: (fact.topic, fact.version, fact.occurred_at, fact.event_id))
    appointments, acts = fold_appointments(territory_id, request_id, ordered)
    received = _first(ordered, RequestReceived)
    screened, qualified = _of(ordered, RequestScreened), _of(ordered, RequestQualified)
    handed, asked = _of(ordered, RequestHandedOver), _of(ordered, AdviceRequested)
    voice, decided = _first(ordered, HandOverAnswered), _last(ordered, CaseDecided)
    given, booked, acted = _of(ordered, AdviceGiven), _of(ordered, AppointmentBooked), _of(ordered, ActClosed)
    last_qualified = qualified[-1] if qualified else None
    last = booked[-1] if booked else None
    closed_act = acted[-1] if acted else None
    live = last is not None and any(one.appointment_id == last.appointment_id and one.live for one in appointments)
    now_at = _stands(ordered, live=last if live else None, see_by=last_qualified.see_by if last_qualified else None)
    told = [*screened, *handed, *asked, *qualified]  # later qualifications know more than the first words
    story = RequestStory(
        territory_id=territory_id,
        request_id=request_id,
        reference=spoken_reference(request_id),
        call_id=received.call_id if received else None,
        patient_id=_patient(ordered),
        origin=received.origin if received else None,
        rang_at=received.rang_at if received else None,
        received_at=received.occurred_at if received else None,
        contract_deadline=received.contract_deadline if received else (last_qualified.contract_deadline if last_qualified else None),
        screened_at=screened[0].occurred_at if screened else None,
        screening=screened[-1].result if screened else None,
        urgency=_urgency(ordered),
        red_flag=any(one.result == "red_flag" for one in screened) or (bool(handed) and not asked),
        reason=_latest_of(told, "reason"),
        commune=_latest_of(told, "commune"),
        age_band=_latest_of(told, "age_band"),
        sex=_latest_of(told, "sex"),
        without_mt=last_qualified.without_mt if last_qualified else None,
        qualified_at=qualified[0].occurred_at if qualified else None,
        qualified_urgency=last_qualified.urgency if last_qualified else None,
        see_by=last_qualified.see_by if last_qualified else None,
        modes=list(last_qualified.modes) if last_qualified else [],
        handed_over_at=handed[0].dialled_at if handed else None,
        dialled_at=handed[-1].dialled_at if handed else None,
        voice_answered_at=voice.occurred_at if voice else None,
        voice_seconds=voice.seconds_to_voice if voice else None,
        acknowledged_at=_earliest(ordered, CaseAcknowledged),
        case_decision=decided.decision if decided else None,
        case_decided_at=decided.occurred_at if decided else None,
        advice_asked_at=asked[0].asked_at if asked else None,
        advice_due_at=asked[-1].due_at if asked else None,
        advice_given_at=given[0].occurred_at if given else None,
        advice_decision=given[-1].decision if given else None,
        callback_due_at=_callback(ordered),
        booked_at=_earliest(ordered, AppointmentBooked),
        appointment_id=last.appointment_id if last else None,
        appointment_live=live,
        mode=last.mode if last else (closed_act.mode if closed_act else None),
        practitioner_id=last.practitioner_id if last else (closed_act.practitioner_id if closed_act else None),
        starts_at=last.starts_at if last else (closed_act.starts_at if closed_act else None),
        ends_at=last.ends_at if last else None,
        path=last.path if last else None,
        unallocated_at=_earliest(ordered, RequestUnallocated),
        act_outcome=closed_act.outcome if closed_act else None,
        act_closed_at=closed_act.occurred_at if closed_act else None,
        missed_at=min((act.occurred_at for act in acted if act.outcome in NOT_THERE), default=None),
        answered_at=_answered_at(ordered),
        state=now_at.state,
        since_at=now_at.at if now_at.state != "unknown" else None,
        owner=now_at.owner,
        due_at=now_at.due_at,
        outcome=now_at.outcome,
        ended_at=now_at.at if now_at.state in ENDED else None,
        event_count=len(ordered),
        versions={topic: max(one.version for one in ordered if one.topic == topic) for topic in sorted({one.topic for one in ordered})},
    )
    return Folded(story, appointments, acts)


def _stands(facts: Sequence[Event], *, live: AppointmentBooked | None, see_by: datetime | None) -> _Moment:
    """The state that the facts give: the latest moment, unless intake ended it and nothing of intake's reopened it."""
    moments = sorted((m for m in map(_moment, facts) if m is not None), key=lambda m: (m.at, m.rank, m.version))
    if not moments:
        return _Moment(min(fact.occurred_at for fact in facts), 0, 0, "unknown")
    end = _end_at_the_desk(facts)
    if end is not None:
        return end
    latest = moments[-1]
    if live is not None and latest.state in ("received", "screened", "qualified", "callback_promised", "recontact_due"):
        red = latest.state == "screened" and _urgency(facts) == "red_flag"
        if not red and (see_by is None or live.starts_at <= see_by):
            booked = _moment(live)
            assert booked is not None
            return booked
    return latest


def _end_at_the_desk(facts: Sequence[Event]) -> _Moment | None:
    """Intake's own end, unless a later fact of intake or the 15's « returned » opened the request again."""
    ends = [fact for fact in facts if isinstance(fact, RequestClosed | RequestCancelled)]
    if not ends:
        return None
    last = ends[-1]
    opening = (RequestHandedOver, AdviceRequested, RequestQualified, CallbackPromised, RequestScreened)
    if any(isinstance(fact, opening) and fact.version > last.version for fact in facts):
        return None
    if any(isinstance(fact, CaseDecided) and fact.decision == "returned" and fact.occurred_at >= last.occurred_at for fact in facts):
        return None
    return _moment(last)


def _moment(fact: Event) -> _Moment | None:
    """Where this fact alone would leave the request, with who owns it and until when."""
    at, version = fact.occurred_at, fact.version

    def stands(rank: int, state: str, owner: str | None = None, due_at: datetime | None = None, outcome: str | None = None) -> _Moment:
        return _Moment(at, rank, version, state, owner, due_at, outcome)

    match fact:
        case RequestReceived():
            return stands(0, "received", "desk", at + _AT_THE_DESK)
        case RequestScreened():
            return stands(1, "screened", "desk", at + (_RED_FLAG_AT_THE_DESK if fact.result == "red_flag" else _AT_THE_DESK))
        case AdviceGiven(decision="advice_only"):
            return stands(3, "closed", outcome="advice_given")
        case AdviceGiven(decision="fifteen"):
            return stands(3, "handed_over", "fifteen", at + _VOICE_WITHIN)
        case AdviceGiven():
            return stands(3, "qualified", "desk", at + _AT_THE_DESK)
        case RequestQualified():
            return stands(4, "qualified", "scheduling", fact.see_by)
        case CallbackPromised():
            return stands(5, "callback_promised", "desk", fact.due_at)
        case RequestUnallocated():
            return stands(5, "unallocated", "duty_doctor", fact.see_by)
        case AdviceRequested():
            state = "unallocated" if fact.cause == "unallocated" else "advice_pending"
            return stands(6, state, "duty_doctor" if fact.duty_doctor_id else "desk", fact.due_at)
        case AppointmentCancelled(cause="requalified"):
            return stands(5, "qualified", "scheduling", at + _AT_THE_DESK)
        case AppointmentCancelled(cause="by_patient" | "by_practitioner"):
            return stands(5, "recontact_due", "desk", at + _AT_THE_DESK)
        case AppointmentBooked():
            return stands(7, "booked", "practitioner", fact.window_ends_at or fact.ends_at)
        case RequestHandedOver():
            return stands(8, "handed_over", "fifteen", fact.dialled_at + _VOICE_WITHIN)
        case CaseDecided(decision="returned"):
            return stands(9, "recontact_due", "desk", at + _AT_THE_DESK)
        case ActClosed():
            return _after_the_act(fact, stands(9, "recontact_due", "desk", at + _AT_THE_DESK))
        case RequestCancelled():
            return stands(10, "cancelled", outcome="cancelled")
        case RequestClosed():
            return stands(10, "closed", outcome=fact.outcome)
        case _:
            return None


def _after_the_act(fact: ActClosed, open_again: _Moment) -> _Moment:
    """An end, or somebody to call. A no-show of the groups of H6 is opened again by intake, which knows them."""
    at, version = fact.occurred_at, fact.version
    if fact.outcome in SEEN:
        return _Moment(at, 9, version, "honoured", outcome=fact.outcome)
    if fact.outcome in ("already_taken", "refused"):
        return _Moment(at, 9, version, "closed", outcome=fact.outcome)
    if fact.outcome == "missed":
        return _Moment(at, 9, version, "missed", outcome="missed")
    return open_again


def _answered_at(facts: Iterable[Event]) -> datetime | None:
    """First « seen or doctor's advice ». A doctor who says « appointment » or « returned » has not answered yet."""
    instants = [
        fact.occurred_at
        for fact in facts
        if (isinstance(fact, ActClosed) and fact.outcome in SEEN)
        or (isinstance(fact, AdviceGiven) and fact.decision != "appointment")
        or (isinstance(fact, CaseDecided) and fact.decision not in ("booked", "returned"))
    ]
    return min(instants, default=None)


def _urgency(facts: Iterable[Event]) -> str | None:
    """Last level that intake told, in the order of its versions. Asking a doctor because no slot fits changes no level."""
    level: str | None = None
    for fact in facts:
        match fact:
            case RequestScreened(result="clear"):
                level = None
            case RequestScreened():
                level = fact.result
            case RequestQualified() | RequestHandedOver():
                level = fact.urgency
            case AdviceRequested(cause="screening" | "protocol" | "raised"):
                level = "advice"
            case _:
                pass
    return level


def _callback(facts: Sequence[Event]) -> datetime | None:
    promised = _last(facts, CallbackPromised)
    return promised.due_at if promised else None


def _of(facts: Iterable[Event], kind: type[E]) -> list[E]:
    return [fact for fact in facts if type(fact) is kind]  # isinstance asks the ABC of Pydantic: three times slower


def _first(facts: Iterable[Event], kind: type[E]) -> E | None:
    return next((fact for fact in facts if type(fact) is kind), None)


def _last(facts: Sequence[Event], kind: type[E]) -> E | None:
    return next((fact for fact in reversed(facts) if type(fact) is kind), None)


def _earliest(facts: Iterable[Event], kind: type[Event]) -> datetime | None:
    return min((fact.occurred_at for fact in facts if type(fact) is kind), default=None)


def _latest_of(facts: Sequence[Event], name: str) -> str | None:
    """The last code told for a field, in the order given."""
    return next((str(value) for fact in reversed(facts) if (value := getattr(fact, name, None)) is not None), None)


def _patient(facts: Sequence[Event]) -> UUID | None:
    """Whom the last qualification or act is about; merged patients are resolved where names are."""
    about = (fact.patient_id for fact in reversed(facts) if isinstance(fact, RequestQualified | AppointmentBooked | ActClosed))
    return next(about, None)
