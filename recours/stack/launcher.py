"""How one service is run as a process, and asked whether it is ready."""

import http.client
import sys

from recours.stack.environment import Access
from recours.stack.ports import HOST
from recours.stack.process import ProcessSpec


def service_spec(access: Access, service: str) -> ProcessSpec:
    """`python -m services.<name>` with its whole environment; ready when its /health says 200."""
    port = access.ports.ops(service)
    return ProcessSpec(
        name=service,
        command=[sys.executable, "-m", f"services.{service}"],
        log=access.data_dir / "logs" / f"{service}.log",
        ready=lambda: is_healthy(port),
        environment=access.environment(service),
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
