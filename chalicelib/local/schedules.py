"""When a schedule of EventBridge fires next: `rate(5 minutes)`, `cron(0 6 * * ? *)`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Next: TypeAlias = Callable[[datetime], datetime]

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_MONTHS = {name: number for number, name in enumerate(
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], start=1)}
_DAYS = {name: number for number, name in enumerate(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"], start=1)}
_HORIZON = timedelta(days=366 * 5)


def parse(expression: str) -> Next:
    """A function from a time to the next firing after it. Raises `ValueError` for what it cannot read.

    `L`, `W` and `#` of EventBridge's cron are not known here.
    """
    if match := _RATE.fullmatch(expression):
        step = timedelta(**{f"{match[2]}s": int(match[1])})
        return lambda now: now + step
    if match := _CRON.fullmatch(expression):
        return _cron(*match.groups())
    raise ValueError(f"local mode cannot read the schedule {expression!r}")


def _cron(minute: str, hour: str, day: str, month: str, weekday: str, year: str) -> Next:
    minutes, hours = _field(minute, 0, 59), _field(hour, 0, 23)
    days, months = _field(day, 1, 31), _field(month, 1, 12, _MONTHS)
    weekdays, years = _field(weekday, 1, 7, _DAYS), _field(year, 1970, 2199)

    def fits_day(time: datetime) -> bool:
        return (time.year in years and time.month in months and time.day in days
                and time.isoweekday() % 7 + 1 in weekdays)

    def following(now: datetime) -> datetime:
        time = now.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        while time - now < _HORIZON:
            if not fits_day(time):
                time = time.replace(hour=0, minute=0) + timedelta(days=1)
            elif time.hour in hours and time.minute in minutes:
                return time
            else:
                time += timedelta(minutes=1)
        raise ValueError("the schedule never fires")

    return following


def _field(text: str, low: int, high: int, names: dict[str, int] | None = None) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span in ("*", "?"):
            first, last = low, high
        else:
            start, _, end = span.partition("-")
            first = _number(start, names)
            last = _number(end, names) if end else high if step else first
        if not low <= first <= last <= high:
            raise ValueError(f"local mode cannot read {text!r} in a schedule")
        values.update(range(first, last + 1, int(step or 1)))
    return frozenset(values)


def _number(text: str, names: dict[str, int] | None) -> int:
    if names and text.upper() in names:
        return names[text.upper()]
    if not text.isdigit():
        raise ValueError(f"local mode cannot read {text!r} in a schedule")
    return int(text)
