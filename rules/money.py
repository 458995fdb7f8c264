"""Exact arithmetic on integers of minor units: one rounding (half up) and one way to share (largest
remainder).
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from rules.programs import RuleError

AMOUNT_MAX = 10**12
"""Prices, amounts and limits in minor units (D21)."""
QUANTITY_MAX = 10**6
PERCENT_MAX = 10**4


def half_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator` to the nearest integer, halves upwards. Both are non-negative, the latter
    positive.
    """
    return (2 * numerator + denominator) // (2 * denominator)


def percent_of(base: int, numerator: int, denominator: int) -> int:
    """`numerator / denominator` per cent of `base` minor units, half up."""
    return (2 * base * numerator + 100 * denominator) // (200 * denominator)


def units_worth(amount: int, units: int, quantity: int) -> int:
    """What `units` of a line are worth; the average when the amount does not divide evenly."""
    return amount if units >= quantity else half_up(amount * units, quantity)


def share(amount: int, weights: Sequence[int]) -> list[int]:
    """Split `amount` by `weights` so that the parts sum to it exactly; spare units go to the largest
    remainders, ties to the earlier.
    """
    total = sum(weights)
    if total <= 0:
        return [0] * len(weights)
    parts = []
    remainders = []
    for index, weight in enumerate(weights):
        part, remainder = divmod(amount * weight, total)
        parts.append(part)
        remainders.append((-remainder, index))
    spare = amount - sum(parts)
    if spare:
        remainders.sort()
        for _, index in remainders[:spare]:
            parts[index] += 1
    return parts


def decimal_of(value: Any) -> Decimal | None:
    """A finite Decimal for a JSON number, else None. Booleans are not numbers."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value) if abs(value) < 10**30 else None
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, float):
        try:
            number = Decimal(repr(value))
        except InvalidOperation:
            return None
        return number if number.is_finite() else None
    return None


def read_whole(document: Any, field: str, key: str, *, most: int = AMOUNT_MAX, least: int = 0) -> int | None:
    """An optional integer of a document within [least, most]; a whole fraction (5.0) counts as an integer."""
    value = document.get(field)
    if value is None:
        return None
    if type(value) is int:
        number = value
    else:
        decimal = decimal_of(value)
        if decimal is None or abs(decimal) > 10**15 or decimal != int(decimal):
            raise RuleError(key, f"Property .{field} must be integer")
        number = int(decimal)
    if number < least:
        raise RuleError(key, f"Property .{field} must be >= {least}")
    if number > most:
        raise RuleError(key, f"Property .{field} must be <= {most}")
    return number


def read_ratio(document: Any, field: str, key: str, *, most: int = PERCENT_MAX) -> tuple[int, int] | None:
    """An optional non-negative number as an exact (numerator, denominator)."""
    value = document.get(field)
    if value is None:
        return None
    if type(value) is int:
        ratio = (value, 1)
    else:
        decimal = decimal_of(value)
        if decimal is None or (decimal and not -30 <= decimal.adjusted() <= 30):
            raise RuleError(key, f"Property .{field} must be number")
        ratio = decimal.as_integer_ratio()
    if ratio[0] < 0:
        raise RuleError(key, f"Property .{field} must be >= 0")
    if ratio[0] > most * ratio[1]:
        raise RuleError(key, f"Property .{field} must be <= {most}")
    return ratio
