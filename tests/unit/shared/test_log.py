"""Logs carry event names, ids and codes; whatever may be about a person stays out."""

import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from shared import log, telemetry

REQUEST = UUID("01a20427-96cf-77d1-b343-c4336833461c")


@pytest.fixture(autouse=True)
def _restore_root() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_is_json_with_event_ids_and_trace(capsys: pytest.CaptureFixture[str]) -> None:
    log.setup("intake")
    telemetry.setup("intake")
    with log.bound(http_request_id="abcdefgh-1"), telemetry.tracer().start_as_current_span("work"):
        log.get("intake").info("request_qualified", request_id=REQUEST, attempt=2, urgency="same_day")
        trace_id = telemetry.current_trace_id()
    [line] = lines(capsys)
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "info",
        "service": "intake",
        "event": "request_qualified",
        "request_id": str(REQUEST),
        "attempt": 2,
        "urgency": "same_day",
        "http_request_id": "abcdefgh-1",
        "trace_id": trace_id,
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("patient_name", "DUPONT"),
        ("words", "ok"),
        ("reason", "mal au ventre depuis hier"),
        ("call_id", "06 12 34 56 78"),
        ("call_id", "0612345678"),
        ("call_id", "+33612345678"),
        ("call_id", 612345678),
        ("call_id", 33612345678),
        ("key_id", "jean.dupont@example.org"),
        ("parts", {"kafka": "mal au ventre"}),
        ("ids", ["a", "rue des Lilas"]),
        ("state", object()),
    ],
)
def test_what_may_be_about_a_person_is_dropped_and_marked(key: str, value: object) -> None:
    assert log.allowed({key: value, "attempt": 1}) == {"attempt": 1, "redacted": [key]}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("topic", "intake.requests"),
        ("event_type", "intake.RequestQualified.v1"),
        ("event_id", str(REQUEST)),
        ("offset", 41),
        ("waited_seconds", 0.5),
        ("topics", ["intake.calls", "intake.requests"]),
        ("parts", {"kafka": "away", "database": "up"}),
        ("host", "127.0.0.1:9092"),
        ("on", "2026-03-02"),
        ("practitioner_id", None),
    ],
)
def test_ids_codes_and_numbers_pass(key: str, value: object) -> None:
    assert log.allowed({key: value}) == {key: value}


def test_of_an_exception_only_class_and_lines_of_code_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    log.setup("intake")
    try:
        raise ValueError("Key (phone)=(0612345678) already exists for DUPONT")
    except ValueError as error:
        log.get("intake").error("request_failed", exception=error)
    output = capsys.readouterr().err
    line = json.loads(output)
    assert line["error"] == "ValueError"
    assert any("test_log.py" in frame for frame in line["frames"])
    assert "DUPONT" not in output and "0612345678" not in output


def test_libraries_are_heard_from_warning_on_and_quoted_only_when_known_safe(capsys: pytest.CaptureFixture[str]) -> None:
    chatty = logging.getLogger("faststream.access.kafka")
    chatty.addHandler(logging.StreamHandler())
    log.setup("intake", "DEBUG")
    logging.getLogger("aiokafka.conn").info("connected")
    logging.getLogger("aiokafka.conn").warning("broker %s away", 1)
    logging.getLogger("aiokafka.conn").warning("record 06 12 34 56 78")
    chatty.error("Input: Madame DUPONT")
    logging.getLogger("asyncpg").warning("notice about DUPONT")
    written = lines(capsys)
    assert [(line["library"], line.get("message")) for line in written] == [
        ("aiokafka.conn", "broker 1 away"),
        ("aiokafka.conn", None),
        ("faststream.access.kafka", None),
        ("asyncpg", None),
    ]


def test_an_event_name_that_is_a_sentence_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    log.setup("intake")
    log.get("intake").warning("call from Madame DUPONT")
    assert lines(capsys)[0]["event"] == "unnamed"


def test_the_level_is_respected(capsys: pytest.CaptureFixture[str]) -> None:
    log.setup("intake", "WARNING")
    log.get("intake").info("request_qualified")
    assert lines(capsys) == []
