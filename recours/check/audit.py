"""One look at everything that can be checked from outside: databases, the log, and how far its readers have come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recours.check import invariants
from recours.check.databases import Stored, read_stored
from recours.check.invariants import Found
from recours.check.log import Record, read_log
from recours.operations.settings import setting
from shared.kafka import KafkaAddress
from shared.settling import SettledReport


@dataclass(frozen=True)
class Audit:
    """What was found; `lost`, `duplicated` and `double_booked` must be nought."""

    stored: Stored
    records: Sequence[Record]
    lost: Found
    duplicated: Found
    double_booked: Found
    missing_from_log: int
    consumer_lag: int


async def audit(settings: Mapping[str, str], reports: Sequence[SettledReport]) -> Audit:
    """Read all and judge. `reports` say up to where the relays had their records confirmed and where the readers stand.

    Raises MissingSetting, LogUnreadable, or what a server raises when it is away.
    """
    ends = confirmed_ends(reports)
    address = KafkaAddress(setting(settings, "RECOURS_KAFKA_BOOTSTRAP"), settings.get("RECOURS_TOPIC_PREFIX", ""))
    records = await read_log(address, ends=ends)
    stored = await read_stored(settings)
    in_log = {record.event_id for record in records}
    return Audit(
        stored=stored,
        records=records,
        lost=invariants.lost(stored.calls, stored.requests, stored.known_to_pilotage, records, stored.unpublished),
        duplicated=invariants.duplicated(records, stored.doubled_rows),
        double_booked=invariants.double_booked(stored.appointments, stored.outside_rounds),
        missing_from_log=len(stored.journal - in_log),
        consumer_lag=lag(reports, ends),
    )


def confirmed_ends(reports: Sequence[SettledReport]) -> dict[str, int]:
    """The next offset of each partition, as its publisher had it confirmed; places not published to since the start are absent."""
    ends: dict[str, int] = {}
    for report in reports:
        for place, offset in report.confirmed.items():
            ends[place] = max(ends.get(place, 0), offset)
    return ends


def lag(reports: Sequence[SettledReport], ends: Mapping[str, int]) -> int:
    """Records that some reader has not passed yet, summed over readers and partitions."""
    return sum(max(0, ends.get(place, 0) - offset) for report in reports for place, offset in report.positions.items())
