"""The path of a person without médecin traitant (MT): when a search opens, what the person's answer does to it. Pure.

The state that a person's search should be in is a function of all facts known (`wanted`), whatever their order; `reconcile`
brings the live search there and says what happened.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.events import Event
from shared.events.base import AgeBand
from shared.events.orientation import SearchActivated, SearchDeclined, SearchOpened
from shared.events.scheduling import ActOutcome

Answer = Literal["yes", "no", "later"]
Source = Literal["registration", "qualification"]
State = Literal["awaiting_consent", "active", "declined", "ended"]
LIVE: frozenset[State] = frozenset({"awaiting_consent", "active"})

# A doctor spoke with the person (operations.md §8). Not `needs_exam` (the same contact goes on, its next act counts), nor
# `refused` and `already_taken` (somebody else's contact, or none), nor what happened without the person.
MET: frozenset[ActOutcome] = frozenset({"seen", "seen_again", "seen_ed", "phone_only", "called_15"})

_OVER_70: frozenset[AgeBand] = frozenset({"70-74y", "75-79y", "80y+"})
_PRIORITY_FLAGS = ("ald", "c2s", "pregnant", "disability")  # the CPAM's and the project's priorities: features, « MT »


@dataclass(frozen=True)
class Profile:
    """What one source last said of the person. Registration knows the person, qualification what was said in one call."""

    source: Source
    said_at: datetime
    version: int
    without_mt: bool
    age_band: AgeBand
    commune: str
    flags: tuple[str, ...] = ()

    @property
    def freshness(self) -> tuple[datetime, bool, int]:
        return self.said_at, self.source == "registration", self.version


@dataclass(frozen=True)
class HelpAnswer:
    """« Voulez-vous qu'on vous aide à trouver un médecin traitant ? » A yes is the consent, with its instant."""

    event_id: UUID
    request_id: UUID
    answer: Answer
    answered_at: datetime
    version: int


@dataclass(frozen=True)
class Contact:
    """An act that was closed. `would_be_mt` is the doctor's « je le prends / non / plus tard », kept for the matching."""

    appointment_id: UUID
    request_id: UUID
    practitioner_id: UUID
    outcome: ActOutcome
    closed_at: datetime
    version: int
    would_be_mt: Answer | None = None


@dataclass(frozen=True)
class Search:
    """A search of one person; at most one is live."""

    search_id: UUID
    request_id: UUID
    state: State
    opened_at: datetime
    changed_at: datetime
    commune: str | None
    priority: tuple[str, ...]


@dataclass(frozen=True)
class Path:
    """The aggregate: one person. `search` is the latest one; `version` rises with each change of it, on the whole path."""

    territory_id: str
    patient_id: UUID
    version: int = 0
    profiles: tuple[Profile, ...] = ()
    answers: tuple[HelpAnswer, ...] = ()
    contacts: tuple[Contact, ...] = ()
    search: Search | None = None

    @property
    def profile(self) -> Profile | None:
        """The freshest word on the person, with the flags of every source."""
        if not self.profiles:
            return None
        freshest = max(self.profiles, key=lambda profile: profile.freshness)
        return replace(freshest, flags=tuple(sorted({flag for profile in self.profiles for flag in profile.flags})))


@dataclass(frozen=True)
class Wanted:
    """What the facts ask for: a live search or a refused one, and the contact it comes from."""

    state: Literal["awaiting_consent", "active", "declined"]
    contact: Contact


def learn_profile(path: Path, said: Profile) -> Path:
    """Keep the freshest word of each source."""
    known = next((profile for profile in path.profiles if profile.source == said.source), None)
    if known is not None and known.freshness >= said.freshness:
        return path
    others = tuple(profile for profile in path.profiles if profile.source != said.source)
    return replace(path, profiles=_ordered(*others, said))


def learn_answer(path: Path, said: HelpAnswer) -> Path:
    """All answers are kept: they are the history of the consent."""
    if any(answer.event_id == said.event_id for answer in path.answers):
        return path
    return replace(path, answers=tuple(sorted((*path.answers, said), key=_answer_order)))


def learn_contact(path: Path, said: Contact) -> Path:
    """The last word on an appointment counts: an outcome may be corrected."""
    known = next((contact for contact in path.contacts if contact.appointment_id == said.appointment_id), None)
    if known is not None and known.version >= said.version:
        return path
    others = (contact for contact in path.contacts if contact.appointment_id != said.appointment_id)
    return replace(path, contacts=tuple(sorted((*others, said), key=_contact_order)))


def wanted(path: Path) -> Wanted | None:
    """Where the search of this person should stand, from all that is known.

    None without a doctor who met the person, for who has an MT, or who died. A yes makes it active; « plus tard » changes
    nothing; a no refuses it until another contact, where the question may be asked again.
    """
    met = [contact for contact in path.contacts if contact.outcome in MET]
    died = any(contact.outcome == "death" for contact in path.contacts)
    if path.profile is None or not path.profile.without_mt or died or not met:
        return None
    said = next((answer for answer in reversed(path.answers) if answer.answer != "later"), None)
    if said is None:
        return Wanted("awaiting_consent", met[0])
    if said.answer == "yes":
        return Wanted("active", met[0])
    later = [contact for contact in met if contact.closed_at > said.answered_at and contact.request_id != said.request_id]
    return Wanted("awaiting_consent", later[0]) if later else Wanted("declined", met[-1])


def reconcile(path: Path, *, search_id: UUID, now: datetime) -> tuple[Path, list[Event]]:
    """Bring the search where the facts want it; `search_id` is for a new one. A refusal known before the contact is kept silently."""
    want, known = wanted(path), path.search
    if known is None or known.state not in LIVE:
        settled = want is None or (known is not None and known.state == want.state)
        return (path, []) if want is None or settled else _open(path, want, search_id, now)
    if want is None:
        return _moved(path, known, "ended", now), []
    if want.state == known.state:
        return _described(path, known), []
    if want.state == "active":
        path = _moved(path, known, "active", now)
        return path, [SearchActivated(
            territory_id=path.territory_id, version=path.version, occurred_at=now, patient_id=path.patient_id, search_id=known.search_id
        )]  # fmt: skip
    path = _moved(path, known, "declined", now)
    events: list[Event] = [SearchDeclined(
        territory_id=path.territory_id, version=path.version, occurred_at=now, patient_id=path.patient_id, search_id=known.search_id
    )]  # fmt: skip
    if want.state == "declined":
        return path, events
    path, opened = _open(path, want, search_id, now)
    return path, [*events, *opened]


def priority(profile: Profile | None) -> tuple[str, ...]:
    """Codes that make a search urgent, in a fixed order."""
    if profile is None:
        return ()
    codes = [flag for flag in _PRIORITY_FLAGS if flag in profile.flags]
    return tuple([*codes, "over_70"] if profile.age_band in _OVER_70 else codes)


def _open(path: Path, want: Wanted, search_id: UUID, now: datetime) -> tuple[Path, list[Event]]:
    profile = path.profile
    search = Search(search_id, want.contact.request_id, want.state, now, now, profile.commune if profile else None, priority(profile))
    path = replace(path, version=path.version + 1, search=search)
    if want.state == "declined":
        return path, []
    return path, [SearchOpened(
        territory_id=path.territory_id, version=path.version, occurred_at=now, patient_id=path.patient_id, search_id=search_id,
        request_id=search.request_id, state=want.state, commune=search.commune, priority=list(search.priority),
    )]  # fmt: skip


def _described(path: Path, search: Search) -> Path:
    """The live search follows what is known of the person: a flag may be heard after the search opened."""
    profile = path.profile
    described = replace(search, commune=profile.commune if profile else None, priority=priority(profile))
    return path if described == search else replace(path, version=path.version + 1, search=described)


def _moved(path: Path, search: Search, state: State, now: datetime) -> Path:
    return replace(path, version=path.version + 1, search=replace(search, state=state, changed_at=now))


def _ordered(*profiles: Profile) -> tuple[Profile, ...]:
    return tuple(sorted(profiles, key=lambda profile: profile.source))


def _answer_order(answer: HelpAnswer) -> tuple[datetime, int, UUID]:
    return answer.answered_at, answer.version, answer.event_id


def _contact_order(contact: Contact) -> tuple[datetime, UUID]:
    return contact.closed_at, contact.appointment_id
