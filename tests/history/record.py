"""What the clients were told: every command with its answer, from the sender's side. Written down as it happens, never changed."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from recours.day.stage import Sent
from shared.auth import Principal
from shared.errors import RecoursError, Unavailable
from shared.http import ServiceClient

Outcome = Literal["accepted", "refused", "unknown"]


@dataclass(frozen=True)
class Line:
    """One line of the record: a command left (`outcome` None), or what became of it. `at` is monotonic, in seconds."""

    at: float
    command: Sent
    outcome: Outcome | None = None
    code: str | None = None
    answer: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Command:
    """A command over all its attempts (one idempotency key): from the first departure to the last word that its sender had of it.

    `ended` is None when there was none. A refusal carries its `code` and the problem's members in `answer`.
    """

    sent: Sent
    began: float
    ended: float | None
    outcome: Outcome
    code: str | None
    answer: Mapping[str, Any]

    @property
    def name(self) -> tuple[str, UUID, str]:
        """What the service knows the command by."""
        return self.sent.service, self.sent.caller, self.sent.key

    def __str__(self) -> str:
        words = f"{self.sent.service} {self.sent.method} {self.sent.path} (key {self.sent.key}) {self.outcome}"
        return f"{words} {self.code}" if self.code else words


class Recorder:
    """Give it to `recours.day.play.play(observer=…)`, or send commands through a `RecordingClient`."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lines: list[Line] = []
        self.wall_minus_monotonic = time.time() - time.monotonic()
        """Places the databases' instants beside the record's: one machine, one clock."""

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(self._lines)

    def sent(self, command: Sent) -> None:
        self._lines.append(Line(self._now(), command))

    def answered(self, command: Sent, answer: Mapping[str, Any]) -> None:
        self._lines.append(Line(self._now(), command, "accepted", None, dict(answer)))

    def failed(self, command: Sent, reason: BaseException) -> None:
        """The service said no, or nobody knows: it was away, the line broke, we were stopped, or it answered with a fault of its own."""
        if isinstance(reason, RecoursError) and not isinstance(reason, Unavailable) and reason.status < 500:
            self._lines.append(Line(self._now(), command, "refused", reason.code, dict(reason.extra)))
        else:
            self._lines.append(Line(self._now(), command, "unknown", type(reason).__name__))

    def commands(self) -> list[Command]:
        """One for each idempotency key, in the order of their first departure. An answered repeat settles the attempts before it."""
        found: dict[tuple[str, UUID, str], Command] = {}
        for line in self._lines:
            name = (line.command.service, line.command.caller, line.command.key)
            known = found.get(name)
            if line.outcome is None:
                found[name] = known or Command(line.command, line.at, None, "unknown", None, {})
            elif known is not None and known.outcome == "unknown":
                ended = None if line.outcome == "unknown" else line.at
                found[name] = Command(known.sent, known.began, ended, line.outcome, line.code, line.answer)
        return list(found.values())


class RecordingClient:
    """Sends commands of one person or of many to one service and writes each down. One attempt a call: the caller repeats, or not."""

    def __init__(self, client: ServiceClient, service: str, recorder: Recorder) -> None:
        self._client = client
        self._service = service
        self._recorder = recorder

    async def command(self, method: str, path: str, who: Principal, key: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The service's answer. Raises what the service raised, Unavailable when the outcome is not known."""
        sent = Sent(self._service, method, path, who.sub, key, dict(body or {}))
        self._recorder.sent(sent)
        try:
            answer = await self._client.request(method, path, principal=who, json=sent.body or None, idempotency_key=key)
        except BaseException as reason:
            self._recorder.failed(sent, reason)
            raise
        self._recorder.answered(sent, answer)
        return answer

    async def ask(self, path: str, who: Principal, **params: Any) -> dict[str, Any]:
        """A read; not recorded."""
        return await self._client.get(path, principal=who, params=params)

    async def search(self, path: str, who: Principal, body: Mapping[str, Any]) -> dict[str, Any]:
        """A read that is sent as a POST; not recorded."""
        return await self._client.post(path, principal=who, json=body)
