"""All Prometheus metrics of recours, declared once: `recours_<thing>_<unit>`, labels from closed lists, never an id."""

import math
from collections.abc import Sequence
from typing import Final

import prometheus_client
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

registry: Final = CollectorRegistry()
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

_LATENCY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class _Metric:
    def __init__(self, name: str, help_text: str, labels: Sequence[str]) -> None:
        self.name, self.help, self.labels = name, help_text, tuple(labels)
        DECLARED.append(self)


DECLARED: Final[list[_Metric]] = []


class Counter(_Metric):
    """Only grows."""

    def __init__(self, name: str, help_text: str, labels: Sequence[str] = ()) -> None:
        super().__init__(name, help_text, labels)
        self._own = prometheus_client.Counter(name, help_text, labels, registry=registry)

    def add(self, amount: float = 1, **labels: str) -> None:
        (self._own.labels(**labels) if self.labels else self._own).inc(amount)


class Gauge(_Metric):
    """A present value."""

    def __init__(self, name: str, help_text: str, labels: Sequence[str] = ()) -> None:
        super().__init__(name, help_text, labels)
        self._own = prometheus_client.Gauge(name, help_text, labels, registry=registry)

    def set(self, value: float, **labels: str) -> None:
        (self._own.labels(**labels) if self.labels else self._own).set(value)

    def add(self, amount: float, **labels: str) -> None:
        (self._own.labels(**labels) if self.labels else self._own).inc(amount)


class Histogram(_Metric):
    """Durations in seconds."""

    def __init__(self, name: str, help_text: str, labels: Sequence[str] = (), buckets: Sequence[float] = _LATENCY) -> None:
        super().__init__(name, help_text, labels)
        self._own = prometheus_client.Histogram(name, help_text, labels, registry=registry, buckets=(*buckets, math.inf))

    def observe(self, seconds: float, **labels: str) -> None:
        (self._own.labels(**labels) if self.labels else self._own).observe(seconds)


HTTP_REQUEST_SECONDS = Histogram(
    "recours_http_request_seconds", "Time to the first byte of an answer", ["service", "route", "method", "status"]
)
OUTBOX_PENDING = Gauge("recours_outbox_pending", "Rows of the journal not yet confirmed by the broker", ["service"])
OUTBOX_OLDEST_SECONDS = Gauge("recours_outbox_oldest_seconds", "Age of the oldest pending row, real time", ["service"])
PUBLISHED_TOTAL = Counter("recours_published_total", "Records confirmed by the broker", ["service", "topic", "event_type"])
RELAY_ROUNDS_TOTAL = Counter("recours_relay_rounds_total", "Rounds of the relay", ["service", "outcome"])
REFILL_TOTAL = Counter("recours_refill_total", "Rows sent again into an empty log", ["service"])
CONSUMED_TOTAL = Counter(
    "recours_consumed_total", "Records consumed (done, duplicate, skipped, dead, retried)", ["service", "topic", "event_type", "outcome"]
)
CONSUMER_LAG = Gauge("recours_consumer_lag", "Records between a group's position and the end it last saw", ["service", "topic"])
DEAD_LETTERS_TOTAL = Counter("recours_dead_letters_total", "Records put aside as dead letters", ["service", "topic", "reason"])
INBOX_SKIPPED_TOTAL = Counter("recours_inbox_skipped_total", "Records older than the inbox floor", ["service"])
TIMER_DUE_TOTAL = Counter("recours_timer_due_total", "Due work that was run", ["service", "kind", "outcome"])
TIMER_LATE_SECONDS = Histogram("recours_timer_late_seconds", "From due to done, business time", ["service", "kind"], (1, 2, 5, 10, 60, 600))
LIVE_CLIENTS = Gauge("recours_live_clients", "Browser tabs that listen to live hints", ["service"])


def exposition() -> bytes:
    """The page that Prometheus reads."""
    return generate_latest(registry)
