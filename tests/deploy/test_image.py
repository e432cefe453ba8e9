"""The Dockerfile built for real, without a registry, and the whole platform run from the image as its user."""

import json
import resource
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.testing.fixtures import MASTER_KEY
from tests.deploy.compose import ROOT, SERVICES
from tests.deploy.conftest import ComposeUp
from tests.deploy.judging import judge
from tests.deploy.machine import IMAGE_UID

pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]

_STORE = ROOT / ".stamps" / "images"
_TAG = "localhost/recours:proof"
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_COMPILERS = ("gcc", "cc", "c++", "g++", "clang", "make", "ld", "npm", "node", "pip", "pip3", "git")


@dataclass(frozen=True)
class Image:
    """The built image: its file system, a container made from it, and its configuration."""

    root: Path
    container: str
    config: dict[str, object]


def buildah(*arguments: str, timeout: float = 500) -> str:
    """Its standard output; fails with all it said."""
    command = ["buildah", "--root", str(_STORE / "root"), "--runroot", str(_STORE / "run"), "--storage-driver", "vfs", *arguments]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)
    assert outcome.returncode == 0, (outcome.stdout + outcome.stderr)[-4000:]
    return outcome.stdout.strip()


def limits() -> list[str]:
    """buildah would raise the limits above what this machine allows."""
    files, processes = (resource.getrlimit(kind)[1] for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC))
    files, processes = (1024 if files < 0 else min(files, 1024)), (4096 if processes < 0 else min(processes, 4096))
    return ["--ulimit", f"nofile={files}:{files}", "--ulimit", f"nproc={processes}:{processes}"]


def machine_settings(folder: Path) -> list[str]:
    """What this machine needs to reach its registries (authorities, index), seen by RUN only and no part of the image."""
    configured = subprocess.run(["pip", "config", "list"], capture_output=True, text=True, check=False).stdout.splitlines()
    wanted = {"index-url", "extra-index-url", "trusted-host", "timeout"}
    chosen = {key.rpartition(".")[2]: value.strip("'") for key, _, value in (line.partition("=") for line in configured)}
    lines = {**{key: value for key, value in chosen.items() if key in wanted}, "cert": str(_AUTHORITIES)}
    (folder / "pip.conf").write_text("[global]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items()))
    (folder / "npmrc").write_text(f"cafile={_AUTHORITIES}\n")
    mounted = {_AUTHORITIES: _AUTHORITIES, folder / "pip.conf": "/etc/pip.conf", folder / "npmrc": "/root/.npmrc"}
    return [part for source, target in mounted.items() for part in ("--volume", f"{source}:{target}:ro")]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """Built once; its container and itself are removed at the end, the base stays."""
    left_out = _STORE.with_suffix(".left-out")
    if left_out.exists():
        pytest.skip(f"the image left out: {left_out.read_text().strip()}")
    folder = tmp_path_factory.mktemp("settings")
    settings = [*limits(), *machine_settings(folder)]
    buildah("bud", "--isolation=chroot", "--pull-never", *settings, "--tag", _TAG, "--file", "Dockerfile", ".")
    container = buildah("from", "--pull-never", *limits(), _TAG)
    try:
        described = json.loads(buildah("inspect", "--type", "image", _TAG))
        yield Image(Path(buildah("mount", container)), container, described["OCIv1"]["config"])
    finally:
        buildah("rm", container)
        buildah("rmi", _TAG)
        buildah("rmi", "--prune")


def test_the_image_is_small_and_holds_only_what_runs(image: Image) -> None:
    files = [path for path in image.root.rglob("*") if path.is_file() and not path.is_symlink()]
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    ours = (
        sum(path.stat().st_size for path in files if path.is_relative_to(image.root / "venv") or path.is_relative_to(image.root / "app"))
        / 1e6
    )
    print(f"\nimage: {megabytes:.0f} MB, of which {ours:.0f} MB are ours (/venv and /app)")
    names = {str(path.relative_to(image.root)) for path in files}
    assert not [name for name in names if name.rpartition("/")[2] in _COMPILERS and "/bin/" in f"/{name}"]
    assert not [name for name in names if name.startswith(("app/tests", "app/shared/testing", "app/.git", "app/requirements"))]
    assert not [name for name in names if "node_modules" in name or "/.cache/" in f"/{name}"]
    assert not [name for name in names if name.endswith((".env", ".pem.key", "secrets.env")) or "/.env" in f"/{name}"]
    assert not list((image.root / "var/lib/apt/lists").glob("*Packages*"))
    assert {path.name for path in (image.root / "app").iterdir()} == {"shared", "services", "recours", "docs", "deploy"}


def test_the_image_runs_as_a_user_without_rights(image: Image) -> None:
    assert image.config["User"] == str(IMAGE_UID)
    assert buildah("run", "--isolation=chroot", image.container, "--", "id", "-u") == str(IMAGE_UID)
    search = "find /app /venv /usr /etc -writable -not -type l 2>/dev/null || true"  # some folders of /etc are closed to it
    writable = buildah("run", "--isolation=chroot", image.container, "--", "sh", "-c", search)
    assert writable == "", "code and settings are read-only for it"


def test_the_image_holds_the_command_and_says_what_is_missing(image: Image) -> None:
    assert "Usage" in buildah("run", "--isolation=chroot", image.container, "--", "python", "-m", "recours", "--help")
    for name in SERVICES:
        command = f"python -m services.{name}; test $? = 2"
        buildah("run", "--isolation=chroot", "--env", f"RECOURS_MASTER_KEY={MASTER_KEY}", image.container, "--", "sh", "-c", command)


@pytest.mark.apache
def test_the_platform_of_the_compose_file_runs_from_the_image(image: Image, compose_up: ComposeUp) -> None:
    seen = compose_up(image.root)
    print(f"\nhealthy after {seen['healthy_seconds']} s from the image")
    judge(seen)
