"""What must have been seen on a machine that lives."""

from typing import Any

from tests.deploy.compose import SERVICES

_COUNTS = (
    "orphan_requests",
    "double_booked",
    "unpublished_events",
    "dead_letters",
    "consumer_lag",
    "personal_data_found",
    "lost",
    "duplicated",
)


def judge(seen: dict[str, Any]) -> None:
    """Fails naming what is wrong."""
    health = seen["health"]
    assert {name: health[name]["status"] for name in SERVICES} == dict.fromkeys(SERVICES, "ok"), health
    assert seen["account"] == "ludivine: account made\n"
    assert (seen["refused"], seen["signed_in"], seen["desk"], seen["origin_refused"]) == (401, 303, 200, 403)
    assert seen["throttled_addresses"] == ["127.0.0.77"], "failed sign-ins are counted by the person's address, not the proxy's"
    assert seen["taken"] == [200, True] and seen["registered"] == 200 and seen["found"], "a call taken, a patient registered and found"
    assert seen["check"]["code"] == 0, seen["check"]
    assert {name: seen["check"][name] for name in _COUNTS} == dict.fromkeys(_COUNTS, 0)
    assert seen["kafka_volume"] == sorted(f"intake.requests-{number}" for number in range(12)), "the log lies in the volume"
    assert seen["query_in_proxy_log"] is not True, "what people search for never reaches the proxy's log"
    if "prometheus" in seen:
        assert seen["prometheus"]["states"] == ["up"] * len(SERVICES)
        assert seen["prometheus"]["missing"] == []
