"""From assumptions to one day of calls. Every part draws from a stream of its own, so that a change in one does not move the others."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from math import exp, log
from random import Random
from typing import Literal

from recours.demand.assumptions import Assumptions, ReasonShare, day_kind
from recours.demand.model import Call, CallKind, Danger, Demand, Limits, Need, Person, VitalAnswers
from recours.demand.people import draw_person
from shared.territory import Territory

_MEAN_CHUNK = 500.0  # keeps exp(-mean) away from zero
_VITAL_FIRST = {"Q03": "breathing", "Q10": "chest_or_collapse", "Q09": "chest_or_collapse", "Q15": "consciousness", "Q14": "consciousness"}


def generate_day(territory: Territory, assumptions: Assumptions, *, on: date, seed: int) -> Demand:
    """The demand of `on`. Closed days have no calls (the line says « Appelez le 15 »)."""
    opening = territory.opening_on(on)
    if opening is None:
        return Demand(territory.id, on, seed, None, None, 0, (), ())
    opens_at, closes_at = opening
    kind = day_kind(on.isoweekday())
    volume = assumptions.volume
    mean = volume.requests_per_day * volume.weekday_factor.get(on.isoweekday(), 0.0)
    name = f"{territory.id}|{on.isoformat()}|{seed}"
    last = closes_at - timedelta(minutes=volume.last_new_request_before_closing_minutes)
    shares = volume.hours[kind]
    arrivals = [at for at in _arrivals(Random(f"{name}|requests"), territory, on, shares, mean) if opens_at <= at < last]

    needs: list[Need] = []
    calls: list[Call] = []
    for index, at in enumerate(arrivals):
        rng = Random(f"{name}|need|{index}")
        needs.append(_need(rng, index, on, territory, assumptions, earlier=needs))
        calls.append(_call(rng, at, "request", _phone_shown(rng, assumptions, needs[-1].person), assumptions, need=index))
        calls.extend(_second_calls(rng, at, closes_at, needs[-1], assumptions))
    for other, per_request in (
        ("information", volume.other_calls_per_request.information),
        ("professional", volume.other_calls_per_request.professional),
        ("error", volume.other_calls_per_request.error),
    ):
        rng = Random(f"{name}|{other}")
        for at in _arrivals(rng, territory, on, shares, mean * per_request):
            if opens_at <= at < closes_at:
                calls.append(_call(rng, at, _KINDS[other], f"063998{rng.randrange(10_000):04d}", assumptions))
    calls.sort(key=lambda call: (call.rings_at, call.kind, call.need if call.need is not None else -1, call.about or -1))
    numbered = tuple(replace(call, number=number) for number, call in enumerate(calls))
    return Demand(territory.id, on, seed, opens_at, closes_at, assumptions.staffing.secretaries[kind], tuple(needs), numbered)


_KINDS: dict[str, CallKind] = {"information": "information", "professional": "professional", "error": "error"}


def poisson(rng: Random, mean: float) -> int:
    """A Poisson draw (Knuth, in chunks: the sum of Poisson draws is one)."""
    total, left = 0, mean
    while left > 0:
        chunk = min(left, _MEAN_CHUNK)
        limit, product = exp(-chunk), rng.random()
        while product > limit:
            total += 1
            product *= rng.random()
        left -= chunk
    return total


def _arrivals(rng: Random, territory: Territory, on: date, shares: dict[int, float], mean: float) -> list[datetime]:
    """Instants of a Poisson process whose rate is constant inside each hour of the wall clock; whole seconds, in order."""
    instants: list[datetime] = []
    for hour, share in sorted(shares.items()):
        start = territory.at(on, time(hour))
        instants.extend(start + timedelta(seconds=rng.randrange(3600)) for _ in range(poisson(rng, mean * share)))
    return sorted(instants)


def _need(rng: Random, number: int, on: date, territory: Territory, assumptions: Assumptions, *, earlier: list[Need]) -> Need:
    codes = list(assumptions.reasons)
    reason = rng.choices(codes, weights=[assumptions.reasons[code].share for code in codes])[0]
    shape = assumptions.reasons[reason]
    family: Person | None = None
    if earlier and rng.random() < assumptions.people.household_phone:
        family = rng.choice(earlier).person
    person = draw_person(rng, number, on, territory, assumptions, ages=shape.ages, family=family)
    danger = _danger(rng, shape, assumptions)
    role, beside = _caller(rng, person, assumptions)
    people = assumptions.people
    mobile = "reduced_mobility" not in person.flags
    refuses = rng.random()
    rank = 0 if refuses < assumptions.calls.refuses_all else rng.choice((2, 3)) if refuses < assumptions.calls.refuses_first else 1
    limits = Limits(
        can_move=mobile,
        isolated="isolated" in person.flags and not mobile,
        camera=rng.random() >= people.no_camera.at(person.age_years),
        confined=mobile and reason in ("Q01", "Q03") and rng.random() < 0.02,
    )
    help_wanted: Literal["yes", "no", "later"] | None = None
    if person.mt == "none":
        draw = rng.random()
        help_wanted = "yes" if draw < people.mt_help.yes else "later" if draw < people.mt_help.yes + people.mt_help.later else "no"
    return Need(
        number=number,
        person=person,
        reason=reason,
        words=rng.choice(shape.words),
        since_days=rng.randint(*shape.since_days),
        caller_role=role,
        with_patient_now=beside,
        vital=_vital(rng, reason, danger),
        danger=danger,
        limits=limits,
        delegated=rng.random() < assumptions.calls.delegated,
        takes_rank=rank,
        mt_help=help_wanted,
        comes=rng.random() >= assumptions.acts.no_show,
    )


def _danger(rng: Random, shape: ReasonShare, assumptions: Assumptions) -> Danger:
    draw = rng.random()
    if draw < shape.red:
        return "step0_red" if rng.random() < assumptions.vital.said_at_step0 else "protocol_red"
    if draw < shape.red + shape.advice:
        return "step0_advice" if rng.random() < assumptions.vital.withdrawn else "protocol_advice"
    return "none"


def _vital(rng: Random, reason: str, danger: Danger) -> VitalAnswers:
    """Three times no, unless there is danger: then one yes, or « je ne sais pas », which counts as yes."""
    if danger == "step0_advice":
        return VitalAnswers("yes", "no", "no", withdrawn=True)
    if danger != "step0_red":
        return VitalAnswers("no", "no", "no", withdrawn=False)
    question = _VITAL_FIRST.get(reason) or rng.choice(("breathing", "consciousness", "chest_or_collapse"))
    answer: Literal["yes", "unknown"] = "unknown" if rng.random() < 0.15 else "yes"
    return VitalAnswers(
        answer if question == "breathing" else "no",
        answer if question == "consciousness" else "no",
        answer if question == "chest_or_collapse" else "no",
        withdrawn=False,
    )


def _caller(rng: Random, person: Person, assumptions: Assumptions) -> tuple[Literal["patient", "other"], bool]:
    rule = assumptions.calls.caller_is_other
    chance = rule.under_16 if person.age_years < 16 else rule.from_80 if person.age_years >= 80 else rule.adult
    if rng.random() >= chance:
        return "patient", True
    return "other", person.age_years < 16 or rng.random() >= assumptions.calls.other_not_beside


def _phone_shown(rng: Random, assumptions: Assumptions, person: Person) -> str | None:
    return None if rng.random() < assumptions.people.hidden_number else person.phone


def _call(
    rng: Random,
    at: datetime,
    kind: CallKind,
    phone: str | None,
    assumptions: Assumptions,
    *,
    need: int | None = None,
    about: int | None = None,
) -> Call:
    calls = assumptions.calls
    tail = -log(1 - rng.random()) / log(2)  # exponential, median 1
    patience = max(calls.patience_seconds.minimum, round(calls.patience_seconds.median * tail))
    again = rng.randint(180, 900) if rng.random() < calls.calls_again_after_abandon else None
    talk = (
        calls.whole_call_seconds
        if kind in ("request", "second_worse")
        else calls.error_seconds
        if kind == "error"
        else calls.short_call_seconds
    )
    step0 = rng.randint(*calls.step0_seconds)
    return Call(
        number=0,
        rings_at=at,
        kind=kind,
        phone=phone,
        patience_seconds=patience,
        again_after_seconds=again,
        step0_seconds=step0,
        talk_seconds=rng.randint(*talk),
        wrap_up_seconds=rng.randint(*calls.wrap_up_seconds),
        need=need,
        about=about,
    )


def _second_calls(rng: Random, first: datetime, closes_at: datetime, need: Need, assumptions: Assumptions) -> list[Call]:
    """What the same person calls back for, later on the same day."""
    per = assumptions.volume.other_calls_per_request
    chances: tuple[tuple[CallKind, float], ...] = (
        ("second_information", per.second_information),
        ("second_change", per.second_change),
        ("second_cancel", per.second_cancel),
        ("second_worse", per.second_worse),
    )
    calls = []
    for kind, chance in chances:
        wanted, minutes = rng.random() < chance, rng.randint(*assumptions.volume.second_call_after_minutes)
        at = first + timedelta(minutes=minutes, seconds=rng.randrange(60))
        if wanted and at < closes_at:
            calls.append(_call(rng, at, kind, need.person.phone, assumptions, about=need.number))
    return calls
