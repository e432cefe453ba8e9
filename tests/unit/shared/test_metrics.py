"""Metrics are declared once, named and labelled as agreed, and refuse labels that were not."""

import re

import pytest

from shared import metrics

CLOSED_LABELS = {"service", "route", "method", "status", "topic", "event_type", "outcome", "reason", "kind", "panel"}


def test_names_and_labels_follow_the_rules() -> None:
    names = [metric.name for metric in metrics.DECLARED]
    assert len(names) == len(set(names))
    for metric in metrics.DECLARED:
        assert re.fullmatch(r"recours_[a-z_]+", metric.name)
        assert metric.help
        assert set(metric.labels) <= CLOSED_LABELS
        if isinstance(metric, metrics.Counter):
            assert metric.name.endswith("_total")
        if isinstance(metric, metrics.Histogram):
            assert metric.name.endswith("_seconds")


def test_what_is_counted_is_exposed() -> None:
    metrics.PUBLISHED_TOTAL.add(3, service="unit", topic="unit.things", event_type="unit.Thing.v1")
    metrics.OUTBOX_PENDING.set(7, service="unit")
    metrics.HTTP_REQUEST_SECONDS.observe(0.02, service="unit", route="/x/{id}", method="GET", status="200")
    page = metrics.exposition().decode()
    assert 'recours_published_total{event_type="unit.Thing.v1",service="unit",topic="unit.things"} 3.0' in page
    assert 'recours_outbox_pending{service="unit"} 7.0' in page
    assert 'recours_http_request_seconds_bucket{le="0.025",method="GET",route="/x/{id}",service="unit",status="200"} 1.0' in page
    assert 'recours_http_request_seconds_bucket{le="0.01",method="GET",route="/x/{id}",service="unit",status="200"} 0.0' in page


def test_an_undeclared_label_is_refused() -> None:
    with pytest.raises(ValueError, match="label"):
        metrics.OUTBOX_PENDING.set(1, service="unit", patient="somebody")
