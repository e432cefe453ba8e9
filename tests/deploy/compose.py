"""docker-compose.yml as the tests read it: variables filled by `deploy/make-env`, containers in the order of their `depends_on`."""

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
SERVICES = ("console", "intake", "scheduling", "teleconsult", "orientation", "regulation", "pilotage")
JOBS = ("migrate", "topics")


def filled(hostname: str = "recours.localhost") -> dict[str, str]:
    """What `deploy/make-env HOSTNAME > .env` gives compose: fresh secrets each time."""
    made = subprocess.run([sys.executable, str(ROOT / "deploy" / "make-env"), hostname], capture_output=True, text=True, check=True).stdout
    lines = [line for line in made.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def interpolated(variables: Mapping[str, str]) -> str:
    """The file's text with `${NAME:?}` and `${NAME:-default}` replaced; raises KeyError where compose would refuse."""
    text = re.sub(r"\$\{([A-Z_]+):\?\}", lambda found: variables[found[1]], FILE.read_text(encoding="utf-8"))
    return re.sub(r"\$\{([A-Z_]+):-([^}]*)\}", lambda found: variables.get(found[1]) or found[2], text)


def read(variables: Mapping[str, str]) -> dict[str, Any]:
    """The whole document."""
    parsed: dict[str, Any] = yaml.safe_load(interpolated(variables))
    return parsed


@dataclass(frozen=True)
class Container:
    """What compose would start."""

    name: str
    image: str
    command: list[str]
    environment: dict[str, str]
    depends_on: dict[str, str]
    """Name to condition."""
    healthcheck: list[str] | None
    volumes: list[str]
    on_demand: bool
    """Has a profile: `up` leaves it out."""


def containers(variables: Mapping[str, str]) -> dict[str, Container]:
    """By name, every one after those it depends on."""
    found: dict[str, Container] = {}
    bodies: dict[str, dict[str, Any]] = read(variables)["services"]

    def add(name: str) -> None:
        body = bodies[name]
        asked = body.get("depends_on", {})
        depends = dict.fromkeys(asked, "service_started") if isinstance(asked, list) else {k: v["condition"] for k, v in asked.items()}
        for other in depends:
            if other not in found:
                add(other)
        found[name] = Container(
            name=name,
            image=body["image"],
            command=[*body.get("entrypoint", []), *body.get("command", [])],
            environment={key: str(value) for key, value in body.get("environment", {}).items()},
            depends_on=depends,
            healthcheck=body.get("healthcheck", {}).get("test"),
            volumes=list(body.get("volumes", [])),
            on_demand="profiles" in body,
        )

    for name in bodies:
        if name not in found:
            add(name)
    return found
