"""The two applications of a service: the one people's commands reach, and the one for machines of the operator."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from fastapi.telemetry import TelemetryConfig

from shared import metrics
from shared.http.bodies import BodyLimits
from shared.http.edge import install_edge
from shared.http.openapi import describe_errors
from shared.http.problems import install_handlers
from shared.http.reading import VersionedResponse
from shared.settling import SettledReport

# FastAPI's own server spans only: its metrics are not ours, its logs carry exception messages.
_TELEMETRY: TelemetryConfig = {"tracing": True, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False}

# Without the other parts a service still answers: Kafka away delays the others, Redis away slows us down.
_VITAL = frozenset({"database", "ready"})


def make_app(service: str, routers: Sequence[APIRouter] = (), *, limits: BodyLimits | None = None, **fastapi_arguments: Any) -> FastAPI:
    """A FastAPI application with our errors, ids, spans, limits, metrics and ETags; the rest of the arguments are FastAPI's."""
    app = FastAPI(title=f"recours {service}", default_response_class=VersionedResponse, telemetry=_TELEMETRY, **fastapi_arguments)
    install_handlers(app)
    install_edge(app, service, limits or BodyLimits())
    describe_errors(app)
    for router in routers:
        app.include_router(router)
    return app


class Operated(Protocol):
    """What the operator's address asks of a service."""

    async def health(self) -> Mapping[str, bool]:
        """Whether each part (database, kafka, redis, …) answers."""

    async def settled(self) -> SettledReport:
        """What is left to do: what a stepped day waits for."""

    async def tick(self) -> int:
        """Run what is due now; returns how much was run."""


def make_ops_app(service: Operated) -> FastAPI:
    """/health, /metrics and /internal, served on the second address only."""
    app = FastAPI(title="recours ops", telemetry={**_TELEMETRY, "tracing": False})
    install_handlers(app)
    install_edge(app, None, BodyLimits())
    describe_errors(app)

    @app.get("/health", responses={503: {"description": "A vital part is away", "content": {"application/json": {}}}})
    async def health() -> JSONResponse:
        parts = await service.health()
        away = {name for name, answers in parts.items() if not answers}
        status = "ok" if not away else "down" if away & _VITAL else "degraded"
        named = {name: "up" if answers else "away" for name, answers in parts.items()}
        return JSONResponse({"status": status, "parts": named}, 503 if status == "down" else 200)

    @app.get("/metrics", response_class=PlainTextResponse)
    async def page() -> Response:
        return Response(metrics.exposition(), headers={"Content-Type": metrics.CONTENT_TYPE})

    @app.get("/internal/settled")
    async def settled() -> SettledReport:
        return await service.settled()

    @app.post("/internal/tick")
    async def tick() -> dict[str, int]:
        return {"ran": await service.tick()}

    return app
