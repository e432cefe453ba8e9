"""Names as the RNIV writes them, how they sound, and the cell that may leave intake."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from services.intake.domain.ages import band_of_birth_date, months_between
from services.intake.domain.names import normalise, phone_digits, search_form, sound
from services.intake.domain.places import cell, lambert93
from shared.events.base import AgeBand, Cell
from tests.unit.intake.given import TUESDAY_10

TODAY = TUESDAY_10.date()


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("Zéphyrine", "ZEPHYRINE"),
        ("  d’Haÿ  lès-Roses ", "D'HAY LES-ROSES"),
        ("Bœuf", "BOEUF"),
        ("Çağla", "CAGLA"),
        ("Strauß 2", "STRAUSS 2"),
    ],
)
def test_names_are_written_as_the_rniv_asks(said: str, written: str) -> None:
    assert normalise(said) == written


@given(st.text(max_size=120))
def test_a_normalised_name_stays_as_it_is(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)
    assert search_form(normalise(text)) == search_form(text)


@pytest.mark.parametrize(
    ("one", "other"), [("Dupond", "Dupont"), ("Philippe", "Filip"), ("Marchandeau", "Marchando"), ("Jean-Marc", "Jean Mark")]
)
def test_names_that_sound_the_same(one: str, other: str) -> None:
    assert sound(one) == sound(other)


@pytest.mark.parametrize("phone", ["06 39 98 41 18", "+33 6 39 98 41 18", "0033639984118", "06.39.98.41.18"])
def test_a_number_is_one_number_however_it_is_written(phone: str) -> None:
    assert phone_digits(phone) == "0639984118"


def test_lambert_93_agrees_with_the_ign() -> None:
    x, y = lambert93(3.0, 46.5)
    assert (round(x, 3), round(y, 3)) == (700_000, 6_600_000)
    x, y = lambert93(2.3522, 48.8566)  # Paris, as the IGN's converter gives it
    assert (round(x, 2), round(y, 2)) == (652469.02, 6862035.26)


@given(lon=st.floats(-180, 180) | st.floats(-6, 10), lat=st.floats(-90, 90) | st.floats(41, 52))
def test_a_point_in_france_has_a_cell_that_an_event_takes_and_another_none(lon: float, lat: float) -> None:
    if -5.2 <= lon <= 9.7 and 41.3 <= lat <= 51.2:
        assert TypeAdapter(Cell).validate_python(cell(lon, lat))
    else:
        with pytest.raises(ValueError, match="France"):
            cell(lon, lat)


@given(lon=st.floats(2.2, 2.5), lat=st.floats(48.7, 48.9))
def test_a_cell_is_the_centre_of_the_square_that_holds_the_point(lon: float, lat: float) -> None:
    x, y = lambert93(lon, lat)
    centre = [int(part) for part in cell(lon, lat).split(":")]
    assert abs(centre[0] - x) <= 100
    assert abs(centre[1] - y) <= 100
    assert all(part % 200 == 100 for part in centre)


@pytest.mark.parametrize(
    ("birth", "band"),
    [
        ("2025-12-04", "0-2m"), ("2025-12-03", "3-11m"), ("2025-03-04", "3-11m"), ("2025-03-03", "1-5y"), ("2020-03-04", "1-5y"),
        ("2020-03-03", "6-15y"), ("2010-03-04", "6-15y"), ("2010-03-03", "16-17y"), ("2008-03-03", "18-69y"), ("1956-03-04", "18-69y"),
        ("1956-03-03", "70-74y"), ("1951-03-03", "75-79y"), ("1946-03-03", "80y+"),
    ],
)  # fmt: skip
def test_the_age_band_changes_on_the_birthday(birth: str, band: AgeBand) -> None:
    assert band_of_birth_date(TODAY.fromisoformat(birth), TODAY) == band


def test_an_age_is_never_negative() -> None:
    assert months_between(TODAY.replace(year=2027), TODAY) == 0
