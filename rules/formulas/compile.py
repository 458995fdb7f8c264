"""Formulas of discounts, prices and limits, compiled once. A formula never raises and never loops when it is
evaluated.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from rules.cart import WorkLine
from rules.formulas.lexer import FormulaError
from rules.formulas.parser import Parser
from rules.formulas.values import Evaluate, Unknown, number
from rules.programs import RuleError

if TYPE_CHECKING:
    from rules.context import Context


PUBLICATION: Final = "PUBLICATION_METADATA"


class Formula:
    """A compiled formula."""

    __slots__ = ("inner", "reads_uses", "text")

    def __init__(self, text: str, inner: Evaluate, reads_uses: bool) -> None:
        self.text = text
        self.inner = inner
        self.reads_uses = reads_uses

    @property
    def reads_publication(self) -> bool:
        """Does it look at the metadata of the publication? Asked when something is compiled, never later."""
        return PUBLICATION in self.text.upper()

    def evaluate(self, context: "Context", line: WorkLine | None) -> Decimal | None:
        """The number, or None when something it needs is missing; then the static value stands."""
        try:
            value = self.inner(context, line)
            if isinstance(value, bool):
                return None
            return number(value)
        except (Unknown, ArithmeticError, ValueError):
            return None


def compile_formula(text: Any, key: str, where: str) -> Formula:
    """Compile a formula; raises RuleError with `key` for what is not one."""
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    if isinstance(text, Decimal | float):
        text = format(Decimal(str(text)), "f")[:200]
    if not isinstance(text, str):
        raise RuleError(key, f"Property {where} must be string")
    try:
        parser = Parser(text)
        inner = parser.whole()
    except (FormulaError, ArithmeticError) as error:
        raise RuleError(key, f"Property {where} {error}") from None
    return Formula(text, inner, parser.reads_uses)
