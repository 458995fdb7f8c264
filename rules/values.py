"""JSON values of payloads and conditions: as numbers, compared, and looked up in arrays."""

from decimal import Decimal, InvalidOperation
from typing import Any

from rules.dates import instant_of, moment_of
from rules.moment import Now
from rules.money import decimal_of


def number_of(value: Any) -> int | Decimal | None:
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
    """Equality of JSON values: true is not 1, "5" is not 5 unless one side of the rule says a number, dates
    by instant.
    """
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


def order_of(actual: Any, expected: Any, now: Now) -> int | None:
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


def contains(actual: Any, expected: Any) -> bool:
    """Does the array hold the value?"""
    return any(equal(one, expected) for one in actual)
