"""Acts: the dated table, its conditions, and the territory's profile over the national text."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.scheduling.domain.acts import (
    BILLED,
    FINAL,
    ActFacts,
    BadTariff,
    Regulation,
    Tariff,
    check_outcome,
    keep,
    propose,
    read_tariff,
)
from services.scheduling.domain.refusals import ActNotAllowed, OutcomeNotForMode
from shared.events.base import Mode
from shared.events.scheduling import ActOutcome
from tests.unit.scheduling.builders import NINE, a_tariff, a_tariff_line, some_facts

FILE = Path(__file__).parents[3] / "deploy" / "territory" / "bievre" / "tariff.yaml"
TODAY = date(2026, 3, 2)
REGULATION = Regulation("SAS 94", "R. Dupuis-Test", "2026-000123", NINE - timedelta(hours=5))


@pytest.fixture(scope="module")
def bievre() -> Tariff:
    return read_tariff(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def codes(tariff: Tariff, facts: ActFacts, outcome: ActOutcome = "seen") -> dict[str, Decimal]:
    return {act.code: act.amount_euros for act in propose(outcome, facts, tariff, TODAY)}


def test_the_table_of_the_bievre(bievre: Tariff) -> None:
    assert codes(bievre, some_facts()) == {"G": Decimal("30.00"), "MCG": Decimal("5.00")}
    assert codes(bievre, some_facts(mode="visit")) == {"VG": Decimal("30.00"), "MCG": Decimal("5.00")}
    reduced = some_facts(mode="visit", flags=frozenset({"reduced_mobility"}))
    assert codes(bievre, reduced) == {"VG": Decimal("30.00"), "MD": Decimal("10.00"), "MCG": Decimal("5.00")}
    assert codes(bievre, some_facts(mode="teleconsultation")) == {"TCG": Decimal("25.00")}


def test_snp_only_with_a_traced_regulation_and_never_with_mcg(bievre: Tariff) -> None:
    assert codes(bievre, some_facts(regulation=REGULATION)) == {"G": Decimal("30.00"), "SNP": Decimal("15.00")}
    assert "SNP" not in codes(bievre, some_facts(regulation=REGULATION, starts_at=NINE + timedelta(hours=44)))
    assert "SNP" not in codes(bievre, some_facts(regulation=REGULATION, snp_this_week=20))
    assert "SNP" not in codes(bievre, some_facts(regulation=REGULATION, mode="visit"))
    with pytest.raises(ActNotAllowed) as refused:
        keep(["G", "SNP"], "seen", some_facts(), bievre, TODAY)
    assert refused.value.extra["condition"] == "traced_regulation"
    with pytest.raises(ActNotAllowed):
        keep(["G", "SNP", "MCG"], "seen", some_facts(regulation=REGULATION), bievre, TODAY)


def test_the_profile_decides_on_mcg_and_shows_the_national_caution(bievre: Tariff) -> None:
    [mcg] = [act for act in propose("seen", some_facts(), bievre, TODAY) if act.code == "MCG"]
    assert mcg.caution is not None and mcg.caution.startswith("Texte national")
    national = a_tariff(a_tariff_line(), a_tariff_line("MCG", "5.00", base=False, needs=frozenset({"mt"})))
    assert "MCG" not in codes(national, some_facts(without_mt=True))
    assert "MCG" in codes(national, some_facts(without_mt=False))


def test_every_line_has_its_source_and_its_confidence(bievre: Tariff) -> None:
    assert {line.code for line in bievre.lines} == {"G", "VG", "TCG", "MD", "SNP", "MCG"}
    assert all(line.source and line.confidence for line in bievre.lines)


def test_before_its_first_day_an_amount_does_not_exist(bievre: Tariff) -> None:
    assert propose("seen", some_facts(), bievre, date(2015, 1, 1)) == []
    dated = a_tariff(a_tariff_line(amount="26.50", valid_from=date(2023, 11, 1), valid_to=date(2024, 12, 21)), a_tariff_line())
    assert [propose("seen", some_facts(), dated, on)[0].amount_euros for on in (date(2024, 12, 21), date(2024, 12, 22))] == [
        Decimal("26.50"), Decimal("30.00"),
    ]  # fmt: skip


@given(
    st.sampled_from(get_args(ActOutcome)), st.sampled_from(get_args(Mode)), st.frozensets(st.sampled_from(["reduced_mobility", "isolated"]))
)
def test_nothing_is_billed_where_nobody_was_examined(outcome: ActOutcome, mode: Mode, flags: frozenset[str]) -> None:
    tariff = read_tariff(yaml.safe_load(FILE.read_text(encoding="utf-8")))
    proposed = propose(outcome, some_facts(mode=mode, flags=flags), tariff, TODAY)
    assert bool(proposed) == (outcome in BILLED)
    if proposed:
        assert proposed[0].code == {"surgery": "G", "visit": "VG", "teleconsultation": "TCG"}[mode]
    else:
        with pytest.raises(ActNotAllowed):
            keep(["G"], outcome, some_facts(mode=mode, flags=flags), tariff, TODAY)


def test_outcomes_and_their_modes() -> None:
    for outcome, mode in (("door_closed", "surgery"), ("missed", "visit"), ("needs_exam", "visit")):
        with pytest.raises(OutcomeNotForMode):
            check_outcome(outcome, mode)  # type: ignore[arg-type]
    for outcome in get_args(ActOutcome):
        assert any(_allowed(outcome, mode) for mode in get_args(Mode))
    assert not FINAL & {"door_closed", "missed", "needs_exam", "refused", "impossible"}


def _allowed(outcome: ActOutcome, mode: Mode) -> bool:
    try:
        check_outcome(outcome, mode)
    except OutcomeNotForMode:
        return False
    return True


GOOD: dict[str, Any] = {
    "code": "G", "label": "Consultation", "amount_euros": "30.00", "valid_from": "2024-12-22", "modes": ["surgery"], "base": True,
    "confidence": "S", "source": "test",
}  # fmt: skip


@pytest.mark.parametrize(
    "lines",
    [
        [GOOD | {"amount_euros": 30.0}], [GOOD | {"amount_euros": "thirty"}], [GOOD | {"modes": ["street"]}], [GOOD | {"needs": ["luck"]}],
        [GOOD | {"colour": "red"}], [{key: value for key, value in GOOD.items() if key != "source"}], [GOOD, GOOD],
        [GOOD | {"valid_to": "2026-12-31"}, GOOD | {"valid_from": "2026-06-01"}],
    ],
)  # fmt: skip
def test_a_bad_table_is_refused_at_start(lines: list[dict[str, Any]]) -> None:
    with pytest.raises(BadTariff):
        read_tariff({"name": "test", "lines": lines})
