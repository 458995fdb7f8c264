"""The operators of conditions (`behaviour` 5.2), compiled into tests of one value.

A value that is absent or null matches nothing, except `$is_unknown`. Several operators in one condition must
all hold.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from rules.dates import moment_of
from rules.moment import Now
from rules.operators_of_time import TIME_OPERATORS, Build, Predicate
from rules.programs import RuleError
from rules.values import contains, equal, number_of, order_of

ARRAYS: Final = (list, tuple)
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


def _compare(accepts: frozenset[int]) -> Build:
    def build(values: list[Any]) -> Predicate:
        expected = values[0]
        number = number_of(expected)
        if number is None and moment_of(expected) is None:
            raise ValueError("must be a number or a date")
        wants = tuple(accepts)

        def passes(actual: Any, now: Now) -> bool:
            if type(actual) is int and number is not None:
                return ((actual > number) - (actual < number)) in wants
            return order_of(actual, expected, now) in wants

        return passes

    return build


def _is(values: list[Any]) -> Predicate:
    expected = values[0] if len(values) == 1 else values
    word = expected if type(expected) is str else None

    def passes(actual: Any, now: Now) -> bool:
        if word is not None and type(actual) is str:
            return actual == word
        if isinstance(actual, ARRAYS):
            if isinstance(expected, list):
                return len(actual) == len(expected) and all(contains(actual, one) for one in expected)
            return contains(actual, expected)
        if isinstance(expected, list):
            return any(equal(actual, one) for one in expected)
        return equal(actual, expected)

    return passes


def _in(values: list[Any]) -> Predicate:
    plain = frozenset(value for value in values if isinstance(value, str))

    def passes(actual: Any, now: Now) -> bool:
        if isinstance(actual, str) and actual in plain:
            return True
        if isinstance(actual, ARRAYS):
            return any(contains(actual, one) for one in values)
        return any(equal(actual, one) for one in values)

    return passes


def _not(build: Build) -> Build:
    def negated(values: list[Any]) -> Predicate:
        inner = build(values)

        def passes(actual: Any, now: Now) -> bool:
            return not inner(actual, now)

        return passes

    return negated


def _text(test: Callable[[str, str], bool]) -> Build:
    def build(values: list[Any]) -> Predicate:
        if not all(isinstance(value, str) for value in values):
            raise ValueError("must be strings")

        def passes(actual: Any, now: Now) -> bool:
            if isinstance(actual, str):
                return any(test(actual, value) for value in values)
            if isinstance(actual, ARRAYS):
                return any(isinstance(one, str) and test(one, value) for one in actual for value in values)
            return False

        return passes

    return build


def _contains(values: list[Any]) -> Predicate:
    def passes(actual: Any, now: Now) -> bool:
        if isinstance(actual, str):
            return any(isinstance(value, str) and value in actual for value in values)
        if isinstance(actual, ARRAYS):
            return any(contains(actual, value) for value in values)
        return False

    return passes


def _count(accepts: Callable[[int, int], bool]) -> Build:
    def build(values: list[Any]) -> Predicate:
        expected = number_of(values[0])
        if expected is None or expected != int(expected):
            raise ValueError("must be an integer")
        size = int(expected)

        def passes(actual: Any, now: Now) -> bool:
            return isinstance(actual, ARRAYS) and accepts(len(actual), size)

        return passes

    return build


def _same(values: list[Any]) -> Predicate:
    """`$not_differ`: the arrays hold the same values, in any order."""
    expected = values[0] if len(values) == 1 and isinstance(values[0], list) else values

    def passes(actual: Any, now: Now) -> bool:
        mine = actual if isinstance(actual, ARRAYS) else [actual]
        return all(contains(expected, one) for one in mine) and all(contains(mine, one) for one in expected)

    return passes


def _disjoint(values: list[Any]) -> Predicate:
    """`$not_intersect`: the arrays share nothing."""
    expected = values[0] if len(values) == 1 and isinstance(values[0], list) else values

    def passes(actual: Any, now: Now) -> bool:
        mine = actual if isinstance(actual, ARRAYS) else [actual]
        return not any(contains(expected, one) for one in mine)

    return passes


COMPARISONS: Final = frozenset(
    {"$less_than", "$less_than_or_equal", "$more_than", "$more_than_or_equal", "$after", "$before"}
)
"""What is absent compares with nothing: these need no check of their own for it."""
BUILDERS: Final[dict[str, Build]] = {
    **TIME_OPERATORS,
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
    "$not_differ": _same,
    "$not_intersect": _disjoint,
}


def read_operators(conditions: Any, key: str, where: str) -> list[tuple[str, list[Any]]]:
    """The (operator, values) pairs of `{"$op": [values]}`, spelling variants folded."""
    if not isinstance(conditions, Mapping) or not conditions:
        raise RuleError(key, f"Property {where}.conditions must be object with at least one operator")
    found = []
    for name, values in conditions.items():
        if not isinstance(name, str):
            raise RuleError(key, f"Property {where}.conditions must have names of operators")
        listed = list(values) if isinstance(values, list | tuple) else [values]
        if len(listed) > VALUES_MAX:
            raise RuleError(
                key, f"Property {where}.conditions.{name} must NOT have more than {VALUES_MAX} items"
            )
        found.append((ALIASES.get(name, name), listed))
    return found


def compile_tests(conditions: Any, key: str, where: str) -> tuple[Test, ...]:
    """Compile `{"$op": [values]}`; raises RuleError for an unknown operator or impossible values."""
    return tuple(
        compile_test(name, values, key, where) for name, values in read_operators(conditions, key, where)
    )


def _presence(wanted: bool) -> Predicate:
    def passes(actual: Any, now: Now) -> bool:
        return (actual is not None) is wanted

    return passes


def compile_test(name: str, values: list[Any], key: str, where: str) -> Test:
    name = ALIASES.get(name, name)
    if name == "$has_value":
        wanted = not values or values[0] is not False
        return Test(name, values, _presence(wanted))
    if name == "$is_unknown":
        wanted = not values or values[0] is not False
        return Test(name, values, _presence(not wanted))
    build = BUILDERS.get(name)
    if build is None:
        raise RuleError(key, f"Property {where}.conditions has unknown operator {name[:60]}")
    if not values:
        raise RuleError(key, f"Property {where}.conditions.{name} must NOT have fewer than 1 items")
    try:
        inner = build(values)
    except ValueError as error:
        raise RuleError(key, f"Property {where}.conditions.{name} {error}") from None
    if name in COMPARISONS:
        return Test(name, values, inner)

    def passes(actual: Any, now: Now) -> bool:
        return actual is not None and inner(actual, now)

    return Test(name, values, passes)
