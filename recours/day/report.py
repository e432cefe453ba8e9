"""The report of a day: figures from the log, invariants from databases and log, told as JSON, as a table and as a page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from recours.check.audit import Audit, audit
from recours.day.figures import figures
from recours.day.history import DayHistory, gather
from recours.day.play import DayPlan, Played
from recours.day.settling import Watch
from recours.day.stage import SERVICES
from recours.stack.environment import Access
from shared.auth import TokenIssuer
from shared.http import ServiceClient

# The keys that other tools read come first, in this order; the rest of the figures follows.
FIRST_KEYS = (
    "calls", "requests", "red_flags", "handed_over", "acknowledged", "advice", "booked", "by_mode", "unallocated", "answered_48h",
    "answered_48h_open_hours", "honoured", "missed", "searches_opened", "lost", "duplicated", "double_booked", "events", "wall_seconds",
)  # fmt: skip

# What pilotage counts by the same definitions: computed twice, by two programs, from the same log.
SHARED_KEYS = (
    "calls", "requests", "handed_over", "advice", "advice_given", "booked", "by_mode", "unallocated", "answered_48h",
    "answered_48h_open_hours", "searches_opened",
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """`figures` holds everything that is printed; `history` and `plan` serve the plots."""

    plan: DayPlan
    figures: Mapping[str, Any]
    history: DayHistory

    @property
    def on(self) -> date:
        return self.plan.on

    @property
    def is_clean(self) -> bool:
        """Nothing lost, duplicated or double booked."""
        return not any(self.figures[name] for name in ("lost", "duplicated", "double_booked"))

    def body(self) -> dict[str, Any]:
        """The one JSON object."""
        first = {name: self.figures[name] for name in FIRST_KEYS}
        return first | {name: value for name, value in self.figures.items() if name not in first}


async def report_on(access: Access, plan: DayPlan, played: Played) -> Report:
    """Read the databases and the log of a settled stack. Raises what `audit` raises."""
    watch = Watch({service: access.ops_url(service) for service in SERVICES})
    try:
        await watch.settle()
        found = await audit(access.settings(), await watch.reports())
        projected = await _projected(access, plan)
    finally:
        await watch.close()
    starts_at, ends_at = plan.territory.day_bounds(plan.on)
    history = gather((record.event for record in found.records if record.event is not None), plan.territory.id, starts_at, ends_at)
    counted = figures(history, plan.territory, until=plan.ends_at)
    differs = {name: [counted[name], projected.get(name)] for name in SHARED_KEYS if counted[name] != projected.get(name)}
    return Report(plan, counted | _invariants(found) | {"pilotage_differs": differs} | _setting(plan, played), history)


async def _projected(access: Access, plan: DayPlan) -> dict[str, Any]:
    """The same day as pilotage counts it."""
    client = ServiceClient(access.url("pilotage"), TokenIssuer(access.token_private_key), "pilotage")
    try:
        return await client.get("/day", principal=plan.cast.coordinator, params={"on": plan.on.isoformat()})
    finally:
        await client.close()


def _invariants(found: Audit) -> dict[str, Any]:
    return {
        "lost": found.lost.total + found.missing_from_log,
        "duplicated": found.duplicated.total,
        "double_booked": found.double_booked.total,
        "dead_letters": found.stored.dead_letters,
        "invariants": {
            "lost": {**found.lost.kinds, "published_but_missing_from_log": found.missing_from_log},
            "duplicated": dict(found.duplicated.kinds),
            "double_booked": dict(found.double_booked.kinds),
        },
    }


def _setting(plan: DayPlan, played: Played) -> dict[str, Any]:
    """What the day was made of: for whom reads the figures next year."""
    staffing = plan.assumptions.staffing
    return {
        "on": plan.on.isoformat(),
        "seed": plan.demand.seed,
        "territory": plan.territory.id,
        "demand_digest": plan.demand.digest(),
        "staffing": {
            "secretaries": plan.demand.secretaries,
            "arm": staffing.arm,
            "regulators": staffing.regulators,
            "doctors": len(plan.cast.doctors),
        },
        "wall_seconds": played.wall_seconds,
        "machine": {
            "steps": played.steps,
            "promises": played.promises,
            "settlings": played.settlings,
            "settling_seconds": played.settling_seconds,
            "looks": played.looks,
            "commands": played.commands,
            "repeated": played.repeated,
        },
    }
