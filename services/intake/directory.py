"""All living identities in memory, decrypted: the only place where a name can be searched (decisions.md, identity).

Loaded before the service is ready, changed by NOTIFY, read again after a lost connection. It lists, it never selects (H14).
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

import asyncpg
import numpy
from rapidfuzz import fuzz, process

from services.intake.domain.names import phone_digits, search_form, sound
from services.intake.repository import patients
from services.intake.sealed import Identity
from shared import log
from shared.crypto import Sealer
from shared.db import TRANSIENT, Connection, Database
from shared.errors import Unavailable
from shared.events.base import Sex

_log = log.get("directory")

_LIMIT = 20
_LIKE_ENOUGH = 72.0  # of 100, on the better of the written and the heard form
_LIKE_BESIDE_A_BIRTH_DATE = 90.0  # a name without the said birth date must be nearly the same to be shown beside it
_WORTH_A_LOOK = 65.0  # under this the comparison of a pair stops early
_COMPARED = 200
_RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Entry:
    """What a search shows of a person, and the forms it compares."""

    patient_id: UUID
    territory_id: str
    display_name: str
    birth_date: date
    sex: Sex
    commune: str
    without_mt: bool
    last_contact_at: datetime | None
    phone: str | None
    first_form: str
    name_forms: tuple[str, ...]

    @property
    def written(self) -> str:
        return f"{' '.join(self.name_forms)} {self.first_form}"


@dataclass
class _Shelf:
    """One territory. The compared forms stand in three lists in one order, kept up to date entry by entry."""

    entries: dict[UUID, Entry] = field(default_factory=dict)
    by_birth_date: defaultdict[date, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    by_phone: defaultdict[str, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    by_name: defaultdict[str, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    by_name_and_day: defaultdict[tuple[str, int, int], set[UUID]] = field(default_factory=lambda: defaultdict(set))
    order: list[UUID] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    place: dict[UUID, int] = field(default_factory=dict)

    def put(self, entry: Entry) -> None:
        self.drop(entry.patient_id)
        self.entries[entry.patient_id] = entry
        self.by_birth_date[entry.birth_date].add(entry.patient_id)
        if entry.phone:
            self.by_phone[entry.phone].add(entry.patient_id)
        for name in entry.name_forms:
            self.by_name[f"{name} {entry.first_form}"].add(entry.patient_id)
            self.by_name_and_day[name, entry.birth_date.month, entry.birth_date.day].add(entry.patient_id)
        self.place[entry.patient_id] = len(self.order)
        self.order.append(entry.patient_id)
        self.written.append(entry.written)
        self.heard.append(sound(entry.written))

    def drop(self, patient_id: UUID) -> None:
        """The last of the lists takes the place that becomes free."""
        known = self.entries.pop(patient_id, None)
        if known is None:
            return
        self.by_birth_date[known.birth_date].discard(patient_id)
        if known.phone:
            self.by_phone[known.phone].discard(patient_id)
        for name in known.name_forms:
            self.by_name[f"{name} {known.first_form}"].discard(patient_id)
            self.by_name_and_day[name, known.birth_date.month, known.birth_date.day].discard(patient_id)
        place, last = self.place.pop(patient_id), len(self.order) - 1
        if place != last:
            self.order[place], self.written[place], self.heard[place] = self.order[last], self.written[last], self.heard[last]
            self.place[self.order[place]] = place
        self.order.pop()
        self.written.pop()
        self.heard.pop()


class Directory:
    """Searches answer from memory in milliseconds; the comparison of names runs in a thread."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._shelves: defaultdict[str, _Shelf] = defaultdict(_Shelf)
        self._listening: asyncpg.Connection[asyncpg.Record] | None = None
        self._told: asyncio.Queue[UUID | None] = asyncio.Queue()

    async def open(self, database: Database) -> None:
        """Listen first, then load: nothing falls between."""
        await self._listen(database)
        await self.load(database)

    async def close(self) -> None:
        if self._listening is not None and not self._listening.is_closed():
            await self._listening.close(timeout=2)
        self._listening = None

    async def load(self, database: Database) -> None:
        shelves: defaultdict[str, _Shelf] = defaultdict(_Shelf)
        async with database.reading() as sql:
            async for patient in patients.all_for_directory(sql):
                shelves[patient.territory_id].put(self._entry(patient))
        self._shelves = shelves
        _log.info("directory_loaded", count=sum(len(shelf.entries) for shelf in shelves.values()))

    async def refresh(self, sql: Connection, patient_id: UUID) -> None:
        """Read one person again: after our own write, or when another process told us."""
        patient = await patients.patient_for_directory(sql, patient_id)
        if patient is None:
            for shelf in self._shelves.values():
                shelf.drop(patient_id)
        else:
            self._shelves[patient.territory_id].put(self._entry(patient))

    async def follow(self, database: Database) -> None:
        """For ever: apply what other processes changed; listen and load again after a lost connection."""
        while True:
            patient_id = await self._told.get()
            try:
                if patient_id is None or self._listening is None or self._listening.is_closed():
                    await self.close()
                    await self.open(database)
                if patient_id is not None:
                    async with database.reading() as sql:
                        await self.refresh(sql, patient_id)
            except (Unavailable, *TRANSIENT):
                _log.warning("directory_waits_for_the_database")
                await asyncio.sleep(_RETRY_SECONDS)
                self._told.put_nowait(None)

    def with_phone(self, territory_id: str, phone: str) -> list[Entry]:
        """Everybody who gave this number: listed, none selected."""
        shelf = self._shelves[territory_id]
        found = shelf.by_phone.get(phone_digits(phone), set())
        return sorted((shelf.entries[one] for one in found), key=lambda entry: (entry.display_name, entry.birth_date))[:_LIMIT]

    def homonym(self, entry: Entry) -> bool:
        """Somebody else has the same names, or the same name and the same day and month of birth (H14)."""
        shelf = self._shelves[entry.territory_id]
        for name in entry.name_forms:
            same = shelf.by_name.get(f"{name} {entry.first_form}", set())
            same = same | shelf.by_name_and_day.get((name, entry.birth_date.month, entry.birth_date.day), set())
            if same - {entry.patient_id}:
                return True
        return False

    def entry(self, territory_id: str, patient_id: UUID) -> Entry | None:
        return self._shelves[territory_id].entries.get(patient_id)

    async def search(self, territory_id: str, *, birth_date: date | None, name: str | None, phone: str | None) -> list[Entry]:
        """Birth date first, then near names, then the number. Never chooses; at most 20."""
        shelf = self._shelves[territory_id]
        likeness = await self._likeness(shelf, name) if name else {}
        born = shelf.by_birth_date.get(birth_date, set()) if birth_date is not None else set()
        called = shelf.by_phone.get(phone_digits(phone), set()) if phone else set()
        near = _LIKE_BESIDE_A_BIRTH_DATE if born else _LIKE_ENOUGH
        found = set(born) | set(called) | {one for one, score in likeness.items() if score >= near}
        ranked = sorted(found, key=lambda one: (-(one in born), -likeness.get(one, 0.0), -(one in called), str(one)))
        return [shelf.entries[one] for one in ranked[:_LIMIT] if one in shelf.entries]

    async def _likeness(self, shelf: _Shelf, name: str) -> dict[UUID, float]:
        if not shelf.order:
            return {}
        order = list(shelf.order)
        scores = await asyncio.to_thread(_compare, search_form(name), list(shelf.written), sound(name), list(shelf.heard))
        best = numpy.argsort(-scores)[:_COMPARED]
        return {order[index]: float(scores[index]) for index in best if scores[index] > 0}

    def _entry(self, patient: patients.Patient) -> Entry:
        who = Identity.unseal(self._sealer.open(patient.data_key), patient.id, patient.sealed)
        names = dict.fromkeys(search_form(name) for name in (who.birth_name, who.used_name) if name)
        return Entry(
            patient_id=patient.id,
            territory_id=patient.territory_id,
            display_name=who.display_name,
            birth_date=who.birth_date,
            sex=who.sex,
            commune=patient.commune,
            without_mt=patient.without_mt,
            last_contact_at=patient.last_contact_at,
            phone=phone_digits(who.phone) if who.phone else None,
            first_form=search_form(who.first_name),
            name_forms=tuple(names),
        )

    async def _listen(self, database: Database) -> None:
        connection = await asyncpg.connect(database.url, server_settings={"application_name": "recours-intake-directory"})
        await connection.add_listener(patients.CHANNEL, self._on_notify)
        connection.add_termination_listener(lambda *_: self._told.put_nowait(None))
        self._listening = connection

    def _on_notify(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._told.put_nowait(UUID(str(payload)))


def _compare(said: str, written: list[str], sounded: str, heard: list[str]) -> "numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.float32]]":
    """The better of the written and the heard likeness, 0-100, for each entry."""
    as_written = process.cdist([said], written, scorer=fuzz.token_set_ratio, score_cutoff=_WORTH_A_LOOK, dtype=numpy.float32, workers=1)[0]
    as_heard = process.cdist([sounded], heard, scorer=fuzz.token_set_ratio, score_cutoff=_WORTH_A_LOOK, dtype=numpy.float32, workers=1)[0]
    best: numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.float32]] = numpy.maximum(as_written, as_heard * 0.95)
    return best
