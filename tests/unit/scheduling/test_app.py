"""What `app.py` builds from the territory's folder and the settings."""

from datetime import date
from pathlib import Path

import pytest

from services.scheduling.app import load_tariff, make_profile
from services.scheduling.domain.allocation import AllocationRules
from services.scheduling.domain.rules import Rules
from services.scheduling.domain.slots import SlotRules
from services.scheduling.domain.travel import position_of_cell
from services.scheduling.settings import SchedulingSettings
from shared.errors import NotFound
from shared.territory import BadTerritory, Territory
from tests.unit.scheduling.builders import NINE, a_request

FOLDER = Path(__file__).parents[3] / "deploy" / "territory" / "bievre"


def test_sundays_and_holidays_are_closed() -> None:
    profile = make_profile(Territory.load(FOLDER))
    days = [date(2026, 3, 2), date(2026, 3, 7), date(2026, 3, 8), date(2026, 7, 14), date(2026, 4, 6)]
    assert [profile.closed_on(on) for on in days] == [False, False, True, True, True]
    assert profile.local_day(NINE.replace(hour=23)) == date(2026, 3, 3)


def test_a_patient_is_at_his_cell_else_in_his_commune_else_somewhere() -> None:
    profile = make_profile(Territory.load(FOLDER))
    assert profile.position_of(a_request(cell="651300:6853500")) == position_of_cell("651300:6853500")
    assert profile.position_of(a_request(commune="94016")) == profile.centres["94016"]
    assert profile.position_of(a_request(commune="75056")) is None


def test_a_territory_that_is_not_served_is_not_found() -> None:
    rules = Rules({}, {}, SlotRules(), AllocationRules())
    for ask in (rules.profile, rules.tariff):
        with pytest.raises(NotFound):
            ask("ailleurs")


def test_a_folder_without_a_tariff_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(BadTerritory, match=r"tariff\.yaml"):
        load_tariff(tmp_path)


def test_the_defaults_of_the_settings_are_those_of_the_domain() -> None:
    fields = {name: field.default for name, field in SchedulingSettings.model_fields.items()}
    settings = SchedulingSettings.model_construct(**fields)
    assert (settings.slot_rules(), settings.allocation_rules()) == (SlotRules(), AllocationRules())
