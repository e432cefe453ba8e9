"""The agenda that bookings are measured on: every id and instant of booking number n is computed from n.

So the HTTP load and the pgbench script take slots that nobody else takes, without asking a table which.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from shared.db import Connection

TERRITORY = "bievre"
CLOCK_STARTS_AT = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
"""Business time of the bench: a Monday before the doors open, in a month without holidays or change of the clock."""

_MONDAY = date(2026, 3, 2)
_OPENS = timedelta(hours=7)  # UTC: 8:00 in Paris
_MINUTES, _PER_DAY, _DAYS_A_WEEK = 20, 36, 5
_PRACTITIONER, _SLOT, _REQUEST, _PATIENT, _FIRST_FRESH = 1, 2, 3, 4, 5


def _uuid(kind: int, number: int) -> UUID:
    return UUID(hex=f"{kind}{number:031d}")


def _uuid_sql(kind: int, number: str) -> str:
    return f"('{kind}' || lpad(({number})::text, 31, '0'))::uuid"


def fresh_sql(nth: int) -> str:
    """An id that the service draws for each booking (its appointment, its event): another one for each booking number."""
    return _uuid_sql(_FIRST_FRESH + nth, ":i")


@dataclass(frozen=True)
class Booking:
    """What booking number n needs, as it appears in a parameter of the service's statements."""

    slot_id: UUID
    practitioner_id: UUID
    request_id: UUID
    patient_id: UUID
    starts_at: datetime
    key: str

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=_MINUTES)

    def values(self) -> dict[str, str]:
        """Each value as PostgreSQL writes it, with the SQL that computes it from `:i` in the pgbench script (see `pgbench_sets`)."""
        start = "to_timestamp(:start)"
        return {
            str(self.slot_id): _uuid_sql(_SLOT, ":i"),
            str(self.practitioner_id): _uuid_sql(_PRACTITIONER, ":doctor"),
            str(self.request_id): _uuid_sql(_REQUEST, ":i"),
            str(self.patient_id): _uuid_sql(_PATIENT, ":i"),
            _written(self.starts_at): start,
            _written(self.ends_at): f"{start} + interval '{_MINUTES} minutes'",
            self.starts_at.date().isoformat(): f"({start} AT TIME ZONE 'UTC')::date",
            self.key: "'bench-' || (:i)::text",
        }


def _written(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S}+00"


@dataclass(frozen=True)
class Agenda:
    """Doctors who see patients at their surgery, Monday to Friday, every twenty minutes from 8:00 to 20:00."""

    practitioners: int
    weeks: int

    @property
    def slots(self) -> int:
        return self.practitioners * self.weeks * _DAYS_A_WEEK * _PER_DAY

    def booking(self, number: int) -> Booking:
        """Neighbours in number are the same hour of different doctors: concurrent bookings meet no lock of each other."""
        nth = number // self.practitioners
        day = nth // _PER_DAY
        on = _MONDAY + timedelta(days=day // _DAYS_A_WEEK * 7 + day % _DAYS_A_WEEK)
        starts_at = datetime.combine(on, datetime.min.time(), UTC) + _OPENS + timedelta(minutes=nth % _PER_DAY * _MINUTES)
        return Booking(
            _uuid(_SLOT, number), _uuid(_PRACTITIONER, number % self.practitioners), _uuid(_REQUEST, number), _uuid(_PATIENT, number),
            starts_at, f"bench-{number}",
        )  # fmt: skip

    def pgbench_sets(self) -> str:
        r"""`\set` lines: client and turn give the booking number, which gives doctor and start. Needs -D n=-1, first and clients."""
        opens = int((datetime.combine(_MONDAY, datetime.min.time(), UTC) + _OPENS).timestamp())
        week, day = 7 * 86_400, 86_400
        return "\n".join(
            [
                r"\set n :n + 1",
                r"\set i :first + :n * :clients + :client_id",
                rf"\set doctor :i % {self.practitioners}",
                rf"\set nth :i / {self.practitioners}",
                rf"\set day :nth / {_PER_DAY}",
                rf"\set midnight :day / {_DAYS_A_WEEK} * {week} + :day % {_DAYS_A_WEEK} * {day}",
                rf"\set start {opens} + :midnight + :nth % {_PER_DAY} * {_MINUTES * 60}",
                "",
            ]
        )

    async def prepare(self, database: Connection) -> None:
        """Doctors, slots, and for each slot the proposal that was shown to the secretary before she books it."""
        opens = datetime.combine(_MONDAY, datetime.min.time(), UTC) + _OPENS
        await database.execute(_ADD_PRACTITIONERS, TERRITORY, self.practitioners)
        await database.execute(
            _ADD_SLOTS, TERRITORY, self.practitioners, self.slots, opens, _PER_DAY, _DAYS_A_WEEK, timedelta(minutes=_MINUTES)
        )
        await database.execute(_ADD_PROPOSALS, TERRITORY, CLOCK_STARTS_AT)


# The ids are those of `_uuid`: a digit for the kind, then the number.
_ADD_PRACTITIONERS = """
    INSERT INTO practitioner (territory_id, id, display_name, rpps, status, billing_practitioner_id, modes, commune, lon, lat,
                              accepts_as_mt, version)
    SELECT $1, doctor, 'Dr Banc ' || n, lpad(n::text, 11, '0'), 'titulaire', doctor, ARRAY['surgery'], '94016', 2.33, 48.79, true, 1
    FROM generate_series(0, $2::integer - 1) AS n, LATERAL (SELECT ('1' || lpad(n::text, 31, '0'))::uuid AS doctor) AS named
"""
_ADD_SLOTS = """
    INSERT INTO slot (id, territory_id, practitioner_id, mode, starts_at, ends_at, on_date, protected)
    SELECT ('2' || lpad(n::text, 31, '0'))::uuid, $1, ('1' || lpad((n % $2)::text, 31, '0'))::uuid, 'surgery', starts_at, starts_at + $7,
           (starts_at AT TIME ZONE 'UTC')::date, false
    FROM generate_series(0, $3::integer - 1) AS n,
         LATERAL (SELECT n / $2::integer AS nth) AS line, LATERAL (SELECT nth / $5::integer AS day) AS week,
         LATERAL (SELECT $4::timestamptz + nth % $5 * $7::interval + interval '1 day' * (day / $6::integer * 7 + day % $6) AS starts_at)
         AS timed
"""
_ADD_PROPOSALS = """
    INSERT INTO proposal (id, territory_id, request_id, search_id, shown_at, rank, slot_id, practitioner_id, mode, starts_at, cost, why)
    SELECT gen_random_uuid(), $1, ('3' || substr(replace(id::text, '-', ''), 2))::uuid, gen_random_uuid(), $2, 1, id, practitioner_id,
           mode, starts_at, 0.5, 'soonest'
    FROM slot
"""
