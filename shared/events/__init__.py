"""The published language: every fact that crosses a service's border. One module per publisher."""

from shared.events.base import Event, headers_of, source_of
from shared.events.registry import REGISTRY, TOPICS, event_class

__all__ = ["REGISTRY", "TOPICS", "Event", "event_class", "headers_of", "source_of"]
