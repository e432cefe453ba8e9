"""`python -m services.regulation`"""

from services.regulation.app import build
from shared.service import run

run(build)
