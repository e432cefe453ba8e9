"""The arithmetic of the measures."""

import math
from collections import Counter

from recours.bench.history import facts
from recours.bench.latency import Size, quantile
from shared.events.registry import TOPICS


def test_arrivals_come_from_the_seed_at_the_rate_and_never_wait_for_an_answer() -> None:
    size = Size(rates=(5.0, 10.0), seconds=600, warm_up_seconds=5, seed=3)
    phases = size.arrivals()
    assert [rate for rate, _ in phases] == [None, 5.0, 10.0]
    assert phases == Size(rates=(5.0, 10.0), seconds=600, warm_up_seconds=5, seed=3).arrivals() != Size(seed=4).arrivals()
    for rate, instants in phases[1:]:
        assert rate is not None
        assert instants == sorted(instants)
        assert abs(len(instants) / 600 - rate) < 4 * math.sqrt(rate / 600)


def test_a_quantile_is_a_value_that_was_measured() -> None:
    ascending = [float(number) for number in range(1, 101)]
    assert (quantile(ascending, 0.5), quantile(ascending, 0.99), quantile(ascending, 1.0)) == (50.0, 99.0, 100.0)
    assert (quantile([7.0], 0.99), quantile([], 0.5)) == (7.0, None)


def test_a_made_up_history_is_the_same_for_its_seed_and_in_order() -> None:
    history = facts(5_000, 7)
    assert history == facts(5_000, 7) != facts(5_000, 8)
    assert [fact.occurred_at for fact in history] == sorted(fact.occurred_at for fact in history)
    assert len({fact.event_id for fact in history}) == 5_000
    versions = Counter((fact.topic, fact.key, fact.version) for fact in history if fact.topic != "scheduling.agendas")
    assert max(versions.values()) == 1
    assert {fact.topic for fact in history} < set(TOPICS)
