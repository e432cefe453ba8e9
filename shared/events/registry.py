"""All event classes by wire type, and the topics that exist. Adding an event is adding it to its module: it is found here."""

from types import ModuleType

from shared.events import intake, orientation, regulation, scheduling, teleconsult
from shared.events.base import Event

_MODULES: tuple[ModuleType, ...] = (intake, scheduling, teleconsult, orientation, regulation)

TOPICS: tuple[str, ...] = (
    intake.CALLS, intake.REQUESTS, intake.PATIENTS, intake.MESSAGES,
    scheduling.APPOINTMENTS, scheduling.AGENDAS,
    teleconsult.SESSIONS, orientation.ATTACHMENTS, regulation.CASES,
)  # fmt: skip


def _classes(module: ModuleType) -> list[type[Event]]:
    return [
        member for member in vars(module).values()
        if isinstance(member, type) and issubclass(member, Event) and member is not Event and member.__module__ == module.__name__
    ]  # fmt: skip


REGISTRY: dict[str, type[Event]] = {cls.type: cls for module in _MODULES for cls in _classes(module)}


def event_class(event_type: str) -> type[Event] | None:
    """The class of a wire type, or None when this release does not know it."""
    return REGISTRY.get(event_type)
