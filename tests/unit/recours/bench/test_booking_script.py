"""The pgbench script of a booking says what PostgreSQL logged, for any booking number."""

import pytest

from recours.bench.booking_agenda import Agenda
from recours.bench.booking_script import Sent, read_log, usual
from recours.stack.errors import StackError

_LOG = """\
2026-03-02 06:00:00.001 UTC [7] scheduling@scheduling LOG:  statement: BEGIN;
2026-03-02 06:00:00.002 UTC [7] scheduling@scheduling LOG:  execute __asyncpg_stmt_1__: \n\
\t    INSERT INTO idempotency_key (caller, key)
\t    VALUES ($1, $2)
2026-03-02 06:00:00.002 UTC [7] scheduling@scheduling DETAIL:  Parameters: $1 = 'l''aube', $2 = 'bench-0'
2026-03-02 06:00:00.003 UTC [8] scheduling@scheduling LOG:  statement: BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
2026-03-02 06:00:00.003 UTC [7] scheduling@scheduling LOG:  execute __asyncpg_stmt_2__: SELECT $1
2026-03-02 06:00:00.003 UTC [7] scheduling@scheduling DETAIL:  Parameters: $1 = NULL
2026-03-02 06:00:00.004 UTC [7] scheduling@scheduling LOG:  statement: COMMIT;
2026-03-02 06:00:00.005 UTC [7] scheduling@scheduling LOG:  statement: BEGIN;
2026-03-02 06:00:00.006 UTC [7] scheduling@scheduling LOG:  execute __asyncpg_stmt_1__: INSERT INTO idempotency_key (caller, key)
2026-03-02 06:00:00.006 UTC [7] scheduling@scheduling DETAIL:  Parameters: $1 = 'x', $2 = 'bench-1'
2026-03-02 06:00:00.007 UTC [7] scheduling@scheduling LOG:  statement: COMMIT;
"""


def test_a_booking_is_what_its_connection_sent_between_its_begin_and_the_next() -> None:
    [first, second] = read_log(_LOG, ["bench-0", "bench-1"])
    assert [sent.sql.split()[0] for sent in first] == ["BEGIN;", "INSERT", "SELECT", "COMMIT;"]
    assert [sent.values for sent in first] == [(), ("l'aube", "bench-0"), (None,), ()]
    assert second[1].values == ("x", "bench-1")
    assert read_log(_LOG, ["bench-9"]) == []


def test_what_only_one_booking_sent_is_nothing_of_a_booking() -> None:
    plain = [Sent("BEGIN;", ()), Sent("COMMIT;", ())]
    disturbed = [*plain, Sent("SELECT due", ())]
    assert usual([plain, disturbed, plain]) == (plain, plain)
    with pytest.raises(StackError):
        usual([plain, disturbed])


def test_neighbours_in_number_are_different_doctors_at_the_same_hour_and_no_slot_comes_twice() -> None:
    agenda = Agenda(practitioners=3, weeks=2)
    bookings = [agenda.booking(number) for number in range(agenda.slots)]
    assert len({(one.practitioner_id, one.starts_at) for one in bookings}) == agenda.slots == 3 * 2 * 5 * 36
    assert len({one.starts_at for one in bookings[:3]}) == 1
    assert {one.starts_at.isoweekday() for one in bookings} == {1, 2, 3, 4, 5}
