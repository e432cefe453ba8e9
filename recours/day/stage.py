"""The services as actors reach them: HTTP with tokens, as the pages do; a command is repeated with its key until the service is back."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from recours.day.conductor import Conductor
from recours.stack.environment import Access
from shared.auth import Principal, TokenIssuer
from shared.errors import Unavailable
from shared.http import ServiceClient
from shared.ids import new_id

SERVICES = ("intake", "scheduling", "teleconsult", "orientation", "regulation", "pilotage")
_PAUSE_SECONDS = 0.25
_PATIENCE_SECONDS = 180.0


class Stage:
    """Commands and reads. Counts commands and how long an absent service made us wait; neither reaches the report's figures."""

    def __init__(self, access: Access, conductor: Conductor) -> None:
        issuer = TokenIssuer(access.token_private_key)
        self._clients = {name: ServiceClient(access.url(name), issuer, name) for name in SERVICES}
        self._conductor = conductor
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
        key = str(new_id())
        deadline = time.monotonic() + _PATIENCE_SECONDS
        self.commands += 1
        self._conductor.touched()
        while True:
            try:
                return await self._clients[service].request(
                    method, path, principal=who, json=dict(body or {}), idempotency_key=key, if_match=if_match
                )
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                await self._wait_for_return()

    async def _wait_for_return(self) -> None:
        self.repeated += 1
        await asyncio.sleep(_PAUSE_SECONDS)
