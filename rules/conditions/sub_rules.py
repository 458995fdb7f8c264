"""Sub-rules of rules on lines: about one matching line, or about the sum over all matching lines."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from rules.cart import WorkLine
from rules.conditions.amounts import read_property
from rules.conditions.numbering import numbered, read_tree
from rules.filters import walk
from rules.logic import Tree
from rules.operators import Test, compile_tests
from rules.programs import RuleError

if TYPE_CHECKING:
    from rules.context import Context

KEY: Final = "invalid_validation_rules"
SUB_RULES_MAX: Final = 30

LineValue = Callable[[WorkLine], Any]


def item_metadata(path: list[str]) -> LineValue:
    """The line's own metadata, else its SKU's, else its product's."""

    def read(line: WorkLine) -> Any:
        source = line.source
        found = walk(source.metadata, path)
        if found is None and source.sku is not None:
            found = walk(source.sku.metadata, path)
        if found is None and source.product is not None:
            found = walk(source.product.metadata, path)
        return found

    return read


def product_metadata(path: list[str]) -> LineValue:
    """The product's metadata, else the line's own."""

    def read(line: WorkLine) -> Any:
        source = line.source
        for item in (source.sku, source.product):
            found = None if item is None else walk(item.metadata, path)
            if found is not None:
                return found
        return walk(source.metadata, path)

    return read


def quantity_of(line: WorkLine) -> int:
    return line.quantity


def price_of(line: WorkLine) -> int | None:
    """The unit price; None when nothing is known."""
    return None if line.price is None and line.amount is None else line.unit_price


def subtotal_of(line: WorkLine) -> int:
    return line.remaining


LINE_RULES: Final[dict[str, LineValue]] = {
    "order.items.quantity": quantity_of,
    "order.items.price": price_of,
    "product.quantity": quantity_of,
    "product.price": price_of,
    "sku.quantity": quantity_of,
    "sku.price": price_of,
}
SUM_RULES: Final[dict[str, Callable[[WorkLine], int]]] = {
    "order.items.aggregated_quantity": quantity_of,
    "order.items.aggregated_amount": subtotal_of,
    "product.metadata.aggregated_quantity": quantity_of,
    "product.metadata.aggregated_amount": subtotal_of,
}
METADATA_RULES: Final = {"order.items.metadata": item_metadata, "product.metadata": product_metadata}
MARKS: Final = frozenset(
    {"product.discount_applicable", "sku.discount_applicable", "product.metadata.discount_applicable"}
)
"""Superseded by `applicable_to`: they say nothing about the cart and always hold."""
MATCH_ALL: Final = "product.metadata.match_all"


class SubRule:
    """A condition on one matching line (`read`) or on the sum over all of them (`sums`)."""

    __slots__ = ("name", "number", "read", "sums", "tests")

    def __init__(
        self, name: str, number: int, read: LineValue | None, sums: Any, tests: tuple[Test, ...]
    ) -> None:
        self.name = name
        self.number = number
        self.read = read
        self.sums = sums
        self.tests = tests

    def holds(self, value: Any, context: "Context") -> bool:
        return all(test.passes(value, context.now) for test in self.tests)


class SubRules:
    """The sub-rules of an item rule with their logic; all must hold when there is none."""

    __slots__ = ("rules", "tree")

    def __init__(self, rules: dict[int, SubRule], tree: Tree | None) -> None:
        self.rules = rules
        self.tree: Tree = tree if tree is not None else ("and", tuple(rules))

    def narrowed(self, lines: list[WorkLine], context: "Context") -> list[WorkLine]:
        """The lines that meet the sub-rules, sums taken over those that meet the rules on single lines."""
        rules = self.rules
        if not rules or not lines:
            return lines
        plain = isinstance(self.tree, int) or self.tree[0] == "and"
        summed = lines
        if plain:
            single = [rule for rule in rules.values() if rule.read is not None]
            summed = [
                line
                for line in lines
                if all(rule.holds(rule.read(line), context) for rule in single if rule.read)
            ]
        sums = {
            rule.number: rule.holds(sum(rule.sums(line) for line in summed), context)
            for rule in rules.values()
            if rule.sums is not None
        }
        return [line for line in lines if self._meets(self.tree, line, sums, context)]

    def _meets(self, tree: Tree, line: WorkLine, sums: dict[int, bool], context: "Context") -> bool:
        if isinstance(tree, int):
            rule = self.rules[tree]
            return sums[tree] if rule.read is None else rule.holds(rule.read(line), context)
        found = (self._meets(branch, line, sums, context) for branch in tree[1])
        return any(found) if tree[0] == "or" else all(found)


def read_sub_rules(body: Mapping[str, Any], where: str) -> tuple[SubRules, bool]:
    """The sub-rules, and whether one of them asks for all lines to match."""
    inner = body.get("rules")
    if inner is None:
        return SubRules({}, None), False
    if not isinstance(inner, Mapping):
        raise RuleError(KEY, f"Property {where}.rules must be object")
    found: dict[int, SubRule] = {}
    every = False
    bodies = numbered(inner, f"{where}.rules")
    if len(bodies) > SUB_RULES_MAX:
        raise RuleError(KEY, f"Property {where}.rules must NOT have more than {SUB_RULES_MAX} rules")
    for number, sub in bodies.items():
        place = f"{where}.rules.{number}"
        if not isinstance(sub, Mapping) or not isinstance(sub.get("name"), str):
            raise RuleError(KEY, f"Property {place} should have required property 'name'")
        name = sub["name"]
        if name == MATCH_ALL:
            every = True
        if name in MARKS or name == MATCH_ALL:
            found[number] = SubRule(name, number, quantity_of, None, ())
            continue
        read: LineValue | None = LINE_RULES.get(name)
        sums = SUM_RULES.get(name)
        if name in METADATA_RULES:
            read = METADATA_RULES[name](read_property(sub, place).split("."))
        if read is None and sums is None:
            raise RuleError(KEY, f"Property {place}.name is not a known sub-rule: {name[:80]}")
        found[number] = SubRule(name, number, read, sums, compile_tests(sub.get("conditions"), KEY, place))
    return SubRules(found, read_tree(inner, found, f"{where}.rules")), every


def described(sub_rules: SubRules) -> tuple[Mapping[str, Any], ...]:
    """Sub-rules as they are shown when a decision is explained."""
    return tuple(
        {
            "node": str(rule.number),
            "name": rule.name,
            "conditions": [{"operator": test.operator, "expected": test.expected} for test in rule.tests],
        }
        for rule in sub_rules.rules.values()
    )
