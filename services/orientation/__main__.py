"""`python -m services.orientation`"""

from services.orientation.app import build
from shared.service import run

run(build)
