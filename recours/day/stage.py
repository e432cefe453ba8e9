"""The services as actors reach them: HTTP with tokens, as the pages do; a command is repeated with its key until the service is back."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from recours.day.conductor import Conductor
from recours.stack.environment import Access
from shared.auth import Principal, TokenIssuer
from shared.errors import Unavailable
from shared.http import ServiceClient
from shared.ids import new_id

SERVICES = ("intake", "scheduling", "teleconsult", "orientation", "regulation", "pilotage")
_PAUSE_SECONDS = 0.25
_PATIENCE_SECONDS = 180.0


@dataclass(frozen=True)
class Sent:
    """A command as an actor gave it. `caller` and `key` are what the service knows it by."""

    service: str
    method: str
    path: str
    caller: UUID
    key: str
    body: Mapping[str, Any]


class Observer(Protocol):
    """Whoever wants to know what the actors were told: each command before it leaves, and how it ended for the actor."""

    def sent(self, command: Sent) -> None: ...

    def answered(self, command: Sent, answer: Mapping[str, Any]) -> None: ...

    def failed(self, command: Sent, reason: BaseException) -> None:
        """Refused, or given up: then nobody knows whether it was done."""


class Stage:
    """Commands and reads. Counts commands and how long an absent service made us wait; neither reaches the report's figures."""

    def __init__(self, access: Access, conductor: Conductor, observer: Observer | None = None) -> None:
        issuer = TokenIssuer(access.token_private_key)
        self._clients = {name: ServiceClient(access.url(name), issuer, name) for name in SERVICES}
        self._conductor = conductor
        self._observer = observer
        self.commands = 0
        self.repeated = 0

    async def post(self, service: str, path: str, who: Principal, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return await self._command("POST", service, path, who, body)

    async def put(self, service: str, path: str, who: Principal, body: Mapping[str, Any], *, if_match: int | None = None) -> dict[str, Any]:
        return await self._command("PUT", service, path, who, body, if_match=if_match)

    async def get(self, service: str, path: str, who: Principal, **params: Any) -> dict[str, Any]:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return await self._clients[service].get(path, principal=who, params=params)
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                await self._wait_for_return()

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()

    async def _command(
        self, method: str, service: str, path: str, who: Principal, body: Mapping[str, Any] | None, *, if_match: int | None = None
    ) -> dict[str, Any]:
        """Done once, whatever happens to the service meanwhile. Raises the service's refusals, Unavailable after three minutes."""
        command = Sent(service, method, path, who.sub, str(new_id()), dict(body or {}))
        self.commands += 1
        self._conductor.touched()
        if self._observer is None:
            return await self._until_answered(command, who, if_match)
        self._observer.sent(command)
        try:
            answer = await self._until_answered(command, who, if_match)
        except BaseException as reason:
            self._observer.failed(command, reason)
            raise
        self._observer.answered(command, answer)
        return answer

    async def _until_answered(self, command: Sent, who: Principal, if_match: int | None) -> dict[str, Any]:
        client, deadline = self._clients[command.service], time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return await client.request(
                    command.method, command.path, principal=who, json=command.body, idempotency_key=command.key, if_match=if_match
                )
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                await self._wait_for_return()

    async def _wait_for_return(self) -> None:
        self.repeated += 1
        await asyncio.sleep(_PAUSE_SECONDS)
