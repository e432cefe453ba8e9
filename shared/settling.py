"""When a stack has nothing left to do: the rule that lets a simulated day step its clock. Pure; the reports come from each service."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import AwareDatetime, BaseModel


class SettledReport(BaseModel):
    """What one service says of itself at `GET /internal/settled`. Places are "topic:partition", offsets the next ones."""

    service: str
    quiet: bool
    counters: dict[str, int]
    confirmed: dict[str, int]
    positions: dict[str, int]
    next_due_at: AwareDatetime | None = None


def is_settled(before: Sequence[SettledReport], after: Sequence[SettledReport]) -> bool:
    """Two looks at every service: all quiet, nothing counted in between, and every reader past every confirmed record."""
    if len(before) != len(after) or not all(report.quiet for report in (*before, *after)):
        return False
    if [report.counters for report in before] != [report.counters for report in after]:
        return False
    confirmed: dict[str, int] = {}
    for report in after:
        for place, offset in report.confirmed.items():
            confirmed[place] = max(confirmed.get(place, 0), offset)
    return all(
        position >= confirmed.get(place, 0)
        for report in after
        for place, position in report.positions.items()
    )  # fmt: skip


def earliest_due(reports: Sequence[SettledReport]) -> datetime | None:
    """The next promise of the whole stack."""
    return min((report.next_due_at for report in reports if report.next_due_at is not None), default=None)
