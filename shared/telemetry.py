"""Traces: one provider a process, W3C propagation, and exports that cannot carry personal data.

With traces "none" spans have their ids and nothing else, so that the trace context goes on through HTTP, outbox and Kafka.
What leaves the process passes an allow-list of attributes; exception messages and status descriptions never leave.
"""

import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, Tracer, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes

EXPORT_EVERY_MILLISECONDS = 500

_ALLOWED_ATTRIBUTES = frozenset(
    {
        "http.request.method", "http.route", "http.response.status_code", "url.full", "error.type", "exception.type", "exception.escaped",
        "server.address", "server.port", "net.peer.name", "net.peer.port", "net.transport",
        "db.system", "db.name", "db.statement", "db.operation",
    }
)  # fmt: skip
_ALLOWED_PREFIXES = ("messaging.", "recours.")
_URLS = frozenset({"url.full", "messaging.url"})

_propagator = TraceContextTextMapPropagator()


def setup(service_name: str, traces: str = "none") -> None:
    """Choose where the spans of this process go: "none", "otlp" (OTEL_EXPORTER_OTLP_… say where) or "file:<path>"."""
    shutdown()
    provider = _provider(service_name)
    if traces == "none":
        return
    exporter: SpanExporter = OTLPSpanExporter() if traces == "otlp" else FileSpanExporter(Path(traces.removeprefix("file:")), service_name)
    _outlet.target = BatchSpanProcessor(WithoutPersonalData(exporter), schedule_delay_millis=EXPORT_EVERY_MILLISECONDS)
    _sql.instrument(tracer_provider=provider)


def shutdown() -> None:
    """Write out what is pending; further spans are dropped until the next `setup`."""
    target, _outlet.target = _outlet.target, None
    if target is not None:
        target.shutdown()
        _sql.uninstrument()


def tracer() -> Tracer:
    """The tracer of the kernel and the services."""
    return trace.get_tracer("recours")


def current_traceparent() -> str | None:
    """The W3C header of the current span, to store beside what will continue the trace later."""
    span = trace.get_current_span().get_span_context()
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}" if span.is_valid else None


def current_trace_id() -> str | None:
    span = trace.get_current_span().get_span_context()
    return f"{span.trace_id:032x}" if span.is_valid else None


@contextmanager
def attached(traceparent: str | None) -> Iterator[None]:
    """Go on in the trace of `traceparent`; an absent or unreadable one leaves the context as it is."""
    token = otel_context.attach(context_of(traceparent))
    try:
        yield
    finally:
        otel_context.detach(token)


def context_of(traceparent: str | None) -> Context:
    """The current context, with the span of a readable `traceparent` as the parent of what comes next."""
    carrier = {} if traceparent is None else {"traceparent": traceparent}
    return _propagator.extract(carrier, otel_context.get_current())


def inject(headers: dict[str, str]) -> None:
    """Add the current trace context to outgoing headers."""
    _propagator.inject(headers)


class _WithoutLonelySql(Sampler):
    """Everything, save SQL outside any trace (polling of the outbox and the timers, every second). With traces "none", only the ids."""

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        lonely = "db.system" in (attributes or {}) and not trace.get_current_span(parent_context).get_span_context().is_valid
        return (ALWAYS_OFF if lonely or _outlet.target is None else ALWAYS_ON).should_sample(
            parent_context, trace_id, name, kind, attributes, links
        )

    def get_description(self) -> str:
        return "WithoutLonelySql"


class _Outlet(SpanProcessor):
    """The provider of a process cannot be replaced once set, so its only processor can be pointed elsewhere."""

    target: SpanProcessor | None = None

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if self.target is not None:
            self.target.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        if self.target is not None:
            self.target.on_end(span)

    def shutdown(self) -> None:
        if self.target is not None:
            self.target.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self.target is None or self.target.force_flush(timeout_millis)


class WithoutPersonalData(SpanExporter):
    """Lets only allowed attributes through: whatever a library adds one day stays in the process."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([_cleaned(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


class FileSpanExporter(SpanExporter):
    """One JSON line a span; whole lines, so that several processes may append to one file."""

    def __init__(self, path: Path, service: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._service = service
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = threading.Lock()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        lines = "".join(json.dumps(self._line(span), default=str, ensure_ascii=False) + "\n" for span in spans)
        with self._lock:
            os.write(self._descriptor, lines.encode())
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def _line(self, span: ReadableSpan) -> dict[str, object]:
        own = span.get_span_context()
        return {
            "name": span.name,
            "service": self._service,
            "kind": span.kind.name.lower(),
            "trace_id": f"{own.trace_id:032x}" if own else None,
            "span_id": f"{own.span_id:016x}" if own else None,
            "parent_id": f"{span.parent.span_id:016x}" if span.parent else None,
            "start": span.start_time,
            "end": span.end_time,
            "error": span.status.status_code is StatusCode.ERROR,
            "attributes": dict(span.attributes or {}),
        }


_outlet = _Outlet()
_sql = AsyncPGInstrumentor(capture_parameters=False)  # type: ignore[no-untyped-call]  # the library is not typed there
_own_provider: TracerProvider | None = None


def _provider(service_name: str) -> TracerProvider:
    global _own_provider
    if _own_provider is None:
        resource = Resource.create({"service.name": service_name})
        _own_provider = TracerProvider(sampler=_WithoutLonelySql(), resource=resource, shutdown_on_exit=False)
        _own_provider.add_span_processor(_outlet)
        trace.set_tracer_provider(_own_provider)
        propagate.set_global_textmap(_propagator)  # no baggage: it could carry anything
    return _own_provider


def _cleaned(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes=_allowed(span.attributes),
        events=[Event(event.name, _allowed(event.attributes), event.timestamp) for event in span.events],
        links=span.links,
        kind=span.kind,
        instrumentation_scope=span.instrumentation_scope,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
    )


def _allowed(attributes: Mapping[str, object] | None) -> Attributes:
    kept = {key: value for key, value in (attributes or {}).items() if key in _ALLOWED_ATTRIBUTES or key.startswith(_ALLOWED_PREFIXES)}
    return {key: _without_query(value) if key in _URLS else value for key, value in kept.items()}  # type: ignore[misc]  # values are OpenTelemetry's own


def _without_query(url: object) -> str:
    parts = urlsplit(str(url))
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
