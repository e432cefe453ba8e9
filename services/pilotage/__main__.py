"""`python -m services.pilotage`"""

from services.pilotage.app import build
from shared.service import run

run(build)
