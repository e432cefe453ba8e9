"""Break a copy of the tree on purpose, run the named tests there, and say which of them noticed."""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from tests.mutations.mutants import Mutant

ROOT = Path(__file__).resolve().parents[2]
_COPIED = ("shared", "services", "recours", "tests", "deploy", "pyproject.toml")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "node_modules", "target", "vendor", ".stamps")
_BROKEN_COPY = ("ImportError", "ModuleNotFoundError", "SyntaxError", "NameError", "IndentationError")
_SECONDS = 150


@dataclass(frozen=True)
class Noticed:
    """Of the mutant's tests: `failed` by an assertion of theirs, and the others by how they ended."""

    mutant: Mutant
    failed: tuple[str, ...]
    others: tuple[str, ...]

    def __str__(self) -> str:
        names = ", ".join(test.rsplit("::", 1)[-1] for test in self.failed) or "none"
        return f"{self.mutant.name:34} {names}" + (f"   (not: {'; '.join(self.others)})" if self.others else "")


def is_found_once(mutant: Mutant) -> bool:
    """The text to be taken out is still in the file, once."""
    return (ROOT / mutant.file).read_text().count(mutant.before) == 1


def broken(mutant: Mutant, folder: Path) -> Noticed:
    """Raises subprocess.TimeoutExpired, and ValueError when the tests did not run at all."""
    copy = folder / "tree"
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=_LEFT_OUT, symlinks=True)
        else:
            shutil.copy2(source, copy / name)
    target = copy / mutant.file
    target.write_text(target.read_text().replace(mutant.before, mutant.after))
    report = folder / "report.xml"
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-m", "", f"--junitxml={report}", *mutant.tests],
        cwd=copy, env={**_environment(), "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}, timeout=_SECONDS,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not report.exists():
        raise ValueError(f"pytest did not run: {ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    return _read(mutant, report)


def _environment() -> dict[str, str]:
    """Ours, without what says that we are a worker of another run."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}


def _read(mutant: Mutant, report: Path) -> Noticed:
    failed: list[str] = []
    others: list[str] = []
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314  # our own pytest wrote it a second ago
        name = str(case.get("name"))
        failure, error = case.find("failure"), case.find("error")
        if failure is not None and _is_assertion(failure):
            failed.append(name)
        elif failure is not None:
            others.append(f"{name} ended by {str(failure.get('message')).splitlines()[0][:120]}")
        else:
            others.append(f"{name} could not run: {str(error.get('message'))[:120]}" if error is not None else f"{name} passed")
    return Noticed(mutant, tuple(failed), tuple(others))


def _is_assertion(failure: ElementTree.Element) -> bool:
    """An assertion of the test, or an exception that it waited for and that did not come; never a copy that cannot be imported."""
    message = str(failure.get("message"))
    said_so = message.startswith(("AssertionError", "assert ", "Failed: DID NOT RAISE"))
    return said_so and not any(word in message for word in _BROKEN_COPY)
