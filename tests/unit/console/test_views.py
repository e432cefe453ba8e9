"""What pages compute before drawing: words, the GP's day, the board. No server."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from markupsafe import Markup

from services.console import words
from services.console.board_view import bigs, chart, heat, heat_of_free, sparkline
from services.console.composition import Identities
from services.console.gp_day import day_of, outcomes_for
from services.console.pages.secretary import words as desk_words
from services.console.pages.secretary.draft import chosen_id, read, step_in
from services.console.pages.sign_in import _ours
from services.console.rendering import Pages
from shared.errors import Malformed
from shared.territory import Territory
from shared.testing.fixtures import TERRITORY_DIR

BIEVRE = Territory.load(TERRITORY_DIR)
TUESDAY_9 = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def test_a_page_writes_no_character_that_turns_or_hides_what_follows() -> None:
    """What services answer is not always what our forms would have let in."""
    said = "Nom\u202eesrevni\u2066\u200f\x00\x9b et 👩\u200d⚕️ l’été\n« fin »"
    assert words.plain_text(said) == "Nomesrevni et 👩\u200d⚕️ l’été\n« fin »"
    written = (
        Pages()._environment.from_string("<p title='{{ said }}'>{{ said }}</p>{{ kept }}").render(said=said + "<b>", kept=Markup("<i>"))
    )
    assert not {"\u202e", "\u2066", "\u200f", "\x00", "\x9b"} & set(written)
    assert written.count("&lt;b&gt;") == 2 and written.endswith("<i>")


def an_appointment(mode: str = "surgery", *, after: timedelta = timedelta(), **more: Any) -> dict[str, Any]:
    starts_at = TUESDAY_9 + after
    window = {}
    if mode == "visit":
        window = {
            "window_starts_at": (starts_at - timedelta(minutes=45)).isoformat(),
            "window_ends_at": (starts_at + timedelta(minutes=45)).isoformat(),
        }
    fields: dict[str, Any] = {
        "appointment_id": str(uuid4()),
        "request_id": str(uuid4()),
        "mode": mode,
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(minutes=20)).isoformat(),
        "state": "booked",
        "outcome": None,
        "urgency": "same_day",
        "age_band": "80y+",
    }
    return fields | window | more


def test_the_day_is_grouped_by_mode_in_the_order_of_its_windows_and_the_next_is_the_first_without_outcome() -> None:
    video = an_appointment("teleconsultation", after=timedelta(hours=5))
    done = an_appointment("visit", outcome="seen", state="closed")
    visit = an_appointment("visit", after=timedelta(hours=1))
    day = day_of([video, done, visit], Identities(available=False))
    assert [group.mode for group in day.groups] == ["visit", "teleconsultation"]
    assert day.seen == 1
    assert day.next is not None and day.next.id == visit["appointment_id"]
    assert day.next.short_age == "80 ans et plus"
    assert day.next.name == words.reference(visit["request_id"])


def test_a_visit_two_hours_after_its_window_waits_for_closing() -> None:
    line = day_of([an_appointment("visit")], Identities()).lines[0]
    window_end = TUESDAY_9 + timedelta(minutes=45)
    assert not line.waits_for_closing(window_end + timedelta(hours=2))
    assert line.waits_for_closing(window_end + timedelta(hours=2, minutes=1))


def test_outcomes_of_other_modes_keep_their_place_and_are_closed() -> None:
    line = day_of([an_appointment("teleconsultation")], Identities()).lines[0]
    outcomes = outcomes_for(line)
    assert [one["key"] for one in outcomes] == ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "P", "D"]
    assert [one["code"] for one in outcomes if not one["open"]] == ["door_closed"]


def test_a_woman_is_seen_in_the_feminine() -> None:
    appointment = an_appointment(outcome="seen", state="closed")
    names = Identities({appointment["request_id"]: {"sex": "F", "display_name": "Odette Marchand", "age": 82}})
    assert day_of([appointment], names).lines[0].state_words == "Vue"


def test_hours_are_those_of_the_territory_and_limits_are_said_in_words() -> None:
    assert words.clock_time("2026-11-24T08:05:00Z", BIEVRE) == "09:05"
    assert words.clock_time("2026-07-01T08:05:00Z", BIEVRE) == "10:05"
    assert words.limit("2026-11-24T19:00:00Z", BIEVRE, TUESDAY_9) == "ce soir 20:00"
    assert words.limit("2026-11-25T09:00:00Z", BIEVRE, TUESDAY_9) == "demain 10:00"
    assert words.limit("2026-11-26T09:20:00Z", BIEVRE, TUESDAY_9) == "jeu. 26 à 10:20"
    assert words.day(date(2026, 11, 1), BIEVRE) == "dimanche 1er novembre"
    assert words.duration(250) == "04:10" and words.duration(22_320) == "6 h 12" and words.duration(None) == "–"


def test_ages_are_in_months_under_two_years_and_empty_when_nobody_knows() -> None:
    today = date(2026, 11, 24)
    assert words.age("2026-03-25", 0, today) == "7 mois"
    assert words.age("1944-03-14", 82, today) == "82 ans"
    assert words.age(None, 1, today) == "1 an"
    assert words.age(None, None, today) == ""


def test_an_unknown_code_is_shown_rather_than_hidden() -> None:
    assert words.word("never_heard", "outcomes") == "never_heard"
    assert words.word(None, "outcomes") == ""


def test_a_figure_without_data_is_a_dash_and_never_zero() -> None:
    shown = {one.name: one for one in bigs({"share_abandoned": {"value": None, "target": 0.05, "good": None, "curve": []}})}
    assert shown["share_abandoned"].value == "–" and shown["share_abandoned"].verdict == "sans donnée"
    assert shown["waiting_calls"].value == "–"
    late = bigs({"oldest_wait_seconds": {"value": 250.0, "target": 60, "good": False, "curve": []}})[1]
    assert (late.value, late.state, late.target) == ("04:10", "bad", "cible 01:00")


def test_a_gap_in_the_data_is_a_gap_in_the_line() -> None:
    path, _ = sparkline([1.0, None, 2.0, 2.0], None)
    assert path.count("M") == 2 and path.count("L") == 1


def test_calls_are_drawn_from_zero_and_the_future_is_not_drawn() -> None:
    quarters = [
        {
            "at": (TUESDAY_9 + timedelta(minutes=15 * place)).isoformat(),
            "received": place,
            "answered": 0,
            "abandoned": int(place == 2),
            "future": place > 2,
        }
        for place in range(6)
    ]
    drawn = chart(quarters, BIEVRE, TUESDAY_9 + timedelta(minutes=40))
    zero_y, zero = drawn.grid[0]
    assert zero == 0 and [y for _, y in drawn.dots] == [zero_y, 155.2, 118.4]
    assert len(drawn.lost) == 1
    assert drawn.now_x is not None
    assert drawn.last == "2 appels ce quart d’heure"


def test_an_hour_all_taken_reads_zero_and_an_hour_without_offer_is_empty() -> None:
    slots = [
        {"mode": "visit", "starts_at": "2026-11-24T09:00:00Z", "state": "booked"},
        {"mode": "visit", "starts_at": "2026-11-24T10:00:00Z", "state": "free"},
        {"mode": "surgery", "starts_at": "2026-11-24T07:00:00Z", "state": "past"},
    ]
    rows = heat({"practitioners": [{"slots": slots}]}, [date(2026, 11, 24)], BIEVRE)
    assert [row.mode for row in rows] == ["visit"]
    cells = dict(rows[0].cells)
    assert (cells[10], cells[11], cells[12]) == (0, 1, None)
    free = heat_of_free({"by_mode_hour": [{"on": "2026-11-24", "hour": 11, "mode": "visit", "free": 1}]}, [date(2026, 11, 24)], BIEVRE)
    assert dict(free[0].cells)[10] is None


def test_a_way_back_is_a_path_of_ours_or_nothing() -> None:
    assert _ours("/medecin?rdv=1") == "/medecin?rdv=1"
    assert [_ours(path) for path in ("", "//x", "https://x", "javascript:1", "/\\x")] == [""] * 5


def test_a_form_with_numbers_that_are_none_is_read_as_not_said() -> None:
    for strange in ("²", "٣", "-1", "1e3", "9" * 5000, "6", ""):
        assert step_in(strange) is None
        draft = read({"step": strange, "place": "ici", "age_value": strange if strange != "6" else "131"})
        assert draft.step == 0 and draft.step0 is not None and draft.step0["age_value"] is None
    for strange in ("", "x", "..", "/appointments", "0" * 40):
        with pytest.raises(Malformed):
            chosen_id({"creneau": strange}, "creneau")


def test_a_birth_date_that_is_none_is_not_understood() -> None:
    for said in ("9" * 30, "9" * 5000, "99/99/9999", "1/1/99999", f"1/1/{'9' * 30}", "²/²/²", "0/0/0", "1/2/3/4", "\x00"):
        assert desk_words.birth_date(said, today=date(2026, 11, 24)) is None
