"""What callers write, at its worst: each parser answers with a value of ours or says which field is wrong, nothing else."""

import asyncio
import base64
import json
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from services.intake.api.models import Phone
from services.intake.domain.ages import band_of_birth_date, months_between
from shared import telemetry
from shared.errors import Malformed
from shared.http import Count, Cursor, Day, Instant, WallTime, min_version
from shared.http.bodies import refuse_unstorable
from shared.http.commands import _version
from shared.http.fields import checked_instant
from shared.ids import normalise_reference, spoken_reference

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
DAY, INSTANT, COUNT, PHONE, HOUR = TypeAdapter(Day), TypeAdapter(Instant), TypeAdapter(Count), TypeAdapter(Phone), TypeAdapter(WallTime)


@given(st.text(max_size=200) | st.binary(max_size=80).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_any_cursor_is_read_or_malformed(cursor: str) -> None:
    _decoded(cursor)


@given(JSON)
def test_any_json_in_a_cursor_is_read_or_malformed(content: object) -> None:
    _decoded(base64.urlsafe_b64encode(json.dumps(content).encode()).decode())


@pytest.mark.parametrize(
    "values",
    [
        ["2026-11-24T08:00:00", str(UUID(int=1))],
        ["0001-01-01T00:00:00+14:00", str(UUID(int=1))],
        ["9999-12-31T23:59:59-14:00", str(UUID(int=1))],
        ["2026-11-24T08:00:00+00:00", "1"],
        [float("inf"), str(UUID(int=1))],
    ],
)
def test_a_cursor_that_we_never_wrote_is_malformed(values: list[object]) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(values).encode()).decode()
    with pytest.raises(Malformed):
        Cursor.decode(cursor, datetime.fromisoformat, UUID)


@pytest.mark.parametrize("number", ["1e999", "NaN", str(10**30), '"x"', "[" * 200, "null"])
def test_a_number_in_a_cursor_fits_a_column(number: str) -> None:
    cursor = base64.urlsafe_b64encode(f"[{number}]".encode()).decode()
    with pytest.raises(Malformed):
        Cursor.decode(cursor, int)


def _decoded(cursor: str) -> None:
    for parsers in ((int,), (datetime.fromisoformat, UUID), (int, datetime.fromisoformat, UUID)):
        try:
            values = Cursor.decode(cursor, *parsers)
        except Malformed as refusal:
            assert refusal.extra["errors"][0]["field"] == "after"
        else:
            assert all(value.tzinfo is not None for value in values if isinstance(value, datetime))


@given(st.text(max_size=60) | st.from_regex(r'(W/)?"?\d{1,30}"?', fullmatch=True))
def test_any_if_match_is_a_version_or_malformed(header: str) -> None:
    try:
        version = _version(header)
    except Malformed as refusal:
        assert refusal.extra["errors"][0]["field"] == "If-Match"
    else:
        assert version is None or 0 <= version < 2**31


@given(st.text(max_size=80) | st.from_regex(r"[0-9a-f-]{30,36}:-?[0-9_]{1,40}", fullmatch=True))
def test_any_min_version_is_read_or_malformed(wanted: str) -> None:
    try:
        found = asyncio.run(min_version(wanted))
    except Malformed as refusal:
        assert refusal.extra["errors"][0]["field"] == "min_version"
    else:
        assert found is not None and str(found.subject_id).replace("-", "") in wanted.replace("-", "")


@given(JSON | st.integers(-(10**14), 10**14).map(str) | st.dates().map(date.isoformat))
def test_any_day_is_of_our_time_or_refused(said: object) -> None:
    try:
        day = DAY.validate_python(said)
    except ValidationError:
        return
    assert 1800 <= day.year <= 2199
    assert isinstance(said, str) and said.strip().startswith(f"{day.year}-")


@given(JSON | st.datetimes(timezones=st.timezones()).map(datetime.isoformat) | st.datetimes().map(datetime.isoformat))
def test_any_instant_is_aware_and_of_our_time_or_refused(said: object) -> None:
    try:
        instant = INSTANT.validate_python(said)
    except ValidationError:
        return
    assert isinstance(said, str)
    assert instant.utcoffset() == timedelta(0) and 1799 <= instant.year <= 2200


@pytest.mark.parametrize("said", [0, 1.5, "0", "1700000000", "-1", True, "12:00", "2026-11-24T08:00:00"])
def test_a_number_or_a_time_without_offset_is_no_instant(said: object) -> None:
    with pytest.raises(ValidationError):
        INSTANT.validate_python(said)


@given(JSON | st.times(timezones=st.none() | st.timezones()).map(time.isoformat))
def test_any_hour_of_the_day_is_without_offset_or_refused(said: object) -> None:
    try:
        hour = HOUR.validate_python(said)
    except ValidationError:
        return
    assert isinstance(said, str) and hour.tzinfo is None and hour.isoformat().startswith(said)


@pytest.mark.parametrize("said", ["09:30", "23:59:59"])
def test_an_hour_is_read_as_it_is_said(said: str) -> None:
    assert HOUR.validate_python(said).isoformat().startswith(said)


@pytest.mark.parametrize("said", [34200, "34200", "9:30", "24:00", "09:30Z", "09:30+01:00", "09:30:00.5", "09:60"])
def test_another_way_to_write_an_hour_is_refused(said: object) -> None:
    with pytest.raises(ValidationError):
        HOUR.validate_python(said)


@given(st.integers(-(10**25), 10**25))
def test_a_count_fits_a_column(number: int) -> None:
    try:
        assert 0 <= COUNT.validate_python(number) < 2**31
    except ValidationError:
        assert not 0 <= number < 2**31


@given(st.text(max_size=40))
def test_any_text_in_an_instant_of_a_cursor_is_an_instant_or_a_value_error(text: str) -> None:
    try:
        assert checked_instant(text).tzinfo is UTC
    except ValueError:
        return


@given(st.text(max_size=40))
def test_a_phone_has_nothing_but_digits_and_their_punctuation(said: str) -> None:
    try:
        phone = PHONE.validate_python(said)
    except ValidationError:
        return
    assert set(phone) <= set("0123456789+ ().-") and len(phone) <= 30


@given(st.dates(date(1800, 1, 1), date(2199, 12, 31)), st.dates(date(2020, 1, 1), date(2100, 1, 1)))
def test_any_birth_date_has_an_age_and_a_band(born: date, today: date) -> None:
    assert months_between(born, today) >= 0
    assert band_of_birth_date(born, today)


@given(st.text(max_size=40))
def test_any_spoken_reference_is_canonical_or_none(said: str) -> None:
    reference = normalise_reference(said)
    assert reference is None or normalise_reference(reference.lower()) == reference


@given(st.uuids())
def test_a_reference_is_heard_as_it_was_said(request_id: UUID) -> None:
    assert normalise_reference(f" {spoken_reference(request_id).lower().replace('-', ' ')}.") == spoken_reference(request_id)


@given(st.text(max_size=120) | st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}.*", fullmatch=True))
def test_any_traceparent_continues_a_trace_or_is_ignored(header: str) -> None:
    with telemetry.attached(header):
        trace_id = telemetry.current_trace_id()
    assert trace_id is None or trace_id in header.lower()


@given(JSON)
def test_a_json_body_is_text_throughout_or_names_the_field_that_is_not(content: object) -> None:
    body = json.dumps(content).encode()
    try:
        refuse_unstorable(body)
    except Malformed as refusal:
        assert set(refusal.extra["errors"][0]) == {"field", "message"}
    else:
        json.loads(body, parse_constant=pytest.fail)
        json.dumps(json.loads(body), ensure_ascii=False).encode()
        assert b"\\u0000" not in json.dumps(json.loads(body)).encode().replace(b"\\\\", b"")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (rb'{"words": "a\u0000b"}', "words"),
        (rb'{"limits": {"who_opens": ["\ud800"]}}', "limits.who_opens.0"),
        (rb'{"a\u0000": 1}', "body"),
        (rb'{"lon": NaN}', "body"),
        (rb'{"lon": -Infinity}', "body"),
        (rb'["\udc00\ud800"]', "0"),
    ],
)
def test_what_nothing_can_keep_is_refused_by_its_field(body: bytes, field: str) -> None:
    with pytest.raises(Malformed) as refusal:
        refuse_unstorable(body)
    assert refusal.value.extra["errors"][0]["field"] == field


@pytest.mark.parametrize(
    "body", [rb'{"words": "\ud83d\ude00"}', rb'{"words": "\\u0000 is written so"}', b'{"words": "NaN, Infinity"}', b'{"NaN', b"[" * 100_000]
)
def test_what_only_looks_odd_passes(body: bytes) -> None:
    refuse_unstorable(body)
