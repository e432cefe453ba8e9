"""One machine without containers: the services of docker-compose.yml started in their order, as they are written there.

`python -m tests.deploy.machine FOLDER [IMAGE_ROOT]`, in namespaces of its own (see `compose_up` in conftest.py): the network is a loopback
where each service's name is an address, the file system is a layer over the real one (over IMAGE_ROOT for our services when it is given, as
the image's user), and both are gone when this process ends, with whatever still runs.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recours.stack.process import log_tail
from tests.deploy import official_images
from tests.deploy.compose import JOBS, ROOT, SERVICES, Container, containers

IMAGE_UID = 10001
_HEALTHY_SECONDS = 120.0
_IMAGE_ENVIRONMENT = {"PYTHONPATH": "/app", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}


class DidNotRun(RuntimeError):
    """A container ended, or never became healthy; the text has the end of its log."""


@dataclass(frozen=True)
class Place:
    """Where a container's processes run: `enter` changes file system, folder and account."""

    environment: dict[str, str]
    enter: Callable[[], None]


class Machine:
    """The containers of the file as processes. `root` is the file system of the third-party images, `ours` that of our own."""

    def __init__(self, folder: Path, variables: Mapping[str, str], image_root: Path | None) -> None:
        self.folder, self.variables, self._image_root = folder, variables, image_root
        self.containers = containers(variables)
        self.addresses = {name: f"127.0.1.{number}" for number, name in enumerate(self.containers, start=1)}
        self.root = folder / "machine" / "root"
        self.ours = self.root if image_root is None else folder / "image" / "root"
        self.left_out: dict[str, str] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._completed: set[str] = set()

    def build(self) -> None:
        """Network, names and file systems."""
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        names = {**self.addresses, self.variables["RECOURS_HOSTNAME"]: self.addresses["proxy"]}
        hosts = f"127.0.0.1 localhost {socket.gethostname()}\n" + "".join(f"{address} {name}\n" for name, address in names.items())
        (self.folder / "hosts").write_text(hosts)
        _mount("--bind", str(self.folder / "hosts"), "/etc/hosts")
        _layer(Path("/"), self.root)
        if self._image_root is None:
            (self.root / "app").mkdir()
            _mount("--bind", str(ROOT), str(self.root / "app"))
        else:
            _layer(self._image_root, self.ours)
        for root in {self.root, self.ours}:
            (root / "etc" / "hosts").write_text(hosts)
        (self.root / "root").chmod(0o711)  # this machine's Python may live there
        official_images.install(self.root)
        for container in self.containers.values():
            self._mount_volumes(container)

    def _mount_volumes(self, container: Container) -> None:
        for volume in container.volumes:
            source, inside = volume.split(":")[:2]
            target = self.root / inside.lstrip("/")
            if not source.startswith("."):
                target.mkdir(parents=True, exist_ok=True)
                continue
            real = ROOT / source
            if real.is_dir():
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.touch()
            _mount("--bind", str(real), str(target))

    def up(self) -> None:
        """Start everything that `up` starts, each after what it depends on, and return once all are healthy; raises DidNotRun."""
        for name, container in self.containers.items():
            reason = official_images.left_out(container)
            if reason is not None:
                self.left_out[name] = reason
            elif not container.on_demand:
                for other, condition in container.depends_on.items():
                    self._await(other, condition)
                self._start(container)
        for name in self._processes:
            if name not in self._completed:
                self._await(name, "service_healthy")

    def run(self, name: str, arguments: Sequence[str], *, typed: str = "") -> subprocess.CompletedProcess[str]:
        """`docker compose run --rm NAME ARGUMENTS…` with `typed` on its standard input."""
        container = self.containers[name]
        command = [*container.command[: len(container.command) - 1], *arguments]  # what is written last is the default
        place = self._place(container)
        return subprocess.run(
            command, input=typed, capture_output=True, text=True, timeout=120, check=False, env=place.environment, preexec_fn=place.enter
        )

    def log(self, name: str) -> Path:
        """What a container printed."""
        return self.folder / "logs" / f"{name}.log"

    def _start(self, container: Container) -> None:
        command = container.command if self._is_ours(container) else official_images.start_of(container).command
        self.log(container.name).parent.mkdir(exist_ok=True)
        with self.log(container.name).open("ab") as log:
            place = self._place(container)
            self._processes[container.name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=place.environment, preexec_fn=place.enter
            )

    def _place(self, container: Container) -> Place:
        if self._is_ours(container):
            venv = f"{ROOT}/.venv/bin" if self._image_root is None else "/venv/bin"
            environment = {**_IMAGE_ENVIRONMENT, "PATH": f"{venv}:/usr/local/bin:/usr/bin:/bin", **container.environment}
            uid = 0 if self._image_root is None else IMAGE_UID
            return Place(environment, _enter(self.ours, "/app", uid))
        start = official_images.start_of(container)
        environment = {"PATH": official_images.path(), "HOME": "/root", **start.environment, **container.environment}
        return Place(environment, _enter(self.root, "/", start.uid))

    @staticmethod
    def _is_ours(container: Container) -> bool:
        return container.name in (*SERVICES, *JOBS, "recours")

    def _await(self, name: str, condition: str) -> None:
        if name in self.left_out:
            return
        process, deadline = self._processes[name], time.monotonic() + _HEALTHY_SECONDS
        while not self._met(name, process, condition):
            if time.monotonic() > deadline:
                raise DidNotRun(f"{name}: not {condition} after {_HEALTHY_SECONDS:.0f} s. {log_tail(self.log(name), 30)}")
            time.sleep(0.1)

    def _met(self, name: str, process: subprocess.Popen[bytes], condition: str) -> bool:
        code = process.poll()
        if condition == "service_completed_successfully":
            if code:
                raise DidNotRun(f"{name} ended with {code}. {log_tail(self.log(name), 30)}")
            if code == 0:
                self._completed.add(name)
            return code == 0
        if code is not None and name not in self._completed:
            raise DidNotRun(f"{name} ended with {code}. {log_tail(self.log(name), 30)}")
        check = self.containers[name].healthcheck
        return condition == "service_started" or check is None or self._is_healthy(self.containers[name], check)

    def _is_healthy(self, container: Container, check: Sequence[str]) -> bool:
        command = ["/bin/sh", "-c", check[1]] if check[0] == "CMD-SHELL" else list(check[1:])
        try:
            place = self._place(container)
            outcome = subprocess.run(command, capture_output=True, timeout=30, check=False, env=place.environment, preexec_fn=place.enter)
        except subprocess.TimeoutExpired:
            return False
        return outcome.returncode == 0


def _enter(root: Path, folder: str, uid: int) -> Callable[[], None]:
    def enter() -> None:
        os.chroot(root)
        os.chdir(folder)
        if uid:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)

    return enter


def _layer(lower: Path, root: Path) -> None:
    """A writable view of `lower` that is thrown away, with the devices and processes of this machine."""
    space = root.parent
    space.mkdir(exist_ok=True)
    _mount("-t", "tmpfs", "none", str(space))
    for name in ("upper", "work", "root"):
        (space / name).mkdir()
    _mount("-t", "overlay", "none", "-o", f"lowerdir={lower},upperdir={space / 'upper'},workdir={space / 'work'}", str(root))
    for name in ("dev", "proc"):
        (root / name).mkdir(exist_ok=True)
        _mount("--rbind", f"/{name}", str(root / name))


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def main(folder: Path, image_root: Path | None) -> None:
    """Start, visit, and leave what was seen in FOLDER/result.json."""
    from tests.deploy.visit import visit

    machine = Machine(folder, json.loads((folder / "variables.json").read_text()), image_root)
    began = time.monotonic()
    machine.build()
    machine.up()
    healthy = time.monotonic() - began
    seen = asyncio.run(visit(machine))
    result = {"healthy_seconds": round(healthy, 1), "left_out": machine.left_out, **seen}
    (folder / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
