"""What the desk says and reads: spoken hours, birth dates as they are dictated, the closed list of outcomes, the ladder of levels."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from shared.territory import Territory

_MONTHS = ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre")
_DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")

# Lowest to highest: a secretary may only climb.
LEVELS = ("planned", "within_48h", "same_day", "advice", "red_flag")


@dataclass(frozen=True)
class CallOutcome:
    """One line of the closed list of call outcomes (operations.md §5); `way` says which command it is, `mark` what stays open."""

    code: str
    label: str
    way: Literal["fifteen", "fifteen_cut", "advice", "callback", "wait", "close", "info"]
    mark: str = ""


OUTCOMES = (
    CallOutcome("handed_15", "15 : ARM en ligne (voix)", "fifteen"),
    CallOutcome("handed_15_cut", "15 : coupé avant réponse", "fifteen_cut", "ouvert"),
    CallOutcome("advice_pending", "Avis demandé au médecin", "advice", "10 min"),
    CallOutcome("advice_given", "Avis du Dr : conseil, RDV ou 15", "info", "par le médecin"),
    CallOutcome("booked", "RDV : visite, cabinet, vidéo, suivi", "info", "Ctrl+Entrée"),
    CallOutcome("callback_promised", "Rappel promis", "callback", "ouvert, heure"),
    CallOutcome("waiting_slot", "Attente acceptée, vue avant la limite", "wait", "ouvert, heure"),
    CallOutcome("no_slot_to_sas", "Pas de place : remis au SAS (voix)", "close"),
    CallOutcome("own_doctor", "Son médecin ou remplaçant le prend", "close"),
    CallOutcome("pharmacy", "Pharmacie (motif signé)", "close"),
    CallOutcome("other_care", "Autre soin : sage-femme, dentiste, 3114…", "close"),
    CallOutcome("changed", "RDV déplacé, annulé, précisé", "close"),
    CallOutcome("information", "Renseignement non médical", "close"),
    CallOutcome("professional_note", "Message d’un professionnel", "close"),
    CallOutcome("refused_by_patient", "Proposition refusée", "close"),
    CallOutcome("abandoned", "Coupé avant tri", "info", "ouvert, 2 essais"),
    CallOutcome("out_of_mission", "Hors mission (et où aller)", "close"),
    CallOutcome("abuse_or_error", "Erreur, silence, malveillance", "close"),
)


def outcome(code: str) -> CallOutcome | None:
    """The line of the closed list with this code."""
    return next((line for line in OUTCOMES if line.code == code), None)


def next_level(urgency: str) -> str | None:
    """One step up the ladder; None at the top or for an unknown level."""
    if urgency not in LEVELS or urgency == LEVELS[-1]:
        return None
    return LEVELS[LEVELS.index(urgency) + 1]


def birth_date(said: str, *, today: date) -> date | None:
    """The date that the caller dictated: `12/03/1985`, `12 3 1985`, `12031985`, `12/03/85`; None when it is not one."""
    digits = re.findall(r"\d+", said)
    if len(digits) == 1 and len(digits[0]) in (6, 8):
        packed = digits[0]
        digits = [packed[:2], packed[2:4], packed[4:]]
    if len(digits) != 3 or any(len(part) > 4 for part in digits):
        return None
    if len(digits[0]) == 4:
        digits.reverse()
    day, month, year = (int(part) for part in digits)
    if year < 100:
        year += 2000 if year <= today.year % 100 else 1900
    try:
        born = date(year, month, day)
    except ValueError:
        return None
    return born if date(1900, 1, 1) <= born <= today else None


def spoken_date(on: date) -> str:
    """`14 mars 1944`, `1er avril 1990`: as it is read out."""
    return f"{'1er' if on.day == 1 else on.day} {_MONTHS[on.month - 1]} {on.year}"


def spoken_day(at: datetime, *, now: datetime, zone: ZoneInfo) -> str:
    """`aujourd’hui, mardi 24 novembre`: the day as the secretary reads it and the caller repeats it."""
    there, today = at.astimezone(zone).date(), now.astimezone(zone).date()
    named = f"{_DAYS[there.weekday()]} {'1er' if there.day == 1 else there.day} {_MONTHS[there.month - 1]}"
    near = {today: "aujourd’hui, ", today + timedelta(days=1): "demain, "}
    return near.get(there, "") + named


def near_day(at: datetime, *, now: datetime, zone: ZoneInfo) -> str:
    """`aujourd’hui`, `demain`, `jeudi 26`: the short form of a proposal's line."""
    there, today = at.astimezone(zone).date(), now.astimezone(zone).date()
    if there == today:
        return "aujourd’hui"
    return "demain" if there == today + timedelta(days=1) else f"{_DAYS[there.weekday()]} {there.day}"


def spoken_hour(at: datetime, *, zone: ZoneInfo) -> str:
    """`10 h 30`, `16 h`, `midi`."""
    there = at.astimezone(zone)
    if (there.hour, there.minute) == (12, 0):
        return "midi"
    return f"{there.hour}\u00a0h" if there.minute == 0 else f"{there.hour}\u00a0h\u00a0{there.minute:02d}"


def promised_at(said: str, *, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant of `8:35`, `8h35` or `835`, today, in the territory's time; None when unreadable or already past."""
    found = re.fullmatch(r"\s*(\d{1,2})\s*[h:. ]?\s*(\d{2})?\s*", said)
    if not found:
        return None
    hour, minute = int(found[1]), int(found[2] or 0)
    if hour > 23 or minute > 59:
        return None
    at = now.astimezone(zone).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return at if at > now else None


def usual_promise(*, now: datetime) -> datetime:
    """In about twenty-five minutes, on a round five minutes: what the quick pick-up proposes first."""
    at = now + timedelta(minutes=25)
    return at.replace(second=0, microsecond=0) + timedelta(minutes=(-at.minute) % 5)


def phone(number: str | None) -> str:
    """`06 39 98 20 57`, or the number as it came when it is not a French one."""
    if not number:
        return "Numéro masqué"
    digits = re.sub(r"\D", "", number)
    if digits.startswith("33") and len(digits) == 11:
        digits = "0" + digits[2:]
    return " ".join(digits[i : i + 2] for i in range(0, 10, 2)) if len(digits) == 10 else number


def age(value: int | None, unit: str | None) -> str:
    """`82 ans`, `9 mois`, or empty when nobody said."""
    if value is None:
        return ""
    words = {"years": ("an", "ans"), "months": ("mois", "mois"), "weeks": ("semaine", "semaines"), "days": ("jour", "jours")}
    one, many = words.get(unit or "years", words["years"])
    return f"{value} {one if value < 2 else many}"


def plus_seconds(at: datetime | str, seconds: float) -> datetime:
    """`at`, some seconds later (or earlier)."""
    return (at if isinstance(at, datetime) else datetime.fromisoformat(at)) + timedelta(seconds=seconds)


def day_of(text: date | str) -> date:
    """A day from a service's JSON."""
    return text if isinstance(text, date) else date.fromisoformat(text)


def surname(name: str) -> str:
    """`Roche` of `Dr Thomas Roche`: how a doctor is named aloud."""
    return name.removeprefix("Dr ").split(" ", 1)[-1]


def closing_hour(territory: Territory, now: datetime) -> str:
    """`20 h`: until when the number answers today; empty when it does not."""
    hours = territory.opening_on(territory.local(now).date())
    if hours is None or not hours[0] <= now < hours[1]:
        return ""
    return spoken_hour(hours[1], zone=territory.zone)


def warning_sign(sign: str, sex: str | None) -> str:
    """`si elle respire plus mal`, `s’il ne boit plus`: a sign of the protocol as it is read for this person."""
    said = sign.replace("'", "’").replace("il ou elle", "il" if sex == "M" else "elle")
    return f"s’{said}" if said.startswith("il ") else f"si {said}"
