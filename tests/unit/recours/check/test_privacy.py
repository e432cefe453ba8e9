"""The search for identities: finds what is planted in any disguise, and is not fooled by ids, dates and public names."""

from datetime import date

import pytest

from recours.check.privacy import Identity, Needles

SOMEBODY = Identity(
    ("Hervouët", "Le Guellec", "Marie-Thérèse", "Zoé"), ("0639981234",), date(1985, 3, 12), ("14 rue des Glycines, 94240 L'Haÿ-les-Roses",)
)
NEEDLES = Needles([SOMEBODY], public_words=["Dr Zoé Aubrelin"])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"name": "Hervouët"}', "name"),
        ('{"name": "HERVOUET"}', "name"),
        ('{"name": "Hervou\\u00ebt"}', "name"),
        ("user_le_guellec_1", "name"),
        ("Le  Guellec", "name"),
        ("marie thérèse", "name"),
        ("call +33 6 39 98 12 34 back", "phone"),
        ("0639981234", "phone"),
        ("06.39.98.12.34", "phone"),
        ("born 1985-03-12.", "birth_date"),
        ("né le 12/03/1985", "birth_date"),
        ("14, Rue des GLYCINES", "address"),
    ],
)
def test_a_planted_identity_is_found(text: str, kind: str) -> None:
    assert NEEDLES.found_in(text) == {kind: 1}


@pytest.mark.parametrize(
    "text",
    [
        "Guellec alone is half a name",
        "Hervouëtte is somebody else",
        "Zoé is a doctor here: public",
        '{"occurred_at": "1985-03-12T08:00:00Z"}',
        '{"on":"1985-03-12","visit":4}',
        "id 019a0639981234ab and offset 10639981234",
        "15 rue des Glycines",
        "",
    ],
)
def test_what_is_no_identity_is_left_alone(text: str) -> None:
    assert not NEEDLES.found_in(text)


def test_only_counts_come_out() -> None:
    found = NEEDLES.found_in("Hervouët 0639981234 Hervouët")
    assert found == {"name": 2, "phone": 1}


def test_a_name_of_three_letters_is_not_looked_for() -> None:
    assert not Needles([Identity(("Kim",))]).found_in("kim KIM Kim")
