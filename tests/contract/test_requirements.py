"""The image installs requirements/service.lock alone: what services import must be in it, not merely in the development environment."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = {"shared", "services", "recours"}


def names(requirements: str) -> set[str]:
    text = (ROOT / "requirements" / requirements).read_text(encoding="utf-8")
    return {re.sub(r"[-_.]+", "-", name).lower() for name in re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)", text, re.MULTILINE)}


def imported() -> Iterator[tuple[str, Path]]:
    """Top-level modules of others, with a file that imports each."""
    for folder in ("shared", "services"):
        for file in (ROOT / folder).rglob("*.py"):
            if (
                (ROOT / "shared" / "testing") in file.parents
                or file == ROOT / "services/console/web/build.py"
                or "node_modules" in file.parts
            ):
                continue
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    modules = [node.module]
                for module in modules:
                    if module.partition(".")[0] not in sys.stdlib_module_names | OURS:
                        yield module.partition(".")[0], file


def test_every_import_of_a_service_is_installed_in_the_image() -> None:
    provided = {
        module: {re.sub(r"[-_.]+", "-", one).lower() for one in distributions} for module, distributions in packages_distributions().items()
    }
    locked = names("service.lock")
    missing = {module: str(file.relative_to(ROOT)) for module, file in imported() if not provided.get(module, {module}) & locked}
    assert missing == {}


def test_every_requirement_of_a_service_is_locked() -> None:
    assert names("service.in") <= names("service.lock")
