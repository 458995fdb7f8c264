"""Functions and tests of the formula language. Every function takes evaluated-on-demand arguments."""

# ruff: noqa: ARG005 - every closure takes the context and the line, whether it looks at them or not.

from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Final

from rules.dates import date_of, instant_of
from rules.formulas.values import MATHS, Evaluate, Unknown, Value, known, moment, number, text, texts, truth
from rules.values import contains, equal

if TYPE_CHECKING:
    from rules.cart import WorkLine
    from rules.context import Context as Deciding

POWER_MAX: Final = 100
DIGITS_MAX: Final = 30
Build = Callable[[list[Evaluate]], Evaluate]


def _if(arguments: list[Evaluate]) -> Evaluate:
    condition, then, otherwise = arguments

    def evaluate(context: "Deciding", line: "WorkLine | None") -> Value:
        return (then if truth(condition(context, line)) else otherwise)(context, line)

    return evaluate


def _default_to(arguments: list[Evaluate]) -> Evaluate:
    def evaluate(context: "Deciding", line: "WorkLine | None") -> Value:
        for argument in arguments:
            try:
                value = argument(context, line)
            except Unknown:
                continue
            if value is not None:
                return value
        raise Unknown

    return evaluate


def _extreme(pick: Callable[[list[Decimal]], Decimal]) -> Build:
    def build(arguments: list[Evaluate]) -> Evaluate:
        def evaluate(context: "Deciding", line: "WorkLine | None") -> Value:
            return pick([number(argument(context, line)) for argument in arguments])

        return evaluate

    return build


def _power(arguments: list[Evaluate]) -> Evaluate:
    base, exponent = arguments

    def evaluate(context: "Deciding", line: "WorkLine | None") -> Value:
        power = number(exponent(context, line))
        if abs(power) > POWER_MAX:
            raise Unknown
        return MATHS.power(number(base(context, line)), power)

    return evaluate


def _rounded(rounding: str) -> Build:
    def build(arguments: list[Evaluate]) -> Evaluate:
        digits = arguments[1] if len(arguments) > 1 else None

        def evaluate(context: "Deciding", line: "WorkLine | None") -> Value:
            places = 0 if digits is None else int(number(digits(context, line)))
            if abs(places) > DIGITS_MAX:
                raise Unknown
            value = number(arguments[0](context, line))
            scaled = MATHS.scaleb(value, places).to_integral_value(rounding=rounding)
            return MATHS.scaleb(scaled, -places)

        return evaluate

    return build


def _absolute(arguments: list[Evaluate]) -> Evaluate:
    return lambda context, line: abs(number(arguments[0](context, line)))


def _not(arguments: list[Evaluate]) -> Evaluate:
    return lambda context, line: not truth(arguments[0](context, line))


def _moment(arguments: list[Evaluate]) -> Evaluate:
    return lambda context, line: moment(arguments[0](context, line))


def _day(value: Value, context: "Deciding") -> date:
    found = date_of(value, context.now.zone)
    if found is None:
        raise Unknown
    return found


def _months_between(earlier: date, later: date) -> int:
    """Whole months from one day to another, negative when it lies behind."""
    if later < earlier:
        return -_months_between(later, earlier)
    months = (later.year - earlier.year) * 12 + later.month - earlier.month
    return months - (later.day < earlier.day and (later.month == (later.replace(day=28)).month))


def _distance(unit: str, sign: int) -> Build:
    """Whole days, months or years since (1) or until (-1) a date, as seen from today in the project's
    zone.
    """

    def build(arguments: list[Evaluate]) -> Evaluate:
        def evaluate(context: "Deciding", line: "WorkLine | None") -> Value:
            day = _day(arguments[0](context, line), context)
            today = context.now.local.date()
            if unit == "days":
                return Decimal((today - day).days * sign)
            months = _months_between(day, today) * sign
            return Decimal(months if unit == "months" else int(months / 12))

        return evaluate

    return build


def _part(name: str) -> Build:
    def build(arguments: list[Evaluate]) -> Evaluate:
        return lambda context, line: Decimal(getattr(_day(arguments[0](context, line), context), name))

    return build


FUNCTIONS: Final[dict[str, tuple[Build, int, int]]] = {
    # name: (build, least and most arguments)
    "IF": (_if, 3, 3),
    "DEFAULT_TO": (_default_to, 2, 20),
    "MIN": (_extreme(min), 1, 50),
    "MAX": (_extreme(max), 1, 50),
    "POW": (_power, 2, 2),
    "ROUND": (_rounded(ROUND_HALF_UP), 1, 2),
    "FLOOR": (_rounded(ROUND_FLOOR), 1, 2),
    "CEIL": (_rounded(ROUND_CEILING), 1, 2),
    "ABS": (_absolute, 1, 1),
    "NOT": (_not, 1, 1),
    "DATE": (_moment, 1, 1),
    "DATE_TIME": (_moment, 1, 1),
    "DAYS_SINCE": (_distance("days", 1), 1, 1),
    "MONTHS_SINCE": (_distance("months", 1), 1, 1),
    "YEARS_SINCE": (_distance("years", 1), 1, 1),
    "DAYS_UNTIL": (_distance("days", -1), 1, 1),
    "MONTHS_UNTIL": (_distance("months", -1), 1, 1),
    "YEARS_UNTIL": (_distance("years", -1), 1, 1),
    "DAY_OF_MONTH": (_part("day"), 1, 1),
    "MONTH": (_part("month"), 1, 1),
    "YEAR": (_part("year"), 1, 1),
}


def _same(left: Value, right: Value, context: "Deciding") -> bool:
    left, right = known(left), known(right)
    if isinstance(left, date) or isinstance(right, date):
        return _instant(left, context) == _instant(right, context)
    if isinstance(left, list | tuple):
        return contains(left, right)
    return equal(left, right)


def _instant(value: Value, context: "Deciding") -> datetime:
    found = instant_of(value, context.now.zone)
    if found is None:
        raise Unknown
    return found


def _compare(left: Value, right: Value, context: "Deciding") -> int:
    if isinstance(left, date) or isinstance(right, date):
        first, second = _instant(left, context), _instant(right, context)
        return (first > second) - (first < second)
    one, other = number(left), number(right)
    return (one > other) - (one < other)


def _within(left: Value, right: Value, context: "Deciding") -> bool:
    wanted = texts(right)
    if isinstance(left, list | tuple):
        return any(text(one) in wanted for one in left)
    return text(left) in wanted


def _holds(left: Value, right: Value, context: "Deciding") -> bool:
    if isinstance(left, list | tuple):
        return contains(left, right)
    return text(right) in text(left)


Relation = Callable[[Value, Value, "Deciding"], bool]
RELATIONS: Final[dict[str, Relation]] = {
    ">": lambda left, right, context: _compare(left, right, context) > 0,
    "<": lambda left, right, context: _compare(left, right, context) < 0,
    ">=": lambda left, right, context: _compare(left, right, context) >= 0,
    "<=": lambda left, right, context: _compare(left, right, context) <= 0,
    "=": _same,
    "!=": lambda left, right, context: not _same(left, right, context),
    "is": _same,
    "isnot": lambda left, right, context: not _same(left, right, context),
    "contains": _holds,
    "startswith": lambda left, right, context: text(left).startswith(text(right)),
    "endswith": lambda left, right, context: text(left).endswith(text(right)),
    "in_array": _within,
    "not_in_array": lambda left, right, context: not _within(left, right, context),
    "date_is": lambda left, right, context: _day(left, context) == _day(right, context),
    "date_is_not": lambda left, right, context: _day(left, context) != _day(right, context),
    "is_after": lambda left, right, context: _instant(left, context) > _instant(right, context),
    "is_before": lambda left, right, context: _instant(left, context) < _instant(right, context),
}
"""Infix tests by their lower-cased name. A missing value is no false but unknown."""
