"""`python -m services.teleconsult`"""

from services.teleconsult.app import build
from shared.service import run

run(build)
