"""The page for whoever is on call: every alert has its row, every command and metric in it exists."""

import importlib
import re
import shlex
from pathlib import Path

import pytest
import typer.main
import yaml
from typer.core import TyperGroup

from recours.cli import COMMANDS
from shared import metrics

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| <a id=")]
NAMED = {"SERVICE": "intake", "LOGIN": "secretariat"}
"""What stands for any of its kind on the page."""
USAGE_ERROR: type[BaseException] = typer.BadParameter.__mro__[1]
"""Typer carries a Click of its own, whose errors it does not show otherwise."""


def commands_of(page: str) -> list[str]:
    return sorted({span for span in re.findall(r"`([^`]+)`", page) if span.split(" ", 1)[0] == "recours"})


def parse(command: str) -> None:
    """As the command line would understand it, without running it; raises USAGE_ERROR."""
    _, name, *arguments = (NAMED.get(word, word) for word in shlex.split(command))
    assert name in COMMANDS, f"there is no command {name!r}"
    program = typer.main.get_command(importlib.import_module(COMMANDS[name][0]).app)
    context = program.make_context(f"recours {name}", list(arguments))
    while isinstance(program, TyperGroup):  # a group of ours has no options of its own
        _, found, arguments = program.resolve_command(context, arguments)
        assert found is not None
        program, context = found, found.make_context(found.name, list(arguments), parent=context)


def test_every_alert_has_a_row() -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yml").read_text(encoding="utf-8"))
    alerts = [rule["alert"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
    assert alerts
    assert [alert for alert in alerts if not any(f"**{alert}**" in row for row in ROWS)] == []


def test_every_row_says_what_it_means_where_to_look_what_to_run_and_what_not_to_do() -> None:
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in ROWS]
    assert [row[0] for row in cells if len(row) != 5 or not all(row)] == []


@pytest.mark.parametrize("command", commands_of(PAGE))
def test_every_command_on_the_page_is_understood(command: str) -> None:
    parse(command)


@pytest.mark.parametrize(
    "wrong", ["recours replay", "recours refill intake --hard", "recours inbox trim intake", "recours inbox empty intake"]
)
def test_a_command_that_does_not_exist_would_be_found(wrong: str) -> None:
    with pytest.raises(USAGE_ERROR):
        parse(wrong)


def test_every_metric_and_every_place_that_the_page_points_to_exists() -> None:
    known = {metric.name for metric in metrics.DECLARED}
    assert set(re.findall(r"\brecours_[a-z_]+", PAGE)) <= known
    assert set(re.findall(r"\]\(#([a-z-]+)\)", PAGE)) <= set(re.findall(r'<a id="([a-z-]+)">', PAGE))


def test_every_log_event_that_the_page_names_is_logged_somewhere() -> None:
    named = {"broker_away", "publish_failed", "relay_lost_its_database", "empty_log_needs_refill", "dead_letter", "group_halted"}
    named |= {"live_without_broker", "service_ready"}
    assert all(f"`{name}`" in PAGE for name in named)
    code = "".join(path.read_text(encoding="utf-8") for folder in ("shared", "services") for path in (ROOT / folder).rglob("*.py"))
    assert {name for name in named if f'"{name}"' not in code} == set()
