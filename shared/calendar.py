"""Open hours of a territory: what « in open hours » means in an indicator."""

from datetime import date, datetime, timedelta

from shared.territory import Territory


def is_open(territory: Territory, instant: datetime) -> bool:
    """The line answers at `instant`."""
    hours = territory.opening_on(territory.local(instant).date())
    return hours is not None and hours[0] <= instant < hours[1]


def open_hours_between(territory: Territory, start: datetime, end: datetime) -> timedelta:
    """Time with the line open between two instants; zero when `end` is not after `start`."""
    total = timedelta()
    on = territory.local(start).date()
    last = territory.local(end).date()
    while on <= last:
        hours = territory.opening_on(on)
        if hours is not None:
            overlap = min(end, hours[1]) - max(start, hours[0])
            total += max(overlap, timedelta())
        on += timedelta(days=1)
    return total


def next_open_day(territory: Territory, after: date) -> date:
    """The first day strictly after `after` on which the line opens."""
    on = after + timedelta(days=1)
    while territory.opening_on(on) is None:
        on += timedelta(days=1)
    return on
