"""How the console and `recours` call a service for a person: signed, traced, bounded in time, errors rebuilt."""

import asyncio
import random
import time
from collections.abc import Mapping
from typing import Any

import httpx
from opentelemetry.trace import SpanKind, StatusCode

from shared import telemetry
from shared.auth import Principal, TokenIssuer
from shared.errors import RecoursError, Unavailable
from shared.http.problems import error_of

_TIMEOUT = httpx.Timeout(10.0, connect=1.0, pool=5.0)
_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=50, keepalive_expiry=30.0)
_ATTEMPTS = 3
_BACK_OFF_SECONDS = 0.1
_SAME_TOKEN_SECONDS = 60.0
_KEPT_TOKENS = 1_000


class ServiceClient:
    """One service, over kept-alive connections. Raises what the service raised (RecoursError), Unavailable when it is away."""

    def __init__(
        self,
        base_url: str,
        issuer: TokenIssuer,
        audience: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: httpx.Timeout = _TIMEOUT,
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._tokens: dict[Principal, tuple[str, float]] = {}
        self._http = httpx.AsyncClient(base_url=base_url, timeout=timeout, limits=_LIMITS, transport=transport, trust_env=False)

    async def get(self, path: str, *, principal: Principal, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return await self.request("GET", path, principal=principal, params=params)

    async def post(
        self,
        path: str,
        *,
        principal: Principal,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> dict[str, Any]:
        return await self.request(
            "POST", path, principal=principal, json=json, params=params, idempotency_key=idempotency_key, if_match=if_match
        )

    async def put(
        self,
        path: str,
        *,
        principal: Principal,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> dict[str, Any]:
        return await self.request(
            "PUT", path, principal=principal, json=json, params=params, idempotency_key=idempotency_key, if_match=if_match
        )

    async def delete(
        self,
        path: str,
        *,
        principal: Principal,
        params: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> dict[str, Any]:
        return await self.request("DELETE", path, principal=principal, params=params, idempotency_key=idempotency_key, if_match=if_match)

    async def request(
        self,
        method: str,
        path: str,
        *,
        principal: Principal,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        if_match: int | None = None,
    ) -> dict[str, Any]:
        """The answer's JSON object ({} when there is no body). Only a command with a key is tried again, twice at most."""
        headers = {"Authorization": f"Bearer {self._token(principal)}"}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        if if_match is not None:
            headers["If-Match"] = f'"{if_match}"'
        attempts = _ATTEMPTS if idempotency_key is not None else 1
        for attempt in range(1, attempts + 1):
            try:
                return await self._once(method, path, headers, json, params)
            except Unavailable:
                if attempt == attempts:
                    raise
                await asyncio.sleep(_BACK_OFF_SECONDS * attempt * (0.5 + random.random()))
        raise AssertionError("unreachable")

    async def close(self) -> None:
        await self._http.aclose()

    def _token(self, principal: Principal) -> str:
        """The person's token for this service, the same for a minute: the service then knows it without checking its signature again."""
        token, issued_at = self._tokens.get(principal, ("", -_SAME_TOKEN_SECONDS))
        if time.monotonic() - issued_at >= _SAME_TOKEN_SECONDS:
            if len(self._tokens) >= _KEPT_TOKENS:
                self._tokens.clear()
            token, issued_at = self._issuer.issue(principal, self._audience), time.monotonic()
            self._tokens[principal] = (token, issued_at)
        return token

    async def _once(
        self, method: str, path: str, headers: Mapping[str, str], json: Any, params: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        with telemetry.tracer().start_as_current_span(
            f"{method} {self._audience}", kind=SpanKind.CLIENT, record_exception=False, set_status_on_exception=False
        ) as span:
            sent = dict(headers)
            telemetry.inject(sent)
            span.set_attributes({"http.request.method": method, "recours.to": self._audience})
            try:
                present = {key: value for key, value in (params or {}).items() if value is not None}
                answer = await self._http.request(method, path, headers=sent, json=json, params=present)
            except httpx.TransportError as error:
                span.set_status(StatusCode.ERROR)
                raise Unavailable(f"{self._audience} does not answer", service=self._audience) from error
            span.set_attribute("http.response.status_code", answer.status_code)
            if answer.is_success:
                return _object(answer)
            raise _error(answer)


def _object(answer: httpx.Response) -> dict[str, Any]:
    if not answer.content:
        return {}
    body = answer.json()
    return body if isinstance(body, dict) else {"items": body}


def _error(answer: httpx.Response) -> RecoursError:
    try:
        document = answer.json()
    except ValueError:
        document = {}
    return error_of(answer.status_code, document if isinstance(document, dict) else {})
