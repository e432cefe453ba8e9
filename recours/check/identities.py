"""The identities that intake keeps, opened with the stack's master key, in memory only: what must be found nowhere else."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path

import asyncpg
import httpx

from recours.check.log import Record
from recours.check.privacy import Identity, Needles
from recours.operations.settings import setting
from recours.stack.ports import SERVICES
from services.intake.sealed import Identity as SealedIdentity
from services.intake.sealed import Words, unseal_phone
from shared.crypto import Sealer
from shared.territory import Territory

_PATIENTS = "SELECT id, data_key, sealed FROM patient"
_CALLS = "SELECT id, data_key, sealed_phone FROM call WHERE data_key IS NOT NULL"
_REQUESTS = """
    SELECT r.id, coalesce(r.data_key, p.data_key) AS data_key, r.sealed
    FROM request r LEFT JOIN patient p ON p.id = r.patient_id
"""
_SCANNED_AT_ONCE = 1_000_000


async def read_needles(settings: Mapping[str, str]) -> Needles:
    """Raises MissingSetting; SealBroken when the master key is another stack's."""
    sealer = Sealer(setting(settings, "RECOURS_MASTER_KEY"))
    connection = await asyncpg.connect(
        setting(settings, "RECOURS_INTAKE_DATABASE_URL"), server_settings={"default_transaction_read_only": "on"}
    )
    try:
        patients = await connection.fetch(_PATIENTS)
        calls = await connection.fetch(_CALLS)
        requests = await connection.fetch(_REQUESTS)
    finally:
        await connection.close()
    identities = []
    for row in patients:
        person = SealedIdentity.unseal(sealer.open(row["data_key"]), row["id"], row["sealed"])
        identities.append(
            _identity(person.birth_name, person.used_name, person.first_name, person.phone, person.birth_date, person.address)
        )
    for row in calls:
        identities.append(Identity((), (unseal_phone(sealer.open(row["data_key"]), row["id"], row["sealed_phone"]),)))
    for row in requests:
        words = Words.unseal(sealer.open(row["data_key"]), row["id"], row["sealed"])
        identities.append(_identity(None, None, None, words.callback_number, None, words.place))
    return Needles(identities, public_words=public_words(settings))


def _identity(
    birth_name: str | None, used_name: str | None, first_name: str | None, phone: str | None, birth: date | None, address: str | None
) -> Identity:
    return Identity(
        names=tuple(name for name in (birth_name, used_name, first_name) if name),
        phones=(phone,) if phone else (),
        birth_date=birth,
        addresses=(address,) if address else (),
    )


def public_words(settings: Mapping[str, str]) -> list[str]:
    """Names that are public by nature: the doctors', the communes', the structures'."""
    words: list[str] = []
    for folder in settings.get("RECOURS_TERRITORY_DIRS", "").split(","):
        path = Path(folder.strip())
        if not folder.strip() or not (path / "territory.yaml").exists():
            continue
        words += [commune.name for commune in Territory.load(path).communes]
        with suppress(OSError):
            words.append((path / "team.yaml").read_text(encoding="utf-8"))
    return words


def scan_log(needles: Needles, records: list[Record]) -> dict[str, int]:
    """Keys, values and headers of every record."""
    text = "\n".join(
        " ".join(
            (record.key.decode("utf-8", "replace"), record.value.decode("utf-8", "replace"), *(_header(pair) for pair in record.headers))
        )
        for record in records
    )
    return dict(needles.found_in(text))


def scan_files(needles: Needles, paths: list[Path]) -> dict[str, int]:
    """Log files and traces, in pieces that end at a line's end."""
    counts: dict[str, int] = {}
    for path in paths:
        with path.open(encoding="utf-8", errors="replace") as file:
            while lines := file.readlines(_SCANNED_AT_ONCE):
                for kind, count in needles.found_in("".join(lines)).items():
                    counts[kind] = counts.get(kind, 0) + count
    return counts


async def scan_metrics(needles: Needles, settings: Mapping[str, str]) -> dict[str, int]:
    """The metrics page of every service that answers."""
    pages = []
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        for service in SERVICES:
            host, port = (settings.get(f"RECOURS_{service.upper()}_OPS_{part}") for part in ("HOST", "PORT"))
            with suppress(httpx.TransportError):
                pages.append((await client.get(f"http://{host}:{port}/metrics")).text)
    return dict(needles.found_in("\n".join(pages)))


def log_files(settings: Mapping[str, str]) -> list[Path]:
    """What the processes of an embedded stack wrote, and the spans when they go to a file."""
    folder = Path(settings["RECOURS_DATA_DIR"]) / "logs" if settings.get("RECOURS_DATA_DIR") else None
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder is not None and folder.is_dir() else []
    traces = settings.get("RECOURS_TRACES", "none")
    if traces.startswith("file:"):
        path = Path(traces.removeprefix("file:"))
        files += [path] if path.is_file() else []
    return files


def _header(pair: tuple[str, bytes]) -> str:
    return f"{pair[0]}={pair[1].decode('utf-8', 'replace')}"
