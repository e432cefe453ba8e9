"""Static files under /static/<version>/…: kept a year by browsers, since a changed file has another address."""

from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope


class VersionedFiles(StaticFiles):
    """Strips the version from the path; an old version still answers (a page open during a release) but is not kept."""

    def __init__(self, directory: Path, version: str) -> None:
        super().__init__(directory=directory)
        self._version = version

    async def get_response(self, path: str, scope: Scope) -> Response:
        version, _, rest = path.partition("/")
        answer = await super().get_response(rest, scope)
        answer.headers["cache-control"] = "public, max-age=31536000, immutable" if version == self._version else "no-cache"
        return answer
