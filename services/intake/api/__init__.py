"""HTTP in: calls, requests, patients, the desk. Parse, call the handler, answer."""

from services.intake.api import calls, desk, patients, requests

routers = (calls.router, requests.router, patients.router, desk.router)

__all__ = ["routers"]
