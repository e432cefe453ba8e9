"""The console's own list of its routes: a page added tomorrow is walked tomorrow."""

import re
from collections.abc import Iterator, Mapping
from uuid import uuid4

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_WORDS = {"name": "secretariat", "kind": "callback", "decision": "returned"}


def routes_of(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and path template of every route, mounted files left out."""
    for route in iter_route_contexts(app.routes):
        for method in sorted(route.methods or ()):
            if route.path is not None and method != "HEAD":
                yield method, route.path


def address(template: str, known: Mapping[str, str] | None = None) -> str:
    """The path with something in its holes: `known` by name, else a word of that hole's list, else a new id."""
    return re.sub(r"{(\w+)}", lambda hole: (known or {}).get(hole[1]) or _WORDS.get(hole[1]) or str(uuid4()), template)
