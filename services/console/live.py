"""Live updates: every console process reads all topics from the end, without a group, and hints its browsers what to refetch.

A hint names a panel, the id of the request (or call, patient) it is about and the trace it belongs to; never data. A lost hint
only delays: pages refetch every 15 s anyway.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.console.sessions import Visitor
from shared import clock
from shared.errors import RecoursError
from shared.events import registry

_CALLS, _REQUESTS, _PATIENTS, _MESSAGES, _APPOINTMENTS, _AGENDAS, _SESSIONS, _ATTACHMENTS, _CASES = registry.TOPICS

# panel -> topics of the service it reads, roles that may listen
PANELS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "calls": (frozenset({_CALLS}), frozenset({"secretary"})),
    "requests": (frozenset({_REQUESTS}), frozenset({"secretary"})),
    "agenda": (frozenset({_APPOINTMENTS, _AGENDAS}), frozenset({"secretary", "gp", "coordinator"})),
    "appointments": (frozenset({_APPOINTMENTS}), frozenset({"secretary", "gp", "duty_doctor"})),
    "cases": (frozenset({_CASES}), frozenset({"regulator", "arm", "osnp", "secretary"})),
    "advice": (frozenset({_CASES, _AGENDAS}), frozenset({"gp", "duty_doctor"})),
    "sessions": (frozenset({_SESSIONS}), frozenset({"gp", "secretary"})),
    "attachments": (frozenset({_ATTACHMENTS}), frozenset({"coordinator", "gp"})),
    "board": (frozenset(registry.TOPICS), frozenset({"ops", "coordinator", "admin"})),
    "timeline": (frozenset(registry.TOPICS), frozenset({"secretary", "gp", "duty_doctor", "regulator", "arm", "coordinator", "ops"})),
}
_OWN_ONLY = frozenset({"appointments", "agenda", "sessions"})  # a GP hears of his own appointments
# Four hints a second for one panel, two of them at once: the second patient of a doctor need not wait because the first just came.
_BETWEEN_SECONDS = 0.25
_AHEAD_SECONDS = 0.25
_BEAT_SECONDS = 5.0
_ASK_AGAIN_SECONDS = 5.0
STREAMS_OF_ONE_PERSON = 20  # tabs; more is a page that went wild or somebody who wishes us ill

Stands = Callable[[], Awaitable[bool]]


class TooManyStreams(RecoursError):
    """This person holds as many live streams as one may; the page goes on refetching by itself."""

    code = "too_many_streams"
    status = 429


@dataclass(frozen=True)
class Fact:
    """What the stream needs of a record: nothing of its content beyond territory and whose it is."""

    topic: str
    territory_id: str
    subject_id: str
    practitioner_id: str | None = None
    traceparent: str | None = None


def read_fact(topic: str, key: bytes | None, value: bytes | None, headers: Mapping[str, bytes]) -> Fact | None:
    """The fact in a record of `topic` (without prefix), or None when it is not one of ours."""
    try:
        body: Any = json.loads(value or b"")
        territory_id = str(body["territory_id"])
    except (ValueError, KeyError, TypeError):
        return None
    practitioner = body.get("practitioner_id")
    trace = headers.get("traceparent")
    return Fact(
        topic, territory_id, str(body.get("request_id") or (key or b"").decode(errors="replace")),
        str(practitioner) if practitioner else None, trace.decode("ascii", "replace") if trace else None,
    )  # fmt: skip


@dataclass(eq=False)
class Listener:
    """One open stream: what its person may hear, and what waits to be said."""

    territory_id: str
    panels: frozenset[str]
    practitioner_id: str | None
    desk: bool
    account_id: UUID | None = None
    _waiting: dict[str, Fact] = field(default_factory=dict)
    _paid_until: dict[str, float] = field(default_factory=dict)  # each hint pays a quarter of a second, one of them in advance
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _closed: bool = False

    @classmethod
    def of(cls, visitor: Visitor) -> "Listener":
        heard = frozenset(panel for panel, (_, roles) in PANELS.items() if not roles.isdisjoint(visitor.roles))
        own = visitor.practitioner_id
        return cls(visitor.territory.id, heard, str(own) if own else None, "secretary" in visitor.roles, visitor.account_id)

    @property
    def waiting_count(self) -> int:
        """Hints not yet said: one a panel at most, however long the reader does not read."""
        return len(self._waiting)

    def hear(self, fact: Fact) -> None:
        """Keep the latest fact of each panel; merged until it is said."""
        if fact.territory_id != self.territory_id:
            return
        for panel in self.panels:
            if fact.topic in PANELS[panel][0] and self._concerns(panel, fact):
                self._waiting[panel] = fact
                self._woken.set()

    def _concerns(self, panel: str, fact: Fact) -> bool:
        if self.desk or panel not in _OWN_ONLY or self.practitioner_id is None or fact.practitioner_id is None:
            return True
        return fact.practitioner_id == self.practitioner_id

    def close(self) -> None:
        self._closed = True
        self._woken.set()

    async def said(self) -> AsyncGenerator[tuple[str, Fact] | None]:
        """Hints as they become due (at once, then spaced and merged), and None as a beat when nothing happened for a while."""
        loop = asyncio.get_running_loop()
        while not self._closed:
            now = loop.time()
            due = [panel for panel in self._waiting if self._wait(panel, now) <= 0]
            for panel in due:
                self._paid_until[panel] = max(now, self._paid_until.get(panel, now)) + _BETWEEN_SECONDS
                yield panel, self._waiting.pop(panel)
            if due:
                continue
            self._woken.clear()
            # A panel that must wait for its turn holds up no other: each fact wakes us to look again.
            soonest = min((self._wait(panel, now) for panel in self._waiting), default=_BEAT_SECONDS)
            try:
                await asyncio.wait_for(self._woken.wait(), soonest)
            except TimeoutError:
                if not self._waiting:
                    yield None

    def _wait(self, panel: str, now: float) -> float:
        """Seconds until its next hint may be said."""
        return self._paid_until.get(panel, now) - _AHEAD_SECONDS - now


class Hub:
    """All open streams of this process."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()

    def tell(self, fact: Fact) -> None:
        for listener in self._listeners:
            listener.hear(fact)

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()

    @property
    def open(self) -> frozenset[Listener]:
        return frozenset(self._listeners)

    def require_room(self, listener: Listener) -> None:
        """Raises TooManyStreams."""
        if sum(one.account_id == listener.account_id for one in self._listeners) >= STREAMS_OF_ONE_PERSON:
            raise TooManyStreams("close a page")

    async def stream(self, listener: Listener, stands: Stands) -> AsyncGenerator[bytes]:
        """Server-sent events: `beat` (business instant and rate) at once and every 5 s, `hint` in between.

        Ends when the session no longer `stands` with the same rights: the page connects again and is told what it may.
        """
        try:
            self.require_room(listener)  # again: many may have been let in before the first of them began
        except TooManyStreams:
            return
        self._listeners.add(listener)
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        try:
            yield b"retry: 2000\n" + _event("beat", beat())
            async for said in listener.said():
                if loop.time() - asked_at >= _ASK_AGAIN_SECONDS:
                    asked_at = loop.time()
                    if not await stands():
                        return
                if said is None:
                    yield _event("beat", beat())
                else:
                    panel, fact = said
                    yield _event("hint", {"panel": panel, "id": fact.subject_id, "traceparent": fact.traceparent})
        finally:
            self._listeners.discard(listener)


def beat() -> dict[str, Any]:
    """The server's business clock, for the page's own."""
    file = clock.current()
    return {"now": int(clock.now().timestamp() * 1000), "rate": 0 if file is not None and file.standing_still else 1}


def _event(name: str, data: Mapping[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
