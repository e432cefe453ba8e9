"""A service's second address, where operators speak to it: dead letters, replays, refill, inbox."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from recours.operations.settings import setting

_TIMEOUT_SECONDS = 600.0  # a replay reads a whole topic


class OpsRefused(Exception):
    """The service said no, or does not answer; the text says which and why."""


class OpsAddress:
    """Requests to `/internal/…` of one service."""

    def __init__(self, settings: Mapping[str, str], service: str) -> None:
        """Raises MissingSetting."""
        prefix = f"RECOURS_{service.upper()}_OPS"
        self._service = service
        self._url = f"http://{setting(settings, f'{prefix}_HOST')}:{setting(settings, f'{prefix}_PORT')}"
        self._http = httpx.Client(base_url=f"{self._url}/internal", timeout=httpx.Timeout(_TIMEOUT_SECONDS, connect=3.0), trust_env=False)

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """Raises OpsRefused."""
        return self._ask("GET", path, params)

    def post(self, path: str, **params: Any) -> dict[str, Any]:
        """Raises OpsRefused."""
        return self._ask("POST", path, params)

    def _ask(self, method: str, path: str, params: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer = self._http.request(method, path, params=params)
        except httpx.HTTPError as away:
            raise OpsRefused(f"{self._service} does not answer at {self._url} ({type(away).__name__}): is it running?") from away
        if answer.is_success:
            return dict(answer.json())
        try:
            reason = str(answer.json().get("detail") or answer.status_code)
        except ValueError:
            reason = str(answer.status_code)
        raise OpsRefused(f"{self._service}: {reason}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.close()
