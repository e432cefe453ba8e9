"""How the other services are, from their second addresses: for the sign-in page and the live board."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

import httpx

from services.console.settings import ConsoleSettings

_SLOW_SECONDS = 1.0
_PATIENCE_SECONDS = 1.5
DOOR_SECONDS = 2.0
_OPS_OFFSET = 20  # second address of a service: its port plus twenty, unless RECOURS_OPS_URLS says otherwise

State = Literal["ok", "warn", "bad"]


@dataclass(frozen=True)
class Health:
    """One service as seen from here: how long it took to say how it is, and its parts."""

    name: str
    state: State
    milliseconds: int | None = None
    parts: dict[str, str] = field(default_factory=dict)


def ops_url(settings: ConsoleSettings, name: str) -> str:
    """The second address of a service."""
    listed = dict(item.split("=", 1) for item in settings.ops_urls.split(",") if "=" in item)
    if name in listed:
        return listed[name]
    if name == "console":
        return f"http://{settings.ops_host}:{settings.ops_port}"
    parts = urlsplit(str(getattr(settings, f"{name}_url")))
    return f"{parts.scheme}://{parts.hostname}:{(parts.port or 80) + _OPS_OFFSET}"


class Watch:
    """Asks the services how they are, over one client for the life of the process: making one costs everybody tens of milliseconds."""

    def __init__(self, settings: ConsoleSettings) -> None:
        self._settings = settings
        # No kept line: one that the other side just closed would read as a service that is down.
        self.http = httpx.AsyncClient(timeout=_PATIENCE_SECONDS, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))
        self._at_the_door: list[Health] = []
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def states_of(self, names: Iterable[str]) -> list[Health]:
        """Asked together; a service that does not answer in time is `bad`. Never raises."""
        return list(await asyncio.gather(*(_ask(self.http, name, ops_url(self._settings, name)) for name in names)))

    async def states_at_the_door(self, names: Iterable[str]) -> list[Health]:
        """Some seconds old at most: strangers may ask as often as they like, the services hear of it once."""
        async with self._reading:
            if time.monotonic() - self._read_at >= DOOR_SECONDS:
                self._at_the_door = await self.states_of(names)
                self._read_at = time.monotonic()
            return self._at_the_door

    async def close(self) -> None:
        await self.http.aclose()


async def _ask(http: httpx.AsyncClient, name: str, url: str) -> Health:
    started = time.perf_counter()
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            answer = await http.get(f"{url}/health")
        document = answer.json()
    except (httpx.HTTPError, ValueError, TimeoutError):
        return Health(name, "bad")
    took = time.perf_counter() - started
    status = document.get("status") if isinstance(document, dict) else None
    state: State = "bad" if answer.status_code >= 500 else "warn" if status == "degraded" or took > _SLOW_SECONDS else "ok"
    parts = document.get("parts", {}) if isinstance(document, dict) else {}
    return Health(name, state, round(took * 1000), {str(key): str(value) for key, value in parts.items()})
