"""The duty doctor's list in the GP's page: who waits for a word, the call, the decision. Only for the doctor named by the rota now."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from services.console.composition import Identities, Services, attempt, key_for, services_of_visitor
from services.console.gp_day import Said, said_of
from services.console.rendering import render, toast
from services.console.sessions import Visitor, page_for
from services.console.words import instant, plain_text, reference, word
from shared import clock
from shared.errors import Malformed, RecoursError

router = APIRouter(prefix="/medecin")
duty_page = page_for("gp", "duty_doctor")
_LIMIT = timedelta(minutes=10)  # operations.md H7: the duty doctor answers within ten minutes, then the SAS by voice
_DECISIONS = ("advice_only", "appointment", "fifteen")
_LEVELS = ("same_day", "within_48h", "planned")
_PURPOSE = "care"


@dataclass(frozen=True)
class Case:
    """One request that waits for a doctor's word."""

    raw: dict[str, Any]
    who: dict[str, Any] | None

    @property
    def request_id(self) -> str:
        return str(self.raw["request_id"])

    @property
    def name(self) -> str:
        """The person, or the spoken reference while nobody can say who it is."""
        return str((self.who or {}).get("display_name") or reference(self.request_id))

    @property
    def asked_at(self) -> datetime:
        return instant(self.raw["sent_at"])

    @property
    def due_at(self) -> datetime:
        return instant(self.raw["due_at"]) if self.raw.get("due_at") else self.asked_at + _LIMIT

    @property
    def said(self) -> Said:
        return said_of(self.who, self.raw)

    @property
    def flags(self) -> list[str]:
        return list(dict.fromkeys([*self.raw.get("flags", []), *(self.who or {}).get("flags", [])]))

    @property
    def reason(self) -> str:
        return str((self.who or {}).get("reason_label") or word(self.raw.get("reason"), "reasons"))


@dataclass(frozen=True)
class Advice:
    """The list, and whether this doctor holds the rota now."""

    on_duty: bool = False
    cases: list[Case] = field(default_factory=list)
    until: str | None = None
    deputy: str | None = None
    error: RecoursError | None = None
    names: bool = True

    @property
    def ids(self) -> list[str]:
        return [case.request_id for case in self.cases]

    def named(self, names: Identities) -> "Advice":
        cases = [Case(case.raw, names.of_request(case.request_id)) for case in self.cases]
        return replace(self, cases=cases, names=names.available)


async def advice_of(services: Services, visitor: Visitor) -> Advice:
    """Without names yet. Regulation lists what waits; the rota (scheduling) says until when and who stands in."""
    me = str(visitor.practitioner_id)
    if visitor.practitioner_id is None:
        return Advice()
    listed, rota = await asyncio.gather(
        attempt(services.regulation.get("/advice", {"practitioner_id": me})), attempt(services.scheduling.get("/rota/duty"))
    )
    named = rota.value or (listed.value or {}).get("rota") or {}
    on_duty = me in (str(named.get("practitioner_id")), str(named.get("deputy_id")))
    cases = sorted((Case(item, None) for item in (listed.value or {}).get("items", [])), key=lambda case: case.due_at)
    return Advice(on_duty or bool(cases), cases, named.get("ends_at"), named.get("deputy_name"), listed.error if on_duty else None)


@router.get("/garde")
async def advice_list(
    request: Request, visitor: Visitor = Depends(duty_page), services: Services = Depends(services_of_visitor)
) -> Response:
    advice = await advice_of(services, visitor)
    names = await services.identities(requests=advice.ids, purpose=_PURPOSE)
    return render(request, "gp/_advice.html", visitor=visitor, advice=advice.named(names), case=None)


@router.get("/avis/{request_id}")
async def advice_detail(
    request_id: UUID, request: Request, visitor: Visitor = Depends(duty_page), services: Services = Depends(services_of_visitor)
) -> Response:
    return await _detail(request, visitor, services, await services.regulation.get(f"/cases/{request_id}", {"inbox": "duty_doctor"}))


@router.post("/avis/{request_id}")
async def decide(
    request_id: UUID,
    request: Request,
    decision: Annotated[str, Form()] = "",
    words: Annotated[str, Form()] = "",
    urgency: Annotated[str, Form()] = "same_day",
    modes: Annotated[list[str] | None, Form()] = None,
    visitor: Visitor = Depends(duty_page),
    services: Services = Depends(services_of_visitor),
) -> Response:
    """Regulation first (the decision, its words, its author), then intake, which re-qualifies; the event repairs a missed second step."""
    said = plain_text(words).strip()
    if decision not in _DECISIONS or not said or (decision == "appointment" and (urgency not in _LEVELS or not modes)):
        raise Malformed("a decision and words are needed")
    body: dict[str, Any] = {"decision": decision, "words": said}
    if decision == "appointment":
        body |= {"urgency": urgency, "modes": modes}
    shown = await services.regulation.post(f"/cases/{request_id}/advice", body, key=key_for(request, "advice"))
    author = {
        "practitioner_id": str(visitor.practitioner_id) if visitor.practitioner_id else None,
        "decided_by_label": visitor.display_name,
    }
    told = await attempt(services.intake.post(f"/requests/{request_id}/decision", {**body, **author}, key=key_for(request, "decision")))
    later = "Avis gardé ; le secrétariat le recevra dès que son service répond :"
    sentence = later if told.error else f"{word(decision, 'advice_decisions')} :"
    answer = await _detail(request, visitor, services, shown)
    return toast(answer, sentence, code=reference(request_id), kind="ok" if told.error is None else "warn", refetch="advice appointments")


async def _detail(request: Request, visitor: Visitor, services: Services, raw: dict[str, Any]) -> Response:
    names = await services.identities(requests=[raw["request_id"]], purpose=_PURPOSE)
    case = Case(raw, names.of_request(raw["request_id"]))
    return render(request, "gp/_decision.html", visitor=visitor, case=case, names=names.available, asked=clock.now())
