"""What the loader makes of the team's file."""

from datetime import date
from pathlib import Path

from recours.stack.demo import accounts_of, demo_password
from recours.stack.loading import rota_items
from shared.territory import Territory

BIEVRE = Territory.load(Path(__file__).parents[3] / "deploy" / "territory" / "bievre")
MORNINGS = [{"weekday": 1, "from": "08:00", "to": "13:00", "practitioner_id": "a", "deputy_id": "b"}]


def test_the_weekly_rota_becomes_instants_that_follow_the_change_of_the_clock() -> None:
    items = list(rota_items(MORNINGS, BIEVRE, date(2026, 3, 23), date(2026, 3, 30)))

    assert [item["starts_at"] for item in items] == ["2026-03-23T07:00:00+00:00", "2026-03-30T06:00:00+00:00"]
    assert items[0] == {
        "practitioner_id": "a",
        "deputy_id": "b",
        "starts_at": "2026-03-23T07:00:00+00:00",
        "ends_at": "2026-03-23T12:00:00+00:00",
    }


def test_days_without_a_line_have_no_duty_doctor() -> None:
    assert list(rota_items(MORNINGS, BIEVRE, date(2026, 3, 24), date(2026, 3, 29))) == []


def test_each_demo_account_has_its_own_password_that_only_this_folder_gives() -> None:
    assert demo_password("seed", "secretaire1") == demo_password("seed", "secretaire1")
    assert demo_password("seed", "secretaire1") != demo_password("seed", "arm1")
    assert demo_password("seed", "secretaire1") != demo_password("another", "secretaire1")
    assert len(demo_password("seed", "secretaire1")) == 14


def test_an_account_of_the_team_is_described_by_name_and_role() -> None:
    line = {"id": "1", "login": "dr.a", "display_name": "Dr A", "initials": "DA", "roles": ["gp", "duty_doctor"], "practitioner_id": "2"}

    (account,) = accounts_of({"accounts": [line]}, "seed")

    assert (account.description, account.practitioner_id) == ("Dr A, gp and duty doctor", "2")
