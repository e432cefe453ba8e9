"""A search for a médecin traitant opens when the last needed fact arrives, and follows what the person said."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.orientation import domain
from services.orientation.domain import Contact, HelpAnswer, Path, Profile
from shared.events import Event
from shared.events.orientation import SearchActivated, SearchDeclined, SearchOpened
from shared.events.scheduling import ActOutcome

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
FIRST_CALL, SECOND_CALL = UUID(int=101), UUID(int=102)

Fact = Callable[[Path], Path]


def registered(at: datetime = NINE, version: int = 1, without_mt: bool = True, flags: tuple[str, ...] = ()) -> Fact:
    said = Profile("registration", at, version, without_mt, "70-74y", "94016", flags)
    return lambda path: domain.learn_profile(path, said)


def qualified(at: datetime = NINE, without_mt: bool = True) -> Fact:
    said = Profile("qualification", at, 4, without_mt, "70-74y", "94034", ("isolated",))
    return lambda path: domain.learn_profile(path, said)


def answered(answer: domain.Answer, at: datetime, request_id: UUID = FIRST_CALL) -> Fact:
    said = HelpAnswer(uuid4(), request_id, answer, at, 2)
    return lambda path: domain.learn_answer(path, said)


def met(at: datetime, request_id: UUID = FIRST_CALL, outcome: ActOutcome = "seen", would_be_mt: domain.Answer | None = None) -> Fact:
    said = Contact(uuid4(), request_id, UUID(int=7), outcome, at, 3, would_be_mt)
    return lambda path: domain.learn_contact(path, said)


def told(*facts: Fact) -> tuple[Path, list[Event]]:
    path, events = Path("bievre", UUID(int=1)), list[Event]()
    for fact in facts:
        path, more = domain.reconcile(fact(path), search_id=uuid4(), now=NINE + 10 * HOUR)
        events += more
    return path, events


def names(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def state(path: Path) -> str | None:
    return path.search.state if path.search else None


def test_a_person_without_mt_who_was_seen_has_a_search_that_waits_for_consent() -> None:
    path, events = told(registered(flags=("ald",)), met(NINE + HOUR))
    assert names(events) == ["SearchOpened"]
    opened = events[0]
    assert isinstance(opened, SearchOpened)
    assert (opened.state, opened.priority, opened.commune, opened.request_id) == (
        "awaiting_consent",
        ["ald", "over_70"],
        "94016",
        FIRST_CALL,
    )
    assert state(path) == "awaiting_consent"


def test_a_yes_said_in_the_call_makes_the_search_active_at_once() -> None:
    path, events = told(registered(), answered("yes", NINE), met(NINE + HOUR))
    assert [event.state for event in events if isinstance(event, SearchOpened)] == ["active"]
    assert state(path) == "active"


def test_a_yes_said_later_activates_it_and_later_changes_nothing() -> None:
    _, events = told(registered(), met(NINE + HOUR), answered("later", NINE + HOUR), answered("yes", NINE + 2 * HOUR))
    assert [type(event) for event in events] == [SearchOpened, SearchActivated]
    assert [event.version for event in events] == [1, 2]
    assert told(registered(), met(NINE), answered("later", NINE))[0].search is not None


def test_a_no_declines_it_and_another_contact_asks_again() -> None:
    path, events = told(registered(), met(NINE + HOUR), answered("no", NINE + 2 * HOUR))
    assert [type(event) for event in events] == [SearchOpened, SearchDeclined]
    assert state(path) == "declined"
    path, events = told(registered(), met(NINE), answered("no", NINE + HOUR), met(NINE + 2 * HOUR, SECOND_CALL))
    assert state(path) == "awaiting_consent"
    assert names(events) == ["SearchOpened", "SearchDeclined", "SearchOpened"]


def test_a_no_said_in_the_call_is_kept_without_troubling_anybody() -> None:
    path, events = told(registered(), answered("no", NINE), met(NINE + HOUR))
    assert (state(path), events) == ("declined", [])


def test_who_has_an_mt_or_was_not_met_has_no_search() -> None:
    assert told(registered(without_mt=False), met(NINE))[0].search is None
    for outcome in ("missed", "door_closed", "needs_exam", "refused", "impossible", "already_taken", "death"):
        assert told(registered(), met(NINE, outcome=outcome))[0].search is None


def test_finding_an_mt_or_dying_ends_the_search() -> None:
    assert state(told(registered(), met(NINE), registered(NINE + HOUR, 2, without_mt=False))[0]) == "ended"
    assert state(told(registered(), met(NINE), met(NINE + HOUR, outcome="death"))[0]) == "ended"


def test_without_mt_may_be_learnt_from_the_qualified_request_and_flags_heard_late_count() -> None:
    path, events = told(met(NINE + HOUR), qualified(), registered(flags=("c2s",)))
    assert names(events) == ["SearchOpened"]
    assert path.search is not None and path.search.priority == ("c2s", "over_70")


def test_an_older_word_never_replaces_a_fresher_one() -> None:
    path, _ = told(
        registered(NINE + HOUR, 2, without_mt=False), registered(NINE, 1, without_mt=True), qualified(NINE), met(NINE + 2 * HOUR)
    )
    assert path.search is None


FACTS: dict[str, Fact] = {
    "registered": registered(flags=("ald",)),
    "found an mt": registered(NINE + 8 * HOUR, 2, without_mt=False),
    "qualified": qualified(NINE + HOUR),
    "yes": answered("yes", NINE + HOUR),
    "later": answered("later", NINE + 2 * HOUR),
    "no": answered("no", NINE + 4 * HOUR, SECOND_CALL),
    "seen": met(NINE + 3 * HOUR),
    "seen again": met(NINE + 5 * HOUR, SECOND_CALL),
    "third contact": met(NINE + 6 * HOUR, UUID(int=103)),
    "missed": met(NINE + 7 * HOUR, outcome="missed"),
}
some_facts = st.sets(st.sampled_from(sorted(FACTS))).map(sorted)


@given(some_facts.flatmap(lambda facts: st.tuples(st.permutations(facts), st.permutations(facts))))
def test_any_order_of_the_facts_gives_the_same_live_search(orders: tuple[list[str], list[str]]) -> None:
    first, second = (told(*(FACTS[name] for name in order))[0] for order in orders)

    def live(path: Path) -> tuple[object, ...] | None:
        search = path.search
        return (search.state, search.commune, search.priority) if search and search.state in domain.LIVE else None

    assert live(first) == live(second)
    assert (first.profiles, first.answers, first.contacts) == (second.profiles, second.answers, second.contacts)


@given(some_facts.flatmap(st.permutations), st.data())
def test_a_fact_told_twice_changes_nothing(order: list[str], data: st.DataObject) -> None:
    once, events = told(*(FACTS[name] for name in order))
    for name in data.draw(st.lists(st.sampled_from(order), max_size=5)) if order else []:
        again, more = domain.reconcile(FACTS[name](once), search_id=uuid4(), now=NINE)
        assert (again, more) == (once, [])
    assert [event.version for event in events] == sorted({event.version for event in events})


@given(some_facts.flatmap(st.permutations))
def test_what_was_announced_is_where_the_search_stands(order: list[str]) -> None:
    path, events = told(*(FACTS[name] for name in order))
    announced = None
    for event in events:
        if isinstance(event, SearchOpened):
            assert announced not in domain.LIVE, "a second live search was announced"
        announced = event.state if isinstance(event, SearchOpened) else "active" if isinstance(event, SearchActivated) else "declined"
    if path.search is not None and path.search.state in domain.LIVE:
        assert announced == path.search.state


def test_the_doctors_wish_to_become_the_mt_is_kept() -> None:
    path, _ = told(registered(), met(NINE, would_be_mt="yes"))
    assert [contact.would_be_mt for contact in path.contacts] == ["yes"]
