"""What the secretary has typed so far: the desk's form, read once, given to the services piece by piece. Nothing of it is kept here."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from shared.errors import Malformed

Json = dict[str, Any]
VITAL = ("breathing", "consciousness", "chest_or_collapse")
_ANSWERS = frozenset({"yes", "no", "unknown"})


@dataclass(frozen=True)
class Draft:
    """The desk's form. `step0` is None when step 0 was not on the page, so that its values are not touched."""

    call_id: UUID | None = None
    request_id: UUID | None = None
    next_request_id: UUID | None = None
    step: int = 0
    step0: Json | None = None
    reason: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    since: str = ""
    patient_id: UUID | None = None
    can_move: bool | None = None
    alone: bool | None = None
    camera: bool | None = None
    confined: bool | None = None
    who_opens: str = ""
    slot_id: UUID | None = None
    hold_id: UUID | None = None
    shown: tuple[str, ...] = ()

    def limits(self) -> Json:
        """Step 3 as intake wants it. What was not answered is taken on the safe side for the slot: can move, not alone, no camera."""
        return {
            "can_move": self.can_move is not False,
            "isolated": self.alone is True,
            "camera": self.camera is True,
            "confined": self.confined is True,
            "who_opens": self.who_opens or None,
        }


def read(form: Mapping[str, Any]) -> Draft:
    """The draft in a posted form; what is missing or unreadable is None, never an error: a secretary types while she listens."""
    return Draft(
        call_id=_uuid(form.get("call_id")),
        request_id=_uuid(form.get("request_id")),
        next_request_id=_uuid(form.get("next_request_id")),
        step=step_in(_text(form, "step")) or 0,
        step0=_step0(form) if "place" in form else None,
        reason=_text(form, "reason"),
        answers={key[2:]: str(value) for key, value in form.items() if key.startswith("q_") and value in _ANSWERS},
        since=_text(form, "since"),
        patient_id=_uuid(form.get("patient_id")),
        can_move=_yes_no(form, "can_move"),
        alone=_yes_no(form, "alone"),
        camera=_yes_no(form, "camera"),
        confined=_yes_no(form, "confined"),
        who_opens=_text(form, "who_opens"),
        slot_id=_uuid(form.get("slot_id")),
        hold_id=_uuid(form.get("hold_id")),
        shown=slots_shown(_text(form, "vus")),
    )


def step_in(said: str) -> int | None:
    """A step of the desk, 0 to 5, or None."""
    return int(said) if re.fullmatch("[0-5]", said) else None


def chosen_id(form: Mapping[str, Any], name: str) -> UUID:
    """The id that a button of the page sent. Raises Malformed: without it there is nothing to do."""
    found = _uuid(form.get(name))
    if found is None:
        raise Malformed(f"{name} is no id")
    return found


def of_request(request: Mapping[str, Any]) -> Draft:
    """The draft of a request opened again: what intake already knows of it."""
    flags = request.get("flags") or []
    known = bool(request.get("reason"))
    return Draft(
        call_id=_uuid(request.get("call_id")),
        request_id=_uuid(request.get("request_id")),
        reason=str(request.get("reason") or ""),
        since=str(request.get("since") or ""),
        patient_id=_uuid(request.get("patient_id")),
        can_move="reduced_mobility" not in flags if known else None,
        alone="isolated" in flags if known else None,
        confined="confined" in flags if known else None,
        who_opens=str(request.get("who_opens") or ""),
    )


def slots_shown(listed: str) -> tuple[str, ...]:
    """The slots that the page shows, in their order; ids only."""
    return tuple(one for one in listed.split(",") if _uuid(one) is not None)


def _step0(form: Mapping[str, Any]) -> Json:
    age = _text(form, "age_value")
    known_age = re.fullmatch("[0-9]{1,3}", age) is not None and int(age) <= 130
    return {
        "caller_role": _text(form, "caller_role") or None,
        "with_patient_now": _yes_no(form, "with_patient_now"),
        "place": _text(form, "place")[:300] or None,
        "access": _text(form, "access")[:300] or None,
        "callback_number": re.sub(r"[^0-9+ ().-]", "", _text(form, "callback_number"))[:30].strip() or None,
        "age_value": int(age) if known_age else None,
        "age_unit": (_text(form, "age_unit") or "years") if known_age else None,
        "sex": _text(form, "sex") or None,
        "words": _text(form, "words")[:2000] or None,
        **{name: form[name] if form.get(name) in _ANSWERS else None for name in VITAL},
        "confirmed_not_now": _text(form, "confirmed_not_now") == "yes",
        "baby_unwell": form["baby_unwell"] if form.get("baby_unwell") in _ANSWERS else None,
    }


def commune_in(place: str | None, communes: Iterable[tuple[str, str]]) -> str | None:
    """The INSEE code of the commune named in a place said on the phone; `communes` are (name, code)."""
    said = plain(place or "")
    return next((code for name, code in communes if said and plain(name) in said), None)


def plain(text: str) -> str:
    """Lower case, without accents or punctuation: `L’Haÿ-les-Roses` and `l hay les roses` are one."""
    letters = "".join(one for one in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(one))
    return " ".join(re.sub(r"[^a-z0-9]+", " ", letters).split())


def _text(form: Mapping[str, Any], name: str) -> str:
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def _yes_no(form: Mapping[str, Any], name: str) -> bool | None:
    return {"yes": True, "no": False}.get(_text(form, name))


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value)) if value else None
    except ValueError:
        return None
