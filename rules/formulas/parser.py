"""A Pratt parser that builds closures. Nesting is bounded, so neither parsing nor evaluating can overflow
the stack.
"""

# ruff: noqa: ARG005 - every closure takes the context and the line, whether it looks at them or not.

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from rules.formulas.functions import FUNCTIONS, RELATIONS, Relation
from rules.formulas.lexer import END, FormulaError, Token, tokens_of
from rules.formulas.operands import METADATA, OPERANDS, READS_USES, metadata_operand
from rules.formulas.values import MATHS, Evaluate, Unknown, Value, number, truth
from rules.values import equal

if TYPE_CHECKING:
    from rules.cart import WorkLine
    from rules.context import Context as Deciding

DEPTH_MAX: Final = 50
"""How deep parentheses and arguments nest."""
HEIGHT_MAX: Final = 150
"""How many steps may hang on each other, chains of operators included."""
CASES_MAX: Final = 100
OR_POWER, AND_POWER, TEST_POWER, SUM_POWER, PRODUCT_POWER, UNARY_POWER = 1, 2, 3, 4, 5, 6

MATHEMATICS: Final[dict[str, tuple[int, Callable[[Decimal, Decimal], Decimal]]]] = {
    "+": (SUM_POWER, MATHS.add),
    "-": (SUM_POWER, MATHS.subtract),
    "*": (PRODUCT_POWER, MATHS.multiply),
    "/": (PRODUCT_POWER, MATHS.divide),
    "%": (PRODUCT_POWER, MATHS.remainder),
}


class Parser:
    """One formula. `uses` collects the operands that were named."""

    def __init__(self, text: str) -> None:
        self.tokens = tokens_of(text)
        self.position = 0
        self.depth = 0
        self.height = 0
        self.reads_uses = False

    @property
    def token(self) -> Token:
        return self.tokens[self.position] if self.position < len(self.tokens) else END

    def take(self) -> Token:
        token = self.token
        self.position += 1
        return token

    def expect(self, sign: str) -> None:
        token = self.take()
        if token.kind != "sign" or token.value != sign:
            raise FormulaError(f"should have '{sign}' before '{token.value[:20]}'")

    def at(self, sign: str) -> bool:
        return self.token.kind == "sign" and self.token.value == sign

    def whole(self) -> Evaluate:
        """The whole text as one expression."""
        evaluate = self.expression(0)
        if self.token is not END:
            raise FormulaError(f"has something after its end: '{self.token.value[:20]}'")
        return evaluate

    def expression(self, power: int) -> Evaluate:
        """An expression whose operators bind tighter than `power`."""
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise FormulaError("is nested too deeply")
        self.height = 0
        left = self.prefix()
        height = self.height
        while True:
            self.height = 0
            found = self.infix(left, power)
            if found is None:
                break
            left = found
            height = max(height, self.height) + 1
        self.depth -= 1
        self.height = height + 1
        if self.height > HEIGHT_MAX:
            raise FormulaError("has too many operators in a row")
        return left

    def prefix(self) -> Evaluate:
        token = self.take()
        if token.kind == "number":
            value = MATHS.plus(Decimal(token.value))
            return lambda context, line: value
        if token.kind == "text":
            text = token.value
            return lambda context, line: text
        if token.kind == "name":
            return self.named(token.value)
        if token.value == "(":
            inner = self.expression(0)
            self.expect(")")
            return inner
        if token.value == "-":
            operand = self.expression(UNARY_POWER)
            return lambda context, line: MATHS.minus(number(operand(context, line)))
        if token.value == "+":
            return self.expression(UNARY_POWER)
        raise FormulaError(f"is not a formula at '{token.value[:20]}'")

    def infix(self, left: Evaluate, power: int) -> Evaluate | None:
        token = self.token
        word = token.value.lower()
        if token.kind == "sign" and word in MATHEMATICS:
            own, operation = MATHEMATICS[word]
            if own <= power:
                return None
            self.take()
            return _calculated(operation, left, self.expression(own))
        if word in ("and", "or") and token.kind == "name":
            own = AND_POWER if word == "and" else OR_POWER
            if own <= power:
                return None
            self.take()
            return _joined(word == "or", left, self.expression(own))
        relation = RELATIONS.get(word) if token.kind in ("name", "sign") else None
        if relation is None or power >= TEST_POWER:
            return None
        self.take()
        return _related(relation, left, self.expression(TEST_POWER))

    def named(self, name: str) -> Evaluate:
        upper = name.upper()
        if upper == "SWITCH":
            return self.switch()
        if upper in METADATA:
            self.expect("(")
            key = self.take()
            if key.kind != "text" or not key.value:
                raise FormulaError(f'should have a name in double quotes after {upper}("')
            self.expect(")")
            return metadata_operand(upper, key.value)
        if upper in FUNCTIONS:
            return self.called(upper)
        relation = RELATIONS.get(name.lower())
        if relation is not None and self.at("("):
            left, right = self.arguments(2, 2, upper)
            return _related(relation, left, right)
        operand = OPERANDS.get(upper)
        if operand is None:
            raise FormulaError(f"has an unknown name: {name[:60]}")
        if upper == READS_USES:
            self.reads_uses = True
        if self.at("("):
            self.take()
            self.expect(")")
        return operand

    def called(self, name: str) -> Evaluate:
        build, least, most = FUNCTIONS[name]
        return build(self.arguments(least, most, name))

    def arguments(self, least: int, most: int, name: str) -> list[Evaluate]:
        self.expect("(")
        found = [self.expression(0)]
        height = self.height
        while self.at(";"):
            self.take()
            found.append(self.expression(0))
            height = max(height, self.height)
        self.expect(")")
        self.height = height
        if not least <= len(found) <= most:
            raise FormulaError(f"has {len(found)} arguments for {name}")
        return found

    def switch(self) -> Evaluate:
        """`SWITCH(x;SWITCH_CASE(v;r) SWITCH_CASE(v;r);default)`."""
        self.expect("(")
        subject = self.expression(0)
        height = self.height
        cases: list[tuple[Evaluate, Evaluate]] = []
        default: Evaluate | None = None
        while not self.at(")"):
            if self.at(";"):
                self.take()
            if self.token.kind == "name" and self.token.value.upper() == "SWITCH_CASE":
                self.take()
                value, result = self.arguments(2, 2, "SWITCH_CASE")
                cases.append((value, result))
            elif default is None and cases:
                default = self.expression(0)
                height = max(height, self.height)
                break
            else:
                raise FormulaError("should have SWITCH_CASE inside SWITCH")
            height = max(height, self.height)
            if len(cases) > CASES_MAX:
                raise FormulaError("has too many cases")
        self.expect(")")
        self.height = height
        return _switched(subject, cases, default)


def _calculated(
    operation: Callable[[Decimal, Decimal], Decimal], left: Evaluate, right: Evaluate
) -> Evaluate:
    return lambda context, line: operation(number(left(context, line)), number(right(context, line)))


def _joined(either: bool, left: Evaluate, right: Evaluate) -> Evaluate:
    def evaluate(context: "Deciding", line: "WorkLine | None") -> Value:
        first = truth(left(context, line))
        return first if first is either else truth(right(context, line))

    return evaluate


def _related(relation: Relation, left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda context, line: relation(left(context, line), right(context, line), context)


def _switched(
    subject: Evaluate, cases: list[tuple[Evaluate, Evaluate]], default: Evaluate | None
) -> Evaluate:
    def evaluate(context: "Deciding", line: "WorkLine | None") -> Value:
        value = subject(context, line)
        for wanted, result in cases:
            if value is not None and equal(value, wanted(context, line)):
                return result(context, line)
        if default is None:
            raise Unknown
        return default(context, line)

    return evaluate
