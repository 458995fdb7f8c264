"""Values inside formulas: exact decimals, strings, booleans, arrays, dates; and what is missing.

Precision 34 and exponents up to 100: no formula can make a number that is slow to handle.
"""

from collections.abc import Callable
from datetime import date, datetime
from decimal import (
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from typing import TYPE_CHECKING, Any, Final

from rules.dates import moment_of
from rules.values import number_of

if TYPE_CHECKING:
    from rules.cart import WorkLine
    from rules.context import Context as Deciding

Value = Any
Evaluate = Callable[["Deciding", "WorkLine | None"], Value]

MATHS: Final = Context(
    prec=34,
    rounding=ROUND_HALF_UP,
    Emin=-100,
    Emax=100,
    traps=[DivisionByZero, InvalidOperation, Overflow],
)


class Unknown(Exception):
    """Something that the formula needs is missing or makes no sense; the static value stands."""


def number(value: Value) -> Decimal:
    """A Decimal of a number or a numeric string; raises Unknown."""
    if type(value) is Decimal:
        return value
    found = number_of(value)
    if found is None:
        raise Unknown
    return MATHS.plus(Decimal(found))


def truth(value: Value) -> bool:
    """A condition; raises Unknown for what is neither true nor false."""
    if isinstance(value, bool):
        return value
    if value is None:
        raise Unknown
    if isinstance(value, str):
        return value.lower() not in ("", "false", "0")
    return bool(value)


def known(value: Value) -> Value:
    """The value, unless it is missing."""
    if value is None:
        raise Unknown
    return value


def moment(value: Value) -> datetime | date:
    """A date or an instant; raises Unknown."""
    found = moment_of(value)
    if found is None:
        raise Unknown
    return found


def texts(value: Value) -> list[str]:
    """The comma-separated parts of a string, or the strings of an array."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    if isinstance(value, list | tuple):
        return [str(part) for part in value]
    raise Unknown


def text(value: Value) -> str:
    """A string to compare with; numbers as they are written."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal | int):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    raise Unknown
