"""How our own programs run as processes: services, and errands that end by themselves."""

import http.client
import sys
from collections.abc import Mapping

from recours.stack.environment import Access
from recours.stack.ports import HOST
from recours.stack.process import ProcessSpec


def service_spec(access: Access, service: str) -> ProcessSpec:
    """`python -m services.<name>` with its whole environment; ready when its /health says 200."""
    port = access.ports.ops(service)
    module = f"services.{service}"
    return ProcessSpec(
        name=service,
        command=[sys.executable, "-m", module],
        module=[module],
        log=access.data_dir / "logs" / f"{service}.log",
        ready=lambda: is_healthy(port),
        environment=access.environment(service),
    )


def errand_spec(access: Access, name: str, module: str, *arguments: str) -> ProcessSpec:
    """A program of ours that operates on the whole stack and ends; what it says goes to `logs/<name>.log`."""
    environment: Mapping[str, str] = access.inherited() | access.settings()
    return ProcessSpec(
        name=name,
        command=[sys.executable, "-m", module, *arguments],
        module=[module, *arguments],
        log=access.data_dir / "logs" / f"{name}.log",
        ready=lambda: False,
        environment=environment,
    )


def is_healthy(port: int) -> bool:
    """Whether a service's own check of its parts says so."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2.0)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
