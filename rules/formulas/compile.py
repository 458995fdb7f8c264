"""Compile a formula. The language arrives in its own modules; this is the door."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from rules.cart import WorkLine
from rules.programs import RuleError

if TYPE_CHECKING:
    from rules.context import Context

LENGTH_MAX: Final = 5000
Evaluate = Callable[["Context", WorkLine | None], Decimal | None]


class Formula:
    """A compiled formula; None when it cannot be evaluated (missing data), and then the static value
    stands.
    """

    __slots__ = ("evaluate", "reads_uses", "text")

    def __init__(self, text: str, evaluate: Evaluate) -> None:
        self.text = text
        self.evaluate = evaluate
        self.reads_uses = False


def compile_formula(text: Any, key: str, where: str) -> Formula:
    if not isinstance(text, str) or len(text) > LENGTH_MAX:
        raise RuleError(key, f"Property {where} must be string")
    try:
        number = Decimal(text.strip())
    except ArithmeticError:
        raise RuleError(key, f"Property {where} is not a formula") from None
    return Formula(text, lambda context, line: number)
