"""Representations of requests, for who may see them. Identities and free text are opened here and nowhere later."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from services.intake.desk import Desk
from services.intake.domain.request import Request
from services.intake.domain.screening import VITAL_QUESTIONS, danger_already_said, screen
from services.intake.handlers.requests import unseal
from services.intake.repository import requests
from services.intake.repository.requests import Stored
from services.intake.sealed import Words
from shared.db import Connection
from shared.ids import spoken_reference

_UNITS = {"years": "ans", "months": "mois", "weeks": "semaines", "days": "jours"}
_SEXES = {"M": "homme", "F": "femme", "I": "sexe non précisé"}


async def request_view(desk: Desk, sql: Connection, territory_id: str, request_id: UUID, *, texts: bool) -> dict[str, Any]:
    """RequestView of the contract; `texts` also shows what was said freely (secretary only, audited by the caller)."""
    stored = await requests.get_request(sql, territory_id, request_id)
    return request_representation(desk, stored, texts=texts)


def request_representation(desk: Desk, stored: Stored, *, texts: bool) -> dict[str, Any]:
    request = stored.request
    said = unseal(desk, stored) if texts else Words()
    rules = desk.protocol(request.territory_id)
    reason = rules.reasons.get(request.assessed.reason) if request.assessed is not None else None
    return {
        **_progress(request),
        "step0": _step0(request, said),
        "screening": _screening(request),
        "reason": None if request.assessed is None else request.assessed.reason,
        "reason_label": None if reason is None else reason.label,
        "since": said.since,
        "who_opens": said.who_opens,
        "modes": []
        if request.assessed is None
        else list(request.qualified.modes if request.qualified is not None else request.assessed.modes),
        "causes": [] if request.assessed is None else list(request.assessed.causes),
        "see_by": None if request.qualified is None else request.qualified.see_by,
        "qualified": None if request.qualified is None else request.qualified.model_dump(mode="json", exclude_none=True),
        "handover": _handover(desk, request, said),
        "advice": _advice(request, said),
        "case": case_of(request),
        "appointment": None if request.appointment is None else asdict(request.appointment),
        "protocol": None if request.assessed is None else request.assessed.protocol,
        "protocol_signed": rules.signed_by is not None,
        "safety_net": [] if reason is None else list(reason.safety_net),
        "stale": False,
    }


def _progress(request: Request) -> dict[str, Any]:
    return {
        "request_id": request.id,
        "reference": spoken_reference(request.id),
        "version": request.version,
        "state": request.state,
        "open": request.open,
        "owner": request.owner,
        "due_at": request.due_at,
        "call_id": request.call_id,
        "origin": request.origin,
        "rang_at": request.rang_at,
        "contract_deadline": request.contract_deadline,
        "received_at": request.received_at,
        "patient_id": request.patient_id,
        "urgency": request.urgency,
        "age_band": request.age_band,
        "sex": request.sex,
        "commune": request.commune,
        "flags": list(request.flags),
        "outcome": request.outcome,
        "check_15_at": request.check_15_at,
        "recap_done_at": request.recap_done_at,
        "mt_help": request.mt_help,
        "secretary_initials": request.secretary_initials,
    }


def _step0(request: Request, said: Words) -> dict[str, Any]:
    return {
        "caller_role": request.caller_role,
        "with_patient_now": request.with_patient_now,
        "place": said.place,
        "access": said.access,
        "callback_number": said.callback_number,
        "words": said.words,
        "age_value": request.age_value,
        "age_unit": request.age_unit,
        "sex": request.sex,
        "commune": request.commune,
        **asdict(request.vital),
    }


def _screening(request: Request) -> dict[str, Any] | None:
    """`provisional` while the three answers are not complete: a danger already said shows at once."""
    if request.screened is not None:
        return {**asdict(request.screened), "provisional": False}
    if danger_already_said(request.vital) and screen(request.vital, request.said_age) is None:
        return {"result": "red_flag", "rule": None, "question_set": None, "at": None, "provisional": True}
    return None


def _handover(desk: Desk, request: Request, said: Words) -> dict[str, Any] | None:
    handover = request.handover
    if handover is None:
        return None
    return {**asdict(handover), "arm_label": said.arm_label, "file_no": said.file_no, "words_for_arm": words_for_arm(desk, request, said)}


def words_for_arm(desk: Desk, request: Request, said: Words) -> str:
    """Read aloud to the 15 (operations.md §4); what nobody knows is left out, nothing waits for it."""
    age = (
        f"{request.age_value} {_UNITS[request.age_unit]}"
        if request.age_value is not None and request.age_unit is not None
        else "âge inconnu"
    )
    sex = _SEXES[request.sex] if request.sex is not None else "sexe inconnu"
    parts = [f"Secrétariat {desk.territory(request.territory_id).name}, urgence : {age}, {sex}", said.words or ""]
    if said.since:
        parts.append(f"depuis {said.since}")
    lines = [", ".join(part for part in parts if part) + "."]
    lines.append(f"Adresse {said.place}" + (f", {said.access}." if said.access else ".") if said.place else "Adresse non connue.")
    lines.append(f"Rappel {said.callback_number}." if said.callback_number else "Pas de numéro de rappel.")
    if request.handover is not None and request.handover.caller_on_line:
        lines.append("La personne est en ligne.")
    return " ".join(lines)


def _advice(request: Request, said: Words) -> dict[str, Any] | None:
    if request.advice is None:
        return None
    return {**asdict(request.advice), "doctor_words": said.doctor_words, "decided_by_label": said.decided_by_label}


def case_of(request: Request) -> dict[str, Any] | None:
    """The body that the console puts to regulation; the event repairs it when nobody did."""
    common = {
        "version": request.version,
        "handed_by_initials": request.secretary_initials,
        "breathing": request.vital.breathing,
        "consciousness": request.vital.consciousness,
        "chest_or_collapse": request.vital.chest_or_collapse,
        "age_band": request.age_band,
        "sex": request.sex,
        "commune": request.commune,
        "reason": None if request.assessed is None else request.assessed.reason,
        "flags": list(request.flags),
    }
    if request.handover is not None and (request.state == "handed_over" or request.handover.answered_at is not None):
        handover = request.handover
        return {
            **common,
            "inbox": "fifteen",
            "urgency": "red_flag",
            "channel": handover.channel,
            "dialled_at": handover.dialled_at,
            "caller_on_line": handover.caller_on_line,
            "due_at": None,
            "duty_doctor_id": None,
        }
    if request.advice is not None and request.state in ("advice_pending", "unallocated"):
        return {
            **common,
            "inbox": "duty_doctor",
            "urgency": "advice",
            "channel": "console",
            "dialled_at": request.advice.asked_at,
            "caller_on_line": False,
            "due_at": request.advice.due_at,
            "duty_doctor_id": request.advice.duty_doctor_id,
            "cause": request.advice.cause,
        }
    return None


def question_text(desk: Desk, territory_id: str, question: str) -> str:
    """As it was asked; a question of an older protocol shows its code."""
    if question in VITAL_QUESTIONS:
        return VITAL_QUESTIONS[question]
    for reason in desk.protocol(territory_id).reasons.values():
        for asked in reason.questions:
            if asked.id == question:
                return asked.text
    return question


def task_of(request: Request, now: datetime) -> list[dict[str, Any]]:
    """The lines of the desk's list that this request makes; derived from its state, so that none is forgotten or left over."""
    common = {
        "subject_id": request.id,
        "request_id": request.id,
        "call_id": request.call_id,
        "urgency": request.urgency,
        "reference": spoken_reference(request.id),
    }
    lines = []
    if request.check_15_at is not None:
        lines.append({**common, "kind": "check_15", "due_at": request.check_15_at, "label": "Le patient a-t-il été pris en charge ?"})
    kind, label = _waiting_task(request, now)
    if kind is not None:
        lines.append({**common, "kind": kind, "due_at": request.due_at, "label": label})
    return lines


def _waiting_task(request: Request, now: datetime) -> tuple[str | None, str]:
    if request.state == "callback_promised":
        return "callback", "Rappel promis"
    if request.state == "recontact_due":
        act = None if request.appointment is None else request.appointment.act_outcome
        return "recontact", {"door_closed": "Personne n’ouvre : rappeler", "missed": "Absent : appeler"}.get(
            act or "", "Recontacter le patient"
        )
    if request.state in ("advice_pending", "unallocated") and request.owner == "desk":
        return "advice_overdue", "Pas d’avis : appeler le 15, « avis médical »"
    if request.state == "unallocated":
        return "unallocated", "Aucune place à temps : médecin de garde"
    if request.state in ("qualified", "waiting_slot") and request.due_at is not None and request.due_at <= now:
        return "unallocated", "Pas encore placée"
    return None, ""
