"""Dates, durations and recurring windows on the wall clock of the project's zone (D23).

Arithmetic is done on naive local times: "every day from nine to five" means what the clock on the wall
shows, also on the days on which it is put forward or back.
"""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

DURATION = re.compile(
    r"P(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,6})D)?"
    r"(?:T(?:(\d{1,7})H)?(?:(\d{1,8})M)?(?:(\d{1,9})(?:\.\d+)?S)?)?",
    re.ASCII,
)
DATE_LIKE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
LATEST = datetime(9999, 12, 30, tzinfo=UTC)


class Duration(Struct, frozen=True):
    """An ISO 8601 duration: calendar months and exact seconds of wall-clock time."""

    months: int
    seconds: int


def parse_duration(text: Any) -> Duration | None:
    """An ISO 8601 duration such as P1D, P2W, P1M or PT90M; None when it is not one or is empty."""
    if not isinstance(text, str):
        return None
    found = DURATION.fullmatch(text)
    if found is None:
        return None
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = ((weeks * 7 + days) * 24 + hours) * 3600 + minutes * 60 + seconds
    span = Duration(years * 12 + months, total)
    return span if span.months or span.seconds else None


@lru_cache(maxsize=8192)
def parse_moment(text: str) -> datetime | date | None:
    """An instant (aware datetime) or a calendar date of an ISO 8601 string, else None. A time without a zone
    is UTC.
    """
    if DATE_LIKE.match(text) is None or len(text) > 40:
        return None
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        value = datetime.fromisoformat(text)
    except ValueError:
        return None
    if value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    # Far ends of the calendar overflow when a zone is applied.
    return min(max(value, EARLIEST), LATEST)


def moment_of(value: Any) -> datetime | date | None:
    """A date or an instant of a metadata value, else None."""
    if isinstance(value, str):
        return parse_moment(value)
    if isinstance(value, datetime):
        instant: datetime = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return min(max(instant, EARLIEST), LATEST)
    day: date | None = value if isinstance(value, date) else None
    return day


def instant_of(value: Any, zone: ZoneInfo) -> datetime | None:
    """The instant of a value; a date is its midnight in `zone`."""
    found = moment_of(value)
    if found is None or isinstance(found, datetime):
        return found
    if not 2 <= found.year <= 9998:
        return EARLIEST if found.year < 2 else LATEST
    return datetime(found.year, found.month, found.day, tzinfo=zone)


def date_of(value: Any, zone: ZoneInfo) -> date | None:
    """The calendar day of a value as seen in `zone`."""
    found = moment_of(value)
    if isinstance(found, datetime):
        return found.astimezone(zone).date()
    return found


def add_months(start: datetime, months: int) -> datetime:
    """`start` moved by calendar months, the day clamped to the month's end. Raises OverflowError beyond year
    9999.
    """
    count = start.year * 12 + start.month - 1 + months
    year, month = divmod(count, 12)
    if not 1 <= year <= 9999:
        raise OverflowError("date out of range")
    day = min(start.day, monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day)


def add_duration(start: datetime, span: Duration, times: int = 1) -> datetime:
    """A naive local time moved by `times` durations. Raises OverflowError outside the calendar."""
    moved = add_months(start, span.months * times) if span.months else start
    return moved + timedelta(seconds=span.seconds * times)


def in_recurrence(anchor: datetime, interval: Duration, length: Duration, at: datetime) -> bool:
    """Is the naive local time `at` inside one of the windows of `length` that begin at `anchor` and every
    `interval` after it?
    """
    if at < anchor:
        return False
    try:
        begun = _latest_start(anchor, interval, at)
        return at < add_duration(begun, length)
    except OverflowError:
        return True


def _latest_start(anchor: datetime, interval: Duration, at: datetime) -> datetime:
    if not interval.months:
        elapsed = at - anchor
        return anchor + timedelta(seconds=interval.seconds) * (elapsed // timedelta(seconds=interval.seconds))
    span = interval.months * 30 * 86400 + interval.seconds
    guess = int((at - anchor).total_seconds()) // span
    count = max(guess - 2, 0)
    begun = add_duration(anchor, interval, count)
    while begun > at and count:
        count = max(count - 1 - count // 8, 0)
        begun = add_duration(anchor, interval, count)
    while True:
        following = add_duration(anchor, interval, count + 1)
        if following > at:
            return begun
        begun = following
        count += 1


def parse_hours(text: Any) -> time | None:
    """A clock time HH:MM or HH:MM:SS; 24:00 is the end of the day."""
    if not isinstance(text, str):
        return None
    if text == "24:00":
        return time.max
    try:
        value = time.fromisoformat(text)
    except ValueError:
        return None
    return value.replace(tzinfo=None)


def sunday_first(at: datetime) -> int:
    """Day of the week as the API counts: 0 is Sunday."""
    return (at.weekday() + 1) % 7


def anniversary(day: date, year: int) -> date:
    """The birthday in `year`; 29 February falls on the 28th in other years."""
    if day.month == 2 and day.day == 29 and monthrange(year, 2)[1] == 28:
        return date(year, 2, 28)
    return date(year, day.month, day.day)
