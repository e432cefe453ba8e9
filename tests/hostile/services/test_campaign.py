"""The campaign's own eyes: what it would miss, nobody would see."""

import json
from collections import Counter
from pathlib import Path

from tests.hostile.services.campaign import Campaign, read_logs
from tests.hostile.services.fuzzing import CANARY, CANARY_PHONE, Tally


def test_a_name_in_a_log_and_a_fault_are_seen(tmp_path: Path) -> None:
    log = tmp_path / "intake.log"
    fault = {"level": "error", "event": "request_failed", "error": "DataError", "frames": ["a.py:1 outer", "b.py:2 inner"]}
    lines = [
        "not json",
        json.dumps({"event": "oops", "words": f"tel {CANARY_PHONE}"}),
        json.dumps({"name": CANARY.upper()}),
        json.dumps(fault),
    ]
    log.write_text("\n".join([*lines, json.dumps({"level": "info", "event": "service_ready"})]))
    assert read_logs([log]) == (2, Counter({"intake request_failed DataError at b.py:2 inner": 1}))


def test_one_server_error_broken_check_or_unanswered_case_is_not_clean() -> None:
    def judged(tally: Tally, leaked: int = 0) -> bool:
        return Campaign(7, 1.0, [Tally("scheduling", cases=5), tally], leaked, Counter()).clean

    assert judged(Tally("intake", cases=1, statuses=Counter({200: 4, 422: 9})))
    assert not judged(Tally("intake", statuses=Counter({200: 4, 500: 1})))
    assert not judged(Tally("intake", statuses=Counter({503: 1})))
    assert not judged(Tally("intake", broken=Counter({"errors_are_problems: GET /x": 1})))
    assert not judged(Tally("intake", unanswered=1))
    assert not judged(Tally("intake", trouble=["GET /x: cannot be generated"]))
    assert not judged(Tally("intake"), leaked=1)
