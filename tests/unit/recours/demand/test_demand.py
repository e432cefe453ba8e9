"""The day of demand: reproducible, inside the bands of the field, nobody real."""

import re
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from recours.demand import Assumptions, BadAssumptions, Demand, generate_day
from recours.demand.generate import poisson
from recours.demand.people import BIRTH_NAMES, FEMALE, MALE
from recours.demand.projection import cell_of, lambert93
from shared.territory import Territory

FOLDER = Path(__file__).parents[4] / "deploy" / "territory" / "bievre"
TERRITORY = Territory.load(FOLDER)
ASSUMPTIONS = Assumptions.load(FOLDER)
MONDAY, TUESDAY, SATURDAY, SUNDAY = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 7), date(2026, 3, 8)


def a_day(on: date = TUESDAY, seed: int = 7) -> Demand:
    return generate_day(TERRITORY, ASSUMPTIONS, on=on, seed=seed)


@pytest.fixture(scope="module")
def many_tuesdays() -> list[Demand]:
    return [a_day(TUESDAY, seed) for seed in range(150)]


def test_the_same_seed_gives_the_same_demand_byte_for_byte() -> None:
    assert a_day().canonical() == a_day().canonical()
    assert a_day(seed=7).digest() != a_day(seed=8).digest()
    assert a_day(on=MONDAY).digest() != a_day(on=TUESDAY).digest()


@settings(max_examples=40, deadline=None)
@given(on=st.dates(date(2024, 1, 1), date(2030, 12, 31)), seed=st.integers(0, 10_000))
def test_nobody_rings_when_the_line_is_closed(on: date, seed: int) -> None:
    demand = a_day(on, seed)
    opening = TERRITORY.opening_on(on)
    if opening is None:
        assert demand.calls == () and demand.needs == () and demand.opens_at is None
        return
    assert all(opening[0] <= call.rings_at < opening[1] for call in demand.calls)
    assert [call.rings_at for call in demand.calls] == sorted(call.rings_at for call in demand.calls)
    assert [call.number for call in demand.calls] == list(range(len(demand.calls)))


@pytest.mark.parametrize(
    "on", [SUNDAY, date(2026, 4, 6), date(2026, 5, 14), date(2026, 12, 25)], ids=["sunday", "easter", "ascension", "christmas"]
)
def test_a_closed_day_has_no_demand(on: date) -> None:
    assert a_day(on).calls == ()


def test_every_need_is_asked_for_by_one_call_and_second_calls_come_after_it() -> None:
    for seed in range(20):
        demand = a_day(MONDAY, seed)
        first = {call.need: call.rings_at for call in demand.calls if call.kind == "request"}
        assert sorted(number for number in first if number is not None) == [need.number for need in demand.needs]
        assert all(call.rings_at > first[call.about] for call in demand.calls if call.about is not None)


def test_an_ordinary_day_has_fifty_requests_and_a_hundred_calls(many_tuesdays: list[Demand]) -> None:
    days = len(many_tuesdays)
    assert 48 <= sum(len(day.needs) for day in many_tuesdays) / days <= 52
    assert 92 <= sum(len(day.calls) for day in many_tuesdays) / days <= 104  # second calls after closing time are not made


def test_a_monday_is_a_third_busier_and_its_busiest_hour_holds_a_fifth(many_tuesdays: list[Demand]) -> None:
    mondays = [a_day(MONDAY, seed) for seed in range(80)]
    requests = sum(len(day.needs) for day in mondays) / len(mondays)
    assert 62 <= requests <= 68
    hours = Counter(TERRITORY.local(call.rings_at).hour for day in mondays for call in day.calls if call.kind == "request")
    assert 0.18 <= max(hours.values()) / sum(hours.values()) <= 0.22


def test_red_flags_and_advice_stay_inside_the_bands_of_the_field(many_tuesdays: list[Demand]) -> None:
    dangers = Counter(need.danger for day in many_tuesdays for need in day.needs)
    total = sum(dangers.values())
    assert 0.02 <= (dangers["step0_red"] + dangers["protocol_red"]) / total <= 0.06
    assert 0.08 <= (dangers["step0_advice"] + dangers["protocol_advice"]) / total <= 0.15


def test_reasons_come_in_their_shares(many_tuesdays: list[Demand]) -> None:
    reasons = Counter(need.reason for day in many_tuesdays for need in day.needs)
    whole = sum(shape.share for shape in ASSUMPTIONS.reasons.values())
    assert whole == pytest.approx(100)
    for code, shape in ASSUMPTIONS.reasons.items():
        assert reasons[code] / sum(reasons.values()) == pytest.approx(shape.share / whole, abs=0.015)


def test_callers_without_a_doctor_of_their_own_are_the_many(many_tuesdays: list[Demand]) -> None:
    people = [need.person for day in many_tuesdays for need in day.needs]
    assert sum(person.mt == "none" for person in people) / len(people) == pytest.approx(ASSUMPTIONS.people.without_mt, abs=0.03)
    assert all((need.mt_help is not None) == (need.person.mt == "none") for day in many_tuesdays for need in day.needs)
    assert sum(not need.comes for day in many_tuesdays for need in day.needs) / len(people) == pytest.approx(0.054, abs=0.02)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 100_000), on=st.dates(date(2026, 1, 1), date(2028, 12, 31)))
def test_a_birth_date_gives_the_age_that_is_said(seed: int, on: date) -> None:
    for need in a_day(on, seed).needs:
        person = need.person
        years = on.year - person.birth_date.year - ((on.month, on.day) < (person.birth_date.month, person.birth_date.day))
        assert years == person.age_years
        assert person.birth_date <= on
        if years == 0:
            months = (on.year - person.birth_date.year) * 12 + on.month - person.birth_date.month - (on.day < person.birth_date.day)
            assert months == person.age_months


def test_phones_are_of_the_ranges_reserved_for_fiction(many_tuesdays: list[Demand]) -> None:
    phones = {
        phone
        for day in many_tuesdays
        for phone in (*(need.person.phone for need in day.needs), *(call.phone for call in day.calls))
        if phone
    }
    assert phones
    assert all(re.fullmatch(r"019900\d{4}|063998\d{4}", phone) for phone in phones)
    assert TERRITORY.phone.replace(" ", "") not in phones


def test_members_of_a_household_share_phone_and_address() -> None:
    shared = 0
    for seed in range(10):
        people = [need.person for need in a_day(MONDAY, seed).needs]
        by_place: dict[tuple[float, float, str], list[str | None]] = {}
        for person in people:
            by_place.setdefault((person.lon, person.lat, person.address), []).append(person.phone)
        households = [phones for phones in by_place.values() if len(phones) > 1]
        assert all(len(set(phones)) == 1 for phones in households)
        shared += len(households)
    assert shared > 10


def test_no_name_of_a_caller_is_a_public_word() -> None:
    """Otherwise the scan for personal data would mistake a doctor or a commune for a patient."""
    team = (FOLDER / "team.yaml").read_text(encoding="utf-8")
    facts = (FOLDER / "territory.yaml").read_text(encoding="utf-8")
    public = {word.casefold() for word in re.findall(r"\w+", team + facts)}
    for name in (*BIRTH_NAMES, *FEMALE, *MALE):
        words = [word.casefold() for word in re.findall(r"\w+", name)]
        assert len(words) > 1 or words[0] not in public, name


def test_the_grid_is_the_national_one() -> None:
    assert lambert93(3.0, 46.5) == pytest.approx((700_000, 6_600_000), abs=0.01)
    assert lambert93(2.3522, 48.8566) == pytest.approx((652_469, 6_862_035), abs=1)
    assert cell_of(2.3371, 48.779) == "651300:6853500"


def test_poisson_has_its_mean_and_its_variance() -> None:
    from random import Random

    rng = Random(1)
    draws = [poisson(rng, 7.5) for _ in range(20_000)]
    mean = sum(draws) / len(draws)
    assert mean == pytest.approx(7.5, abs=0.1)
    assert sum((draw - mean) ** 2 for draw in draws) / len(draws) == pytest.approx(7.5, abs=0.3)
    assert 1150 <= poisson(Random(2), 1250.0) <= 1350


def test_a_wrong_assumption_is_named(tmp_path: Path) -> None:
    body = yaml.safe_load((FOLDER / "assumptions.yaml").read_text(encoding="utf-8"))
    body["acts"]["no_show"] = 1.4
    (tmp_path / "assumptions.yaml").write_text(yaml.safe_dump(body), encoding="utf-8")
    with pytest.raises(BadAssumptions, match=r"acts\.no_show"):
        Assumptions.load(tmp_path)
    body["acts"]["no_show"] = 0.05
    body["volume"]["hours"]["monday"][8] = 0.5
    (tmp_path / "assumptions.yaml").write_text(yaml.safe_dump(body), encoding="utf-8")
    with pytest.raises(BadAssumptions, match="hours of monday"):
        Assumptions.load(tmp_path)


def test_the_team_is_the_one_of_the_project() -> None:
    team = yaml.safe_load((FOLDER / "team.yaml").read_text(encoding="utf-8"))
    statuses = Counter(line["status"] for line in team["practitioners"])
    assert statuses == {"titulaire": 6, "adjoint": 5}
    titulaires = {line["id"] for line in team["practitioners"] if line["status"] == "titulaire"}
    adjoints = [line for line in team["practitioners"] if line["status"] == "adjoint"]
    assert all(line["supervisor_id"] in titulaires and line["billing_practitioner_id"] == line["supervisor_id"] for line in adjoints)
    roles = Counter(role for line in team["accounts"] for role in line["roles"])
    assert roles == {
        "secretary": 2,
        "arm": 1,
        "regulator": 2,
        "osnp": 1,
        "coordinator": 1,
        "ops": 1,
        "admin": 1,
        "gp": 11,
        "duty_doctor": 6,
    }
    for weekday in range(1, 7):
        halves = sorted((line["from"], line["to"]) for line in team["duty_rota"] if line["weekday"] == weekday)
        assert halves == [("08:00", "13:00"), ("13:00", "20:15")]
    assert all(line["practitioner_id"] in titulaires and line["deputy_id"] != line["practitioner_id"] for line in team["duty_rota"])


def test_the_last_hours_of_a_weekday_still_have_surgery_places() -> None:
    team = yaml.safe_load((FOLDER / "team.yaml").read_text(encoding="utf-8"))
    for weekday in range(1, 6):
        late = [
            a
            for line in team["practitioners"]
            for a in line["availabilities"]
            if a["weekday"] == weekday and a["mode"] == "surgery" and a["to"] >= "19:00"
        ]
        assert len(late) >= 2


def test_the_seed_reaches_closing_time_gently() -> None:
    """Nobody opens a request in the last minutes: those callers hear the closing message."""
    limit = timedelta(minutes=ASSUMPTIONS.volume.last_new_request_before_closing_minutes)
    for seed in range(30):
        demand = a_day(SATURDAY, seed)
        assert demand.closes_at is not None
        assert all(call.rings_at < demand.closes_at - limit for call in demand.calls if call.kind == "request")
