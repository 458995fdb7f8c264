"""The shape of every rule node."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rules.operators import Test
from rules.reasons import Reason

if TYPE_CHECKING:
    from rules.conditions.counted import Counted
    from rules.context import Context

Check = Callable[["Context"], Reason | None]
Actual = Callable[["Context"], Any]


class Node:
    """One numbered rule. `check` answers None when it holds, else why not.

    `late` nodes look at the result of the discount and hold until there is one. `actual` is for explaining
    only.
    """

    __slots__ = (
        "actual",
        "check",
        "counted",
        "facets",
        "late",
        "message",
        "name",
        "needs",
        "number",
        "sub_rules",
        "tests",
    )

    def __init__(
        self,
        name: str,
        check: Check,
        actual: Actual,
        tests: tuple[Test, ...] = (),
        *,
        late: bool = False,
        counted: "Counted | None" = None,
        needs: frozenset[str] = frozenset(),
        sub_rules: tuple[Mapping[str, Any], ...] = (),
    ) -> None:
        self.name = name
        self.check = check
        self.actual = actual
        self.tests = tests
        self.late = late
        self.counted = counted
        self.needs = needs
        self.sub_rules = sub_rules
        """Name and conditions of sub-rules, for explaining only."""
        self.facets: dict[str, Any] = {}
        """What an index may post the rule under: "entities", "segments" or "property"."""
        self.number = ""
        self.message: str | None = None


class Surroundings:
    """What a rule may refer to while it is compiled."""

    __slots__ = ("collections", "segments")

    def __init__(self, collections: Mapping[str, Any], segments: Mapping[str, Any]) -> None:
        self.collections = collections
        self.segments = segments
