"""The operators that look at dates: recurring windows, days from today, weekdays, birthdays."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, Final

from rules.dates import (
    add_months,
    anniversary,
    date_of,
    in_recurrence,
    instant_of,
    parse_duration,
    parse_hours,
    parse_moment,
    sunday_first,
)
from rules.moment import Now
from rules.values import number_of
from rules.windows import Hours, in_hours

Predicate = Callable[[Any, Now], bool]
Build = Callable[[list[Any]], Predicate]


def _days_from_today(accepts: Callable[[int, int], bool]) -> Build:
    def build(values: list[Any]) -> Predicate:
        expected = number_of(values[0])
        if expected is None or expected != int(expected) or not -(10**6) <= expected <= 10**6:
            raise ValueError("must be a number of days")
        days: int = int(expected)

        def passes(actual: Any, now: Now) -> bool:
            day = date_of(actual, now.zone)
            return day is not None and accepts((day - now.local.date()).days, days)

        return passes

    return build


def _months_after(accepts: Callable[[tuple[date, date], date], bool]) -> Build:
    """`$is_months_ago [n]` and the like: the day n calendar months after the date, clamped to the month's
    end.
    """

    def build(values: list[Any]) -> Predicate:
        expected = number_of(values[0])
        if expected is None or expected != int(expected) or not 0 <= expected <= 12_000:
            raise ValueError("must be a number of months")
        months = int(expected)

        def passes(actual: Any, now: Now) -> bool:
            day = date_of(actual, now.zone)
            if day is None:
                return False
            try:
                after = add_months(datetime(day.year, day.month, day.day, tzinfo=now.zone), months).date()
            except OverflowError:
                return False
            return accepts((day, after), now.local.date())

        return passes

    return build


def _timeframe(values: list[Any]) -> Predicate:
    """`start;interval;duration`: recurring windows."""
    parts = values[0].split(";") if isinstance(values[0], str) else []
    start = parse_moment(parts[0].strip()) if len(parts) == 3 else None
    interval = parse_duration(parts[1].strip()) if len(parts) == 3 else None
    length = parse_duration(parts[2].strip()) if len(parts) == 3 else None
    if start is None or interval is None or length is None:
        raise ValueError("must be start;interval;duration")

    def passes(actual: Any, now: Now) -> bool:
        at, anchor = instant_of(actual, now.zone), instant_of(start, now.zone)
        if at is None or anchor is None:
            return False
        naive = at.astimezone(now.zone).replace(tzinfo=None)
        return in_recurrence(anchor.astimezone(now.zone).replace(tzinfo=None), interval, length, naive)

    return passes


def _timeframe_absolute(values: list[Any]) -> Predicate:
    """`from;to`: between two instants."""
    parts = values[0].split(";") if isinstance(values[0], str) else []
    start = parse_moment(parts[0].strip()) if len(parts) == 2 else None
    end = parse_moment(parts[1].strip()) if len(parts) == 2 else None
    if start is None or end is None:
        raise ValueError("must be from;to")

    def passes(actual: Any, now: Now) -> bool:
        at = instant_of(actual, now.zone)
        first, last = instant_of(start, now.zone), instant_of(end, now.zone)
        return at is not None and first is not None and last is not None and first <= at <= last

    return passes


def _timeframe_daily_hours(values: list[Any]) -> Predicate:
    """`18:00;20:01;2,3`: hours of the clock on weekdays, 0 is Sunday."""
    parts = values[0].split(";") if isinstance(values[0], str) else []
    start = parse_hours(parts[0].strip()) if len(parts) >= 2 else None
    end = parse_hours(parts[1].strip()) if len(parts) >= 2 else None
    if start is None or end is None:
        raise ValueError("must be start;end;days")
    named = [part.strip() for part in parts[2].split(",")] if len(parts) > 2 and parts[2].strip() else []
    if not all(part in "0123456" and len(part) == 1 for part in named):
        raise ValueError("days must be from 0 to 6")
    days = frozenset(int(part) for part in named) or frozenset(range(7))
    spans = (Hours(start, end, days),)

    def passes(actual: Any, now: Now) -> bool:
        at = instant_of(actual, now.zone)
        return at is not None and in_hours(spans, at.astimezone(now.zone).replace(tzinfo=None))

    return passes


def _weekday(values: list[Any]) -> Predicate:
    wanted = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    if not all(isinstance(day, int) and not isinstance(day, bool) and 0 <= day <= 6 for day in wanted):
        raise ValueError("must be integers from 0 to 6")
    days = frozenset(wanted)

    def passes(actual: Any, now: Now) -> bool:
        at = instant_of(actual, now.zone)
        return at is not None and sunday_first(at.astimezone(now.zone)) in days

    return passes


def _calendar(unit: str, offset: int) -> Build:
    """`$next_month`, `$this_week` and the like: a date whose anniversary falls in that period (birthdays)."""

    def build(values: list[Any]) -> Predicate:
        wanted = values[0] is not False

        def passes(actual: Any, now: Now) -> bool:
            day = date_of(actual, now.zone)
            if day is None:
                return False
            today = now.local.date()
            if unit == "month":
                hit = day.month == (today.month - 1 + offset) % 12 + 1
            elif unit == "day":
                hit = _falls_on(day, today + timedelta(days=offset))
            else:
                first = today - timedelta(days=(today.weekday() - now.week_start) % 7 - 7 * offset)
                hit = any(_falls_on(day, first + timedelta(days=step)) for step in range(7))
            return hit is wanted

        return passes

    return build


def _falls_on(day: date, target: date) -> bool:
    return anniversary(day, target.year) == target


TIME_OPERATORS: Final[dict[str, Build]] = {
    "$is_months_ago": _months_after(lambda span, today: span[1] == today),
    "$more_than_months_ago": _months_after(lambda span, today: span[1] < today),
    "$less_than_months_ago": _months_after(lambda span, today: span[0] <= today < span[1]),
    "$more_than_ago": _days_from_today(lambda days, wanted: days < -wanted),
    "$less_than_ago": _days_from_today(lambda days, wanted: -wanted < days <= 0),
    "$is_days_ago": _days_from_today(lambda days, wanted: days == -wanted),
    "$more_than_future": _days_from_today(lambda days, wanted: days > wanted),
    "$less_than_future": _days_from_today(lambda days, wanted: 0 <= days < wanted),
    "$is_days_in_future": _days_from_today(lambda days, wanted: days == wanted),
    "$timeframe": _timeframe,
    "$timeframe_absolute": _timeframe_absolute,
    "$timeframe_daily_hours": _timeframe_daily_hours,
    "$dow": _weekday,
    "$this_month": _calendar("month", 0),
    "$next_month": _calendar("month", 1),
    "$previous_month": _calendar("month", -1),
    "$this_week": _calendar("week", 0),
    "$next_week": _calendar("week", 1),
    "$today": _calendar("day", 0),
    "$tomorrow": _calendar("day", 1),
}
