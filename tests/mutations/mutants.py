"""Mechanisms that carry a promise, each taken out of the code in one edit, and the tests that must notice.

Kept beside the code: an edit whose text is no longer found once is a failure of `make test`, so that this list cannot rot.
"""

from dataclasses import dataclass

_DELIVERY = "tests/integration/kernel/test_delivery.py::"
_RELAY = "tests/integration/kernel/test_relay.py::"
_COMMANDS = "tests/unit/shared/test_http_commands.py::"
_BOOKING = "tests/integration/scheduling/test_booking.py::"
_RACES = "tests/integration/scheduling/test_races.py::"
_GUARDS = "tests/integration/scheduling/test_guards.py::"
_INTAKE_GUARDS = "tests/integration/intake/test_guards.py::"


@dataclass(frozen=True)
class Mutant:
    """`taken_out` says which mechanism `before` is; with `after` in its place, each of `tests` is expected to fail."""

    name: str
    taken_out: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        "inbox_claim", "the claim of a consumed event in the inbox", "shared/consumer.py",
        "            if not await tx.sql.fetchval(_CLAIM, self.group, event.event_id):\n", "            if False:\n",
        (f"{_DELIVERY}test_a_redelivered_fact_has_its_effect_once[embedded]",),
    ),
    Mutant(
        "inbox_claim_apart", "the claim being in the transaction of the effect", "shared/consumer.py",
        "        async with self._database.transaction() as tx:\n"
        "            if not await tx.sql.fetchval(_CLAIM, self.group, event.event_id):\n",
        "        async with self._database.transaction() as apart:\n"
        "            claimed = await apart.sql.fetchval(_CLAIM, self.group, event.event_id)\n"
        "        async with self._database.transaction() as tx:\n"
        "            if not claimed:\n",
        (f"{_DELIVERY}test_what_may_work_later_waits_in_place[embedded]",),
    ),
    Mutant(
        "relay_lock", "the advisory lock of the relay", "shared/outbox.py",
        'while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _RELAY_LOCK):', "while False:",
        (f"{_RELAY}test_two_relays_of_one_database_publish_each_fact_once_and_in_order",),
    ),
    Mutant(
        "relay_order", "one record of a key a round", "shared/outbox.py",
        "    SELECT DISTINCT ON (topic, key) id, topic, key, event_type, body, headers FROM oldest ORDER BY topic, key, id\n",
        "    SELECT id, topic, key, event_type, body, headers FROM oldest ORDER BY id\n",
        (f"{_RELAY}test_what_the_broker_did_not_confirm_comes_again_before_what_follows_it",),
    ),
    Mutant(
        "relay_confirmation", "marking only what the broker confirmed", "shared/outbox.py",
        "await connection.execute(_MARK, confirmed)", 'await connection.execute(_MARK, [row["id"] for row in rows])',
        (f"{_RELAY}test_what_the_broker_did_not_confirm_comes_again_before_what_follows_it",),
    ),
    Mutant(
        "refill", "filling an empty log from the journal", "shared/outbox.py",
        "        if await self._refill_step(connection):\n            return\n", "",
        (f"{_RELAY}test_another_log_is_filled_from_the_journal",),
    ),
    Mutant(
        "idempotency_key", "the row of the idempotency key", "shared/http/commands.py",
        "            subject_id = await self._already_done(tx)\n", "            subject_id: UUID | None = None\n",
        (f"{_COMMANDS}test_a_repeat_shows_the_present_state_and_does_nothing",),
    ),
    Mutant(
        "idempotency_body", "the hash that ties a key to its body", "shared/http/commands.py",
        'if row is None or row["request_hash"] != self._request_hash:', "if row is None:",
        (f"{_COMMANDS}test_a_key_with_another_body_is_refused",),
    ),
    Mutant(
        "scheduling_request_lock", "the row lock on scheduling's copy of the request", "services/scheduling/repository/requests.py",
        '_LOCK = f"{_SELECT} WHERE territory_id = $1 AND id = $2 FOR UPDATE"', '_LOCK = f"{_SELECT} WHERE territory_id = $1 AND id = $2"',
        (f"{_GUARDS}test_two_hands_that_cancel_one_appointment_tell_it_once",),
    ),
    Mutant(
        "intake_request_lock", "the row lock on intake's request", "services/intake/repository/requests.py",
        'f"{_SELECT} FOR UPDATE OF r" if lock else _SELECT', "_SELECT",
        (f"{_INTAKE_GUARDS}test_two_hands_that_cancel_one_request_tell_it_once",),
    ),
    Mutant(
        "appointment_no_overlap", "the exclusion constraint on a doctor's time", "services/scheduling/migrations/0002_agenda.sql",
        "    CONSTRAINT appointment_no_overlap EXCLUDE USING gist (practitioner_id WITH =, during WITH &&)"
        " WHERE (inside_round_id IS NULL),\n", "",
        (
            f"{_RACES}test_two_hundred_callers_one_slot",
            f"{_GUARDS}test_the_database_refuses_two_people_at_one_time_of_a_doctor_in_any_territory",
        ),
    ),
    Mutant(
        "visit_no_overlap", "the exclusion constraint on the places of a round", "services/scheduling/migrations/0002_agenda.sql",
        "    CONSTRAINT visit_no_overlap EXCLUDE USING gist (inside_round_id WITH =, during WITH &&)"
        " WHERE (inside_round_id IS NOT NULL),\n", "",
        (f"{_RACES}test_the_last_place_of_a_round_goes_to_one",),
    ),
    Mutant(
        "one_live_appointment_per_request", "the unique index on a request's live appointment",
        "services/scheduling/migrations/0003_appointments.sql",
        "CREATE UNIQUE INDEX one_live_appointment_per_request ON appointment (territory_id, request_id) WHERE state = 'booked';\n", "",
        (f"{_GUARDS}test_the_database_refuses_a_second_live_appointment_of_a_request",),
    ),
    Mutant(
        "already_booked", "the look for a live appointment before a slot is given", "services/scheduling/handlers/booking.py",
        "    if not newer or still_fits(qualified, mode=last.mode, starts_at=last.starts_at):\n"
        '        raise AlreadyBooked(f"request {request.id}", appointment_id=last.id)\n', "",
        (f"{_BOOKING}test_a_second_booking_of_a_request_gets_its_appointment",),
    ),
    Mutant(
        "hard_rules", "the hard rules looked at again when a slot is given", "services/scheduling/handlers/booking.py",
        "    giving.check(qualified, candidate, rules.allocation, now=now)\n", "",
        (f"{_BOOKING}test_a_slot_after_the_clinical_limit_is_refused",),
    ),
    Mutant(
        "slot_lock", "the row lock on the slot and those over its time", "services/scheduling/repository/slots.py",
        "    ORDER BY o.id FOR UPDATE OF o\n", "    ORDER BY o.id\n",
        (f"{_RACES}test_a_slot_is_given_back_while_others_want_it",),
    ),
    Mutant(
        "video_cap_lock", "the lock that counts the videos of a billing doctor's day one at a time",
        "services/scheduling/repository/appointments.py",
        '    await tx.sql.execute(_LOCK_VIDEOS, f"videos:{billing_id}:{on}")\n', "    return\n",
        (f"{_GUARDS}test_two_hands_that_want_the_last_video_of_a_day_get_one",),
    ),
    Mutant(
        "territory_of_a_practitioner", "the territory in a repository function of scheduling",
        "services/scheduling/repository/practitioners.py",
        '_ONE = f"{_SELECT} WHERE territory_id = $1 AND id = $2"', '_ONE = f"{_SELECT} WHERE $1::text IS NOT NULL AND id = $2"',
        (f"{_BOOKING}test_another_territory_finds_nothing",),
    ),
    Mutant(
        "territory_of_a_call", "the territory in a repository function of intake", "services/intake/repository/calls.py",
        'FROM call WHERE territory_id = $1 AND id = $2"', 'FROM call WHERE $1::text IS NOT NULL AND id = $2"',
        ("tests/integration/intake/test_calls.py::test_who_may_and_where",),
    ),
)  # fmt: skip
