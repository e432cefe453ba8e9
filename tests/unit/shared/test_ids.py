"""Ids and the reference that is spoken on the phone."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.ids import new_id, normalise_reference, spoken_reference

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def test_an_id_is_a_version_7_uuid_and_no_two_are_equal() -> None:
    ids = {new_id() for _ in range(5_000)}
    assert len(ids) == 5_000
    assert all((one.version, one.variant) == (7, "specified in RFC 4122") for one in ids)


@given(st.uuids())
def test_a_reference_is_read_back_however_it_is_written(request_id: UUID) -> None:
    reference = spoken_reference(request_id)
    heard = reference.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert normalise_reference(heard) == reference


@given(st.uuids(), st.integers(0, 5), st.sampled_from(LETTERS))
def test_a_wrong_letter_is_noticed(request_id: UUID, place: int, other: str) -> None:
    letters = spoken_reference(request_id).replace("-", "")
    wrong = letters[:place] + other + letters[place + 1 :]
    if other != letters[place] and {other, letters[place]} != {"0", "Z"}:
        assert normalise_reference(wrong) is None


@given(st.uuids(), st.integers(0, 4))
def test_two_letters_swapped_are_noticed(request_id: UUID, place: int) -> None:
    letters = spoken_reference(request_id).replace("-", "")
    one, two = letters[place], letters[place + 1]
    if one != two and {one, two} != {"0", "Z"}:
        assert normalise_reference(letters[:place] + two + one + letters[place + 2 :]) is None


def test_what_is_no_reference_is_none() -> None:
    assert [normalise_reference(text) for text in ("", "K7M", "K7M-4QX-22", "é" * 7)] == [None] * 4
