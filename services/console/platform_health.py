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


async def states_of(settings: ConsoleSettings, names: Iterable[str]) -> list[Health]:
    """Asked together; a service that does not answer in time is `bad`. Never raises."""
    async with httpx.AsyncClient(timeout=_PATIENCE_SECONDS, trust_env=False) as http:
        return list(await asyncio.gather(*(_ask(http, name, ops_url(settings, name)) for name in names)))


async def _ask(http: httpx.AsyncClient, name: str, url: str) -> Health:
    started = time.perf_counter()
    try:
        answer = await http.get(f"{url}/health")
        document = answer.json()
    except (httpx.HTTPError, ValueError):
        return Health(name, "bad")
    took = time.perf_counter() - started
    status = document.get("status") if isinstance(document, dict) else None
    state: State = "bad" if answer.status_code >= 500 else "warn" if status == "degraded" or took > _SLOW_SECONDS else "ok"
    parts = document.get("parts", {}) if isinstance(document, dict) else {}
    return Health(name, state, round(took * 1000), {str(key): str(value) for key, value in parts.items()})
