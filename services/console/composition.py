"""How pages reach the services: one client a service, as the signed-in person; names in one call; a panel that survives a service away."""

from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from fastapi import Depends, Request

from services.console.sessions import Visitor, page_for
from services.console.settings import ConsoleSettings
from shared.auth import Principal, TokenIssuer
from shared.errors import RecoursError
from shared.http import ServiceClient

SERVICES = ("intake", "scheduling", "teleconsult", "orientation", "regulation", "pilotage")


def clients(settings: ConsoleSettings) -> dict[str, ServiceClient]:
    """One client a service, for the life of the process."""
    issuer = TokenIssuer(settings.token_private_key.get_secret_value())
    return {name: ServiceClient(getattr(settings, f"{name}_url"), issuer, name) for name in SERVICES}


@dataclass(frozen=True)
class Caller:
    """One service as one person. Every method raises the RecoursError that the service answered, or Unavailable."""

    client: ServiceClient
    principal: Principal

    async def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        return await self.client.get(path, principal=self.principal, params=params)

    async def post(self, path: str, json: Any = None, *, key: str | None = None, if_match: int | None = None) -> Any:
        return await self.client.post(path, principal=self.principal, json=json, idempotency_key=key, if_match=if_match)

    async def put(self, path: str, json: Any = None, *, key: str | None = None, if_match: int | None = None) -> Any:
        return await self.client.put(path, principal=self.principal, json=json, idempotency_key=key, if_match=if_match)

    async def delete(self, path: str, *, key: str | None = None) -> Any:
        return await self.client.delete(path, principal=self.principal, idempotency_key=key)


@dataclass(frozen=True)
class Identities:
    """Names for one page. Not available: the page shows reference, age band, commune and « identité indisponible »."""

    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    patients: dict[str, dict[str, Any]] = field(default_factory=dict)
    available: bool = True

    def of_request(self, request_id: UUID | str) -> dict[str, Any] | None:
        return self.requests.get(str(request_id))


@dataclass(frozen=True)
class Outcome:
    """What a service answered, or why it did not."""

    value: Any = None
    error: RecoursError | None = None


@dataclass(frozen=True)
class Services:
    """The six services as the visitor of this request."""

    intake: Caller
    scheduling: Caller
    teleconsult: Caller
    orientation: Caller
    regulation: Caller
    pilotage: Caller

    async def identities(self, *, requests: Iterable[UUID | str] = (), patients: Iterable[UUID | str] = (), purpose: str) -> Identities:
        """One audited call to intake a page; never raises. `purpose` is what the reader needs the names for."""
        asked = {
            "request_ids": sorted({str(one) for one in requests}),
            "patient_ids": sorted({str(one) for one in patients}),
            "purpose": purpose,
        }
        if not asked["request_ids"] and not asked["patient_ids"]:
            return Identities()
        answer = await attempt(self.intake.post("/identities", asked))
        if answer.error is not None:
            return Identities(available=False)
        return Identities(answer.value["requests"], answer.value["patients"])


async def attempt(call: Awaitable[Any]) -> Outcome:
    """The answer, or the error as a value, for a panel that is drawn although a service is away or refuses."""
    try:
        return Outcome(await call)
    except RecoursError as error:
        return Outcome(error=error)


async def services_of_visitor(request: Request, visitor: Visitor = Depends(page_for())) -> Services:
    """Dependency: the services as the signed-in person."""
    reach = request.app.state.console.clients
    return Services(**{name: Caller(reach[name], visitor.principal) for name in SERVICES})


def key_for(request: Request, step: str) -> str:
    """Idempotency key of one downstream command: derived from the browser's key of this action, so that a retry repeats it."""
    action = request.headers.get("idempotency-key")
    if action is None:
        action = request.state.action = getattr(request.state, "action", None) or str(uuid4())
    return str(uuid5(NAMESPACE_URL, f"recours:console:{action}:{step}"))
