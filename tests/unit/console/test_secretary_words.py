"""What the desk understands and says: dictated dates, promised hours, places, the ladder of levels, the strip's geometry."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.console.pages.secretary import draft, look, strip, words
from shared.ids import new_id
from shared.territory import Territory

PARIS = ZoneInfo("Europe/Paris")
TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 9, 12, tzinfo=UTC)  # 10:12 in Paris
COMMUNES = (("Cachan", "94016"), ("L'Haÿ-les-Roses", "94038"))


@pytest.mark.parametrize(
    ("said", "born"),
    [
        ("12/03/1985", date(1985, 3, 12)), ("12 3 1985", date(1985, 3, 12)), ("12031985", date(1985, 3, 12)), ("120385", date(1985, 3, 12)),
        ("01.02.24", date(2024, 2, 1)), ("1985-03-12", date(1985, 3, 12)), ("31/02/1985", None), ("25/12/2026", None), ("mars", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_birth_date_is_understood_as_it_is_dictated(said: str, born: date | None) -> None:
    assert words.birth_date(said, today=TODAY) == born


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("14:35", datetime(2026, 11, 24, 13, 35, tzinfo=UTC)), ("14h35", datetime(2026, 11, 24, 13, 35, tzinfo=UTC)),
        ("11", datetime(2026, 11, 24, 10, 0, tzinfo=UTC)), ("10:12", None), ("9:00", None), ("25:00", None), ("tout à l’heure", None),
    ],
)  # fmt: skip
def test_a_promise_is_an_hour_to_come_today(said: str, at: datetime | None) -> None:
    assert words.promised_at(said, now=NOW, zone=PARIS) == at


def test_the_usual_promise_is_a_round_hour_within_half_an_hour() -> None:
    assert words.usual_promise(now=NOW) == datetime(2026, 11, 24, 9, 40, tzinfo=UTC)


def test_a_level_only_climbs_one_step_and_stops_at_the_15() -> None:
    assert [words.next_level(level) for level in words.LEVELS] == ["within_48h", "same_day", "advice", "red_flag", None]


def test_a_sign_to_watch_is_read_for_this_person() -> None:
    assert words.warning_sign("il ou elle ne répond plus comme d'habitude", "F") == "si elle ne répond plus comme d’habitude"
    assert words.warning_sign("il ou elle respire mal", "M") == "s’il respire mal"
    assert words.warning_sign("la fièvre dépasse 40", None) == "si la fièvre dépasse 40"


def test_an_hour_is_read_aloud_in_the_territory_s_time() -> None:
    assert words.spoken_hour(NOW, zone=PARIS) == "10\u00a0h\u00a012"
    assert words.spoken_hour(datetime(2026, 11, 24, 11, tzinfo=UTC), zone=PARIS) == "midi"
    assert words.spoken_day(NOW, now=NOW, zone=PARIS) == "aujourd’hui, mardi 24 novembre"


def test_the_commune_is_found_in_a_place_said_without_accents() -> None:
    assert draft.commune_in("5 rue de l’Exemple, l hay les roses", COMMUNES) == "94038"
    assert draft.commune_in("gare de Rungis", COMMUNES) is None
    assert draft.commune_in(None, COMMUNES) is None


def test_a_form_half_typed_is_a_draft_and_never_an_error() -> None:
    typed = {"request_id": "not an id", "place": " Cachan ", "age_value": "6x", "callback_number": "06 39 98 oups 00 01"}
    read = draft.read(typed | {"breathing": "peut-être"})
    assert read.request_id is None
    assert read.step0 is not None
    assert (read.step0["place"], read.step0["age_value"], read.step0["breathing"]) == ("Cachan", None, None)
    assert read.step0["callback_number"] == "06 39 98  00 01"


def test_a_form_without_step_0_leaves_step_0_alone() -> None:
    assert draft.read({"request_id": str(new_id()), "reason": "Q15", "q_alone": "yes", "q_other": "maybe"}).step0 is None


def a_view(**said: object) -> dict[str, object]:
    return {"request_id": str(new_id()), "version": 1, "state": "received", "step0": {}} | said


def test_a_danger_before_the_last_answer_is_red_but_not_yet_screened() -> None:
    seen = look.of_request(a_view(screening={"result": "red_flag", "provisional": True}))
    assert (seen.stage, seen.screened, seen.step()) == ("red", False, 0)


def test_a_request_given_to_the_15_stays_on_the_hand_over_page_until_it_ends() -> None:
    assert look.of_request(a_view(state="handed_over", urgency="red_flag")).stage == "handover"
    assert look.of_request(a_view(state="closed", urgency="red_flag")).stage == "ended"


def test_the_strip_shows_the_day_from_8_to_20_and_the_initials_of_a_hold_once() -> None:
    def slot(hour: int, minute: int, state: str, initials: str | None = None) -> dict[str, object]:
        starts = datetime(2026, 11, 24, hour - 1, minute, tzinfo=UTC)
        return {
            "slot_id": str(new_id()), "mode": "surgery", "starts_at": starts.isoformat(),
            "ends_at": starts.replace(minute=minute + 20).isoformat(), "state": state, "held_by_initials": initials,
        }  # fmt: skip

    doctor = {"name": "Dr Hélène Aubry", "slots": [slot(8, 0, "free"), slot(14, 0, "held", "YB"), slot(14, 20, "held", "YB")]}
    [lane] = strip.lanes([doctor], zone=PARIS, me="SM", words={"surgery": "Cabinet"})
    assert (lane.short, lane.free) == ("Aubry", 1)
    assert [(cell.x, cell.initials, cell.mine) for cell in lane.cells] == [(0.0, "", False), (50.0, "YB", False), (52.778, "", False)]


def test_the_recap_says_until_when_the_number_answers() -> None:
    territory = Territory.load(Path("deploy/territory/bievre"))
    assert words.closing_hour(territory, NOW) == "20\u00a0h"
    assert words.closing_hour(territory, datetime(2026, 11, 28, 9, tzinfo=UTC)) == "midi"
    assert words.closing_hour(territory, datetime(2026, 11, 22, 9, tzinfo=UTC)) == ""
