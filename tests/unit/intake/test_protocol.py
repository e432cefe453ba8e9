"""The protocol of the Bièvre, and the engine that reads it (operations.md §6)."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.deadlines import rank
from services.intake.domain.protocol import Assessment, Limits, assess
from services.intake.domain.refusals import OnlyADoctorLowers, UnknownReason
from services.intake.protocol_file import ALL_REASONS, load_protocol
from shared.events.base import AgeBand, Answer
from shared.territory import BadTerritory
from tests.unit.intake.given import the_protocol

PROTOCOL = the_protocol()
BANDS: list[AgeBand] = ["0-2m", "3-11m", "1-5y", "6-15y", "16-17y", "18-69y", "70-74y", "75-79y", "80y+"]


def no_to_all(reason: str, but: dict[str, Answer] | None = None) -> dict[str, Answer]:
    answers: dict[str, Answer] = dict.fromkeys((question.id for question in PROTOCOL.reason(reason).questions), "no")
    return {**answers, **(but or {})}


def assessed(
    reason: str, answers: dict[str, Answer] | None = None, *, age_band: AgeBand = "18-69y", flags: set[str] | None = None, **other: Any
) -> Assessment:
    said = no_to_all(reason) if answers is None else answers
    return assess(PROTOCOL, reason, said, age_band=age_band, known_flags=frozenset(flags or ()), **{"limits": Limits(), **other})


def test_the_first_protocol_says_that_nobody_signed_it() -> None:
    assert PROTOCOL.signed_by is None
    assert PROTOCOL.title == "bievre-premier v1"
    assert sorted(PROTOCOL.reasons) == list(ALL_REASONS)


@given(reason=st.sampled_from(ALL_REASONS), band=st.sampled_from(BANDS), data=st.data())
def test_a_worse_answer_never_gives_a_lower_level(reason: str, band: AgeBand, data: st.DataObject) -> None:
    question = data.draw(st.sampled_from(PROTOCOL.reason(reason).questions))
    calm = assessed(reason, age_band=band)
    doubts: tuple[Answer, ...] = ("unknown", "yes")
    for answer in doubts:
        worse = assessed(reason, no_to_all(reason, {question.id: answer}), age_band=band)
        assert rank(worse.urgency) >= rank(calm.urgency)


@given(reason=st.sampled_from(ALL_REASONS), band=st.sampled_from(BANDS), data=st.data())
def test_a_yes_to_a_red_question_is_the_15_and_an_unknown_never_less_than_advice(reason: str, band: AgeBand, data: st.DataObject) -> None:
    question = data.draw(st.sampled_from([one for one in PROTOCOL.reason(reason).questions if one.danger is not None]))
    yes = assessed(reason, no_to_all(reason, {question.id: "yes"}), age_band=band)
    assert rank(yes.urgency) >= rank(question.danger or "planned")
    unknown = assessed(reason, no_to_all(reason, {question.id: "unknown"}), age_band=band)
    assert rank(unknown.urgency) >= rank("red_flag" if band in ("0-2m", "3-11m") else "advice")


def test_a_question_that_was_not_asked_counts_as_unknown() -> None:
    assert assessed("Q02", {}).urgency == "advice"


@pytest.mark.parametrize(
    ("reason", "age_band", "flags", "answers", "urgency"),
    [
        ("Q02", "18-69y", set(), {}, "within_48h"),
        ("Q16", "18-69y", set(), {}, "planned"),
        ("Q10", "18-69y", set(), {}, "advice"),
        ("Q01", "80y+", set(), {}, "advice"),
        ("Q08", "0-2m", set(), {}, "red_flag"),
        ("Q08", "0-2m", {"not_ill"}, {}, "advice"),
        ("Q08", "3-11m", set(), {}, "same_day"),
        ("Q02", "18-69y", {"pregnant"}, {}, "advice"),
        ("Q05", "18-69y", set(), {"q05_pregnant": "yes"}, "advice"),
        ("Q16", "18-69y", {"pregnant"}, {}, "planned"),
        ("Q02", "18-69y", {"graft"}, {}, "advice"),
        ("Q02", "80y+", {"isolated"}, {}, "same_day"),
        ("Q07", "18-69y", {"anticoagulant"}, {"q07_head": "yes"}, "red_flag"),
        ("Q01", "18-69y", set(), {"q01_defences": "yes"}, "red_flag"),
    ],
)
def test_rules_by_age_and_state(reason: str, age_band: AgeBand, flags: set[str], answers: dict[str, Answer], urgency: str) -> None:
    assert assessed(reason, no_to_all(reason, answers), age_band=age_band, flags=flags).urgency == urgency


def test_the_floor_of_step_0_holds_and_only_raising_is_one_key() -> None:
    assert assessed("Q16", floor="advice").urgency == "advice"
    assert assessed("Q02", raised_to="same_day").urgency == "same_day"
    with pytest.raises(OnlyADoctorLowers):
        assessed("Q03", raised_to="within_48h")


@pytest.mark.parametrize(
    ("reason", "age_band", "limits", "modes"),
    [
        ("Q01", "18-69y", Limits(camera=True), ("teleconsultation", "surgery")),
        ("Q01", "18-69y", Limits(camera=False), ("surgery",)),
        ("Q01", "18-69y", Limits(can_move=False), ("visit", "teleconsultation")),
        ("Q07", "18-69y", Limits(can_move=False), ("visit",)),
        ("Q01", "18-69y", Limits(confined=True, camera=False), ("visit",)),
        ("Q02", "80y+", Limits(isolated=True, camera=False), ("visit", "surgery")),
        ("Q08", "3-11m", Limits(camera=True), ("surgery",)),
        ("Q01", "18-69y", Limits(camera=True, refused_modes=("teleconsultation",)), ("surgery",)),
        ("Q12", "18-69y", Limits(refused_modes=("surgery",)), ("surgery",)),
    ],
)
def test_modes_follow_what_the_person_can_do(reason: str, age_band: AgeBand, limits: Limits, modes: tuple[str, ...]) -> None:
    assert assessed(reason, age_band=age_band, limits=limits).modes == modes


def test_what_is_said_today_wins_over_the_file() -> None:
    assert assessed("Q02", flags={"reduced_mobility"}).modes[0] == "visit"
    assert assessed("Q02", flags={"reduced_mobility"}, limits=Limits(can_move=True)).modes == ("surgery", "teleconsultation")
    assert assessed("Q02", flags={"isolated"}).modes == ("surgery", "teleconsultation")


@given(reason=st.sampled_from(ALL_REASONS), band=st.sampled_from(BANDS), move=st.booleans(), alone=st.booleans(), camera=st.booleans())
def test_there_is_always_a_mode_and_never_a_walk_for_who_cannot(reason: str, band: AgeBand, move: bool, alone: bool, camera: bool) -> None:
    modes = assessed(reason, age_band=band, limits=Limits(can_move=move, isolated=alone, camera=camera)).modes
    assert modes
    assert len(set(modes)) == len(modes)
    assert move or "surgery" not in modes
    assert (camera and band not in ("0-2m", "3-11m")) or "teleconsultation" not in modes


def test_an_unknown_reason_is_refused() -> None:
    with pytest.raises(UnknownReason):
        assess(PROTOCOL, "Q99", {}, age_band="18-69y", known_flags=frozenset(), limits=Limits())


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda file: file["reasons"].pop(), "twenty reasons"),
        (lambda file: file["reasons"][0]["questions"].append(file["reasons"][1]["questions"][0]), "at most 4"),
        (lambda file: file["reasons"][9]["questions"].append(file["reasons"][1]["questions"][0]), "used twice"),
        (lambda file: file["reasons"][0].update(safety_net=["un seul signe"]), "safety_net"),
        (lambda file: file["reasons"][0].update(usual="red_flag"), "usual"),
        (lambda file: file["rules"][0]["when"].update(any_yes=["q99_nothing"]), "q99_nothing"),
        (lambda file: file.update(signed={"name": "Dr"}), "rpps"),
    ],
)
def test_half_a_protocol_never_asks_a_question(tmp_path: Path, spoil: Any, named: str) -> None:
    file = yaml.safe_load((Path(__file__).parents[3] / "deploy/territory/bievre/protocol.yaml").read_text(encoding="utf-8"))
    spoil(file)
    (tmp_path / "protocol.yaml").write_text(yaml.safe_dump(file), encoding="utf-8")
    with pytest.raises(BadTerritory, match=named):
        load_protocol(tmp_path / "protocol.yaml")
