"""Waiting until the stack has nothing left to do, by asking every service (`GET /internal/settled`), never by sleeping a while."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime

import httpx
from pydantic import ValidationError

from shared.settling import SettledReport, earliest_due, is_settled

_PAUSE_SECONDS = 0.004
_AWAY_PAUSE_SECONDS = 0.2


class NotSettled(RuntimeError):
    """The stack did not come to rest; the message names who was busy, or away."""


class Watch:
    """Looks at all services. A service that is away is waited for: the day becomes longer, never different."""

    def __init__(self, ops_urls: Mapping[str, str], *, patience_seconds: float = 180.0) -> None:
        self._services = tuple(ops_urls)
        self._clients = {
            name: httpx.AsyncClient(base_url=url, timeout=httpx.Timeout(10.0, connect=1.0), trust_env=False)
            for name, url in ops_urls.items()
        }
        self._patience_seconds = patience_seconds
        self.waited_seconds = 0.0
        self.looks = 0

    async def settle(self) -> datetime | None:
        """Returns once the stack is settled: the instant of its next promise. Raises NotSettled when it never is."""
        started = time.monotonic()
        deadline = started + self._patience_seconds
        before: Sequence[SettledReport] | None = None
        while True:
            after = await self._look()
            if after is None:
                before = None
                await asyncio.sleep(_AWAY_PAUSE_SECONDS)
            elif before is not None and is_settled(before, after):
                self.waited_seconds += time.monotonic() - started
                return earliest_due(after)
            else:
                before = after if all(report.quiet for report in after) else None
                if before is None:
                    await asyncio.sleep(_PAUSE_SECONDS)
            if time.monotonic() > deadline:
                raise NotSettled(f"the stack is not settled after {self._patience_seconds:.0f} s: {self._why(after)}")

    async def reports(self) -> list[SettledReport]:
        """One look at everybody; waits for a service that is away."""
        deadline = time.monotonic() + self._patience_seconds
        while True:
            found = await self._look()
            if found is not None:
                return list(found)
            if time.monotonic() > deadline:
                raise NotSettled("a service does not answer on its operations address")
            await asyncio.sleep(_AWAY_PAUSE_SECONDS)

    async def tick(self) -> None:
        """Poke every service to run now what is due; whoever is away will do it by itself."""
        await asyncio.gather(*(self._poke(client) for client in self._clients.values()))

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    async def _look(self) -> tuple[SettledReport, ...] | None:
        self.looks += 1
        found = await asyncio.gather(*(self._ask(client) for client in self._clients.values()))
        return None if any(report is None for report in found) else tuple(report for report in found if report is not None)

    async def _ask(self, client: httpx.AsyncClient) -> SettledReport | None:
        try:
            answer = await client.get("/internal/settled")
            return SettledReport.model_validate_json(answer.content) if answer.is_success else None
        except (httpx.TransportError, ValidationError):
            return None

    async def _poke(self, client: httpx.AsyncClient) -> None:
        try:
            await client.post("/internal/tick")
        except httpx.TransportError:
            return

    def _why(self, reports: Sequence[SettledReport] | None) -> str:
        if reports is None:
            return "a service is away"
        busy = [report.service for report in reports if not report.quiet]
        if busy:
            return f"busy: {', '.join(busy)}"
        return "a reader is behind what was published"
