"""The operators of conditions (`behaviour` 5.2), compiled into tests of one value.

A value that is absent or null matches nothing, except `$is_unknown`. Several operators in one condition must all hold.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from rules.dates import (
    date_of,
    in_recurrence,
    instant_of,
    moment_of,
    parse_duration,
    parse_hours,
    parse_moment,
    sunday_first,
)
from rules.moment import Now
from rules.money import decimal_of
from rules.programs import RuleError
from rules.windows import Hours, in_hours

Predicate = Callable[[Any, Now], bool]
VALUES_MAX: Final = 1000
"""Values in one condition."""

ALIASES: Final = {
    "$greater_than": "$more_than",
    "$greater_than_or_equal": "$more_than_or_equal",
    "$more_than_equal": "$more_than_or_equal",
    "$less_than_equal": "$less_than_or_equal",
    "$not_contains": "$not_contain",
    "$eq": "$is",
    "$ne": "$is_not",
    "is_days_ago": "$is_days_ago",
    "$count_equal": "$count",
}


class Test:
    """One operator with its expected values."""

    __slots__ = ("expected", "operator", "passes")

    def __init__(self, operator: str, expected: Any, passes: Predicate) -> None:
        self.operator = operator
        self.expected = expected
        self.passes = passes


def number_of(value: Any) -> int | float | Decimal | None:
    """A finite number of a JSON value, numeric strings included; booleans are not numbers."""
    if type(value) is int:
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if not value or len(value) > 40:
            return None
        try:
            number = Decimal(value)
        except InvalidOperation:
            return None
        return number if number.is_finite() else None
    return decimal_of(value)


def equal(actual: Any, expected: Any) -> bool:
    """Equality of JSON values: true is not 1, "5" is not 5 unless one side of the rule says a number, dates by instant."""
    if type(actual) is type(expected):
        return bool(actual == expected)
    if isinstance(actual, bool) or isinstance(expected, bool):
        text = {"true": True, "false": False}
        if isinstance(actual, str):
            return text.get(actual.lower()) is expected
        if isinstance(expected, str):
            return text.get(expected.lower()) is actual
        return False
    left, right = number_of(actual), number_of(expected)
    if left is not None and right is not None:
        return left == right
    return bool(actual == expected)


def _order(actual: Any, expected: Any, now: Now) -> int | None:
    """-1, 0, 1, or None when the two cannot be compared."""
    left, right = number_of(actual), number_of(expected)
    if left is not None and right is not None:
        return (left > right) - (left < right)
    first, second = moment_of(actual), moment_of(expected)
    if first is None or second is None:
        return None
    early, late = instant_of(first, now.zone), instant_of(second, now.zone)
    if early is None or late is None:
        return None
    return (early > late) - (early < late)


def _compare(accepts: frozenset[int]) -> Callable[[list[Any]], Predicate]:
    def build(values: list[Any]) -> Predicate:
        expected = values[0]
        number = number_of(expected)
        if number is None and moment_of(expected) is None:
            raise ValueError("must be a number or a date")
        wants = tuple(accepts)

        def passes(actual: Any, now: Now) -> bool:
            if type(actual) is int and number is not None:
                return ((actual > number) - (actual < number)) in wants
            return _order(actual, expected, now) in wants

        return passes

    return build


def _is(values: list[Any]) -> Predicate:
    expected = values[0] if len(values) == 1 else values

    def passes(actual: Any, now: Now) -> bool:
        if isinstance(actual, list | tuple):
            if isinstance(expected, list):
                return len(actual) == len(expected) and all(contains(actual, one) for one in expected)
            return contains(actual, expected)
        if isinstance(expected, list):
            return any(equal(actual, one) for one in expected)
        return equal(actual, expected)

    return passes


def contains(actual: Any, expected: Any) -> bool:
    """Does the array hold the value?"""
    return any(equal(one, expected) for one in actual)


def _in(values: list[Any]) -> Predicate:
    plain = frozenset(value for value in values if isinstance(value, str))

    def passes(actual: Any, now: Now) -> bool:
        if isinstance(actual, str) and actual in plain:
            return True
        if isinstance(actual, list | tuple):
            return any(contains(actual, one) for one in values)
        return any(equal(actual, one) for one in values)

    return passes


def _not(build: Callable[[list[Any]], Predicate]) -> Callable[[list[Any]], Predicate]:
    def negated(values: list[Any]) -> Predicate:
        inner = build(values)

        def passes(actual: Any, now: Now) -> bool:
            return not inner(actual, now)

        return passes

    return negated


def _text(test: Callable[[str, str], bool]) -> Callable[[list[Any]], Predicate]:
    def build(values: list[Any]) -> Predicate:
        if not all(isinstance(value, str) for value in values):
            raise ValueError("must be strings")

        def passes(actual: Any, now: Now) -> bool:
            if isinstance(actual, str):
                return any(test(actual, value) for value in values)
            if isinstance(actual, list | tuple):
                return any(isinstance(one, str) and test(one, value) for one in actual for value in values)
            return False

        return passes

    return build


def _contains(values: list[Any]) -> Predicate:
    def passes(actual: Any, now: Now) -> bool:
        if isinstance(actual, str):
            return any(isinstance(value, str) and value in actual for value in values)
        if isinstance(actual, list | tuple):
            return any(contains(actual, value) for value in values)
        return False

    return passes


def _count(accepts: Callable[[int, int], bool]) -> Callable[[list[Any]], Predicate]:
    def build(values: list[Any]) -> Predicate:
        expected = number_of(values[0])
        if expected is None or expected != int(expected):
            raise ValueError("must be an integer")
        size = int(expected)

        def passes(actual: Any, now: Now) -> bool:
            return isinstance(actual, list | tuple) and accepts(len(actual), size)

        return passes

    return build


def _days_from_today(accepts: Callable[[int, int], bool]) -> Callable[[list[Any]], Predicate]:
    def build(values: list[Any]) -> Predicate:
        expected = number_of(values[0])
        if expected is None or expected != int(expected) or abs(expected) > 10**6:
            raise ValueError("must be a number of days")
        days = int(expected)

        def passes(actual: Any, now: Now) -> bool:
            day = date_of(actual, now.zone)
            return day is not None and accepts((day - now.local.date()).days, days)

        return passes

    return build


def _timeframe(values: list[Any]) -> Predicate:
    """ "start;interval;duration": recurring windows."""
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
    """ "from;to": between two instants."""
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
    """ "18:00;20:01;2,3": hours of the clock on weekdays, 0 is Sunday."""
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


def _calendar(unit: str, offset: int) -> Callable[[list[Any]], Predicate]:
    """`$next_month`, `$this_week` and the like: a date whose day and month come round in that period (birthdays)."""

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
                hit = (day.month, day.day) == _month_day(today, offset)
            else:
                first = (
                    today
                    - timedelta(days=(today.weekday() - now.week_start) % 7)
                    + timedelta(days=7 * offset)
                )
                hit = any((day.month, day.day) == _month_day(first, step) for step in range(7))
            return hit is wanted

        return passes

    return build


def _month_day(day: Any, offset: int) -> tuple[int, int]:
    moved = day + timedelta(days=offset)
    return (moved.month, moved.day)


def _same(values: list[Any]) -> Predicate:
    """`$not_differ`: the arrays hold the same values, in any order."""
    expected = values[0] if len(values) == 1 and isinstance(values[0], list) else values

    def passes(actual: Any, now: Now) -> bool:
        mine = actual if isinstance(actual, list | tuple) else [actual]
        return all(contains(expected, one) for one in mine) and all(contains(mine, one) for one in expected)

    return passes


def _disjoint(values: list[Any]) -> Predicate:
    """`$not_intersect`: the arrays share nothing."""
    expected = values[0] if len(values) == 1 and isinstance(values[0], list) else values

    def passes(actual: Any, now: Now) -> bool:
        mine = actual if isinstance(actual, list | tuple) else [actual]
        return not any(contains(expected, one) for one in mine)

    return passes


BUILDERS: Final[dict[str, Callable[[list[Any]], Predicate]]] = {
    "$is": _is,
    "$is_not": _not(_is),
    "$in": _in,
    "$not_in": _not(_in),
    "$less_than": _compare(frozenset({-1})),
    "$less_than_or_equal": _compare(frozenset({-1, 0})),
    "$more_than": _compare(frozenset({1})),
    "$more_than_or_equal": _compare(frozenset({1, 0})),
    "$after": _compare(frozenset({1})),
    "$before": _compare(frozenset({-1})),
    "$starts_with": _text(str.startswith),
    "$ends_with": _text(str.endswith),
    "$contains": _contains,
    "$not_contain": _not(_contains),
    "$count": _count(lambda size, wanted: size == wanted),
    "$count_more": _count(lambda size, wanted: size > wanted),
    "$count_less": _count(lambda size, wanted: size < wanted),
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
    "$not_differ": _same,
    "$not_intersect": _disjoint,
    "$this_month": _calendar("month", 0),
    "$next_month": _calendar("month", 1),
    "$previous_month": _calendar("month", -1),
    "$this_week": _calendar("week", 0),
    "$next_week": _calendar("week", 1),
    "$today": _calendar("day", 0),
    "$tomorrow": _calendar("day", 1),
}


def read_operators(conditions: Any, key: str, where: str) -> list[tuple[str, list[Any]]]:
    """The (operator, values) pairs of `{"$op": [values]}`, spelling variants folded."""
    if not isinstance(conditions, Mapping) or not conditions:
        raise RuleError(key, f"Property {where}.conditions must be object with at least one operator")
    found = []
    for name, values in conditions.items():
        if not isinstance(name, str):
            raise RuleError(key, f"Property {where}.conditions must have names of operators")
        if not isinstance(values, list | tuple):
            values = [values]
        if len(values) > VALUES_MAX:
            raise RuleError(
                key, f"Property {where}.conditions.{name} must NOT have more than {VALUES_MAX} items"
            )
        found.append((ALIASES.get(name, name), list(values)))
    return found


def compile_tests(conditions: Any, key: str, where: str) -> tuple[Test, ...]:
    """Compile `{"$op": [values]}`; raises RuleError for an unknown operator or impossible values."""
    return tuple(
        compile_test(name, values, key, where) for name, values in read_operators(conditions, key, where)
    )


def compile_test(name: str, values: list[Any], key: str, where: str) -> Test:
    if name == "$has_value":
        wanted = not values or values[0] is not False
        return Test(name, values, lambda actual, now: (actual is not None) is wanted)
    if name == "$is_unknown":
        wanted = not values or values[0] is not False
        return Test(name, values, lambda actual, now: (actual is None) is wanted)
    build = BUILDERS.get(name)
    if build is None:
        raise RuleError(key, f"Property {where}.conditions has unknown operator {name[:60]}")
    if not values:
        raise RuleError(key, f"Property {where}.conditions.{name} must NOT have fewer than 1 items")
    try:
        inner = build(values)
    except ValueError as error:
        raise RuleError(key, f"Property {where}.conditions.{name} {error}") from None

    def passes(actual: Any, now: Now) -> bool:
        return actual is not None and inner(actual, now)

    return Test(name, values, passes)
