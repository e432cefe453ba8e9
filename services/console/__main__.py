"""`python -m services.console`."""

from services.console.app import build
from shared.service import run

run(build)
