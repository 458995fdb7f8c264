"""Rules on order lines: which products are in the cart, how many, at which price, with which metadata.

A rule like `order.items.any` names products (`$is`) and perhaps a collection to look in (`$from`); its
sub-rules ask about a matching line (quantity, price, metadata) or about all matching lines together
(aggregated quantity and amount).
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from rules.cart import WorkLine
from rules.conditions.amounts import read_property
from rules.conditions.node import Node, Surroundings
from rules.conditions.numbering import numbered, read_tree
from rules.entities import Entity
from rules.filters import walk
from rules.logic import Tree
from rules.operators import Test, compile_tests, read_operators
from rules.programs import RuleError
from rules.reasons import Reason

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


class Wanted:
    """The products that a condition names, and the collections in which it looks."""

    __slots__ = ("excluded", "included", "sources", "tests")

    def __init__(self, body: Mapping[str, Any], where: str, surroundings: Surroundings) -> None:
        self.included: list[Entity] = []
        self.excluded: list[Entity] = []
        self.sources: list[Entity] = []
        tests = []
        for operator, values in read_operators(body.get("conditions"), KEY, where):
            entities = [
                Entity(value, surroundings.collections, KEY, f"{where}.conditions.{operator}[{index}]")
                for index, value in enumerate(values)
            ]
            if operator in ("$is", "$in", "$not_differ"):
                self.included.extend(entities)
            elif operator in ("$is_not", "$not_in", "$not_intersect"):
                self.excluded.extend(entities)
            elif operator == "$from":
                self.sources.extend(entities)
            else:
                raise RuleError(KEY, f"Property {where}.conditions must use $is, $is_not or $from")
            tests.append(Test(operator, [entity.id for entity in entities], lambda actual, now: False))  # noqa: ARG005
        self.tests = tuple(tests)

    def domain(self, context: "Context") -> list[WorkLine]:
        lines = context.cart.lines
        if not self.sources:
            return lines
        return [line for line in lines if any(source.matches(line, context.now) for source in self.sources)]

    def matching(self, lines: list[WorkLine], context: "Context") -> list[WorkLine]:
        now = context.now
        if self.included:
            lines = [line for line in lines if any(entity.matches(line, now) for entity in self.included)]
        if self.excluded:
            lines = [line for line in lines if not any(entity.matches(line, now) for entity in self.excluded)]
        return lines


def item_rule(name: str) -> Callable[[Mapping[str, Any], str, Surroundings], Node]:
    """`order.items.any`, `every`, `none`, `cheapest`, `most_expensive`, and the older `product.id` and
    `sku.id`.
    """
    kind = "any" if name in ("product.id", "sku.id") else name.rpartition(".")[2]

    def build(body: Mapping[str, Any], where: str, surroundings: Surroundings) -> Node:
        wanted = Wanted(body, where, surroundings)
        sub_rules, every = read_sub_rules(body, where)
        quantifier = "every" if every and kind == "any" else kind

        def check(context: "Context") -> Reason | None:
            if not context.has_order:
                return Reason.MISSING_ORDER
            if not context.cart.lines:
                return None if quantifier == "none" else Reason.MISSING_ORDER_ITEMS
            domain = wanted.domain(context)
            if quantifier in ("cheapest", "most_expensive"):
                domain = extreme(domain, dearest=quantifier == "most_expensive")
            found = sub_rules.narrowed(wanted.matching(domain, context), context)
            if quantifier == "every":
                holds = bool(domain) and len(found) == len(domain)
            else:
                holds = bool(found) is not (quantifier == "none")
            return None if holds else Reason.ORDER_RULES_VIOLATED

        def actual(context: "Context") -> Any:
            lines = wanted.matching(wanted.domain(context), context)
            return [
                {
                    "index": line.index,
                    "id": line.source.sku_id or line.source.product_id or line.source.source_id,
                    "quantity": line.quantity,
                    "price": price_of(line),
                }
                for line in lines[:50]
            ]

        node = Node(
            name,
            check,
            actual,
            wanted.tests,
            needs=frozenset({"order", "catalogue"}),
            sub_rules=described(sub_rules),
        )
        if quantifier != "none" and wanted.included:
            node.facets["entities"] = tuple(wanted.included)
        return node

    return build


def extreme(lines: list[WorkLine], *, dearest: bool) -> list[WorkLine]:
    """The cheapest or dearest lines by unit price; tied ones all."""
    priced = [line for line in lines if price_of(line) is not None]
    if not priced:
        return []
    prices = [line.unit_price for line in priced]
    limit = max(prices) if dearest else min(prices)
    return [line for line in priced if line.unit_price == limit]


def line_rule(name: str, read: LineValue | None, *, each: bool) -> Callable[[Mapping[str, Any], str], Node]:
    """A rule that some line (or each line) must meet by itself; `read` None takes the rule's metadata
    `property`.
    """

    def build(body: Mapping[str, Any], where: str) -> Node:
        tests = compile_tests(body.get("conditions"), KEY, where)
        sub_rules, every = read_sub_rules(body, where)
        value = read
        if value is None:
            path = read_property(body, where).split(".")
            value = product_metadata(path) if name.startswith("product") else item_metadata(path)
        needs_each = each or every

        def check(context: "Context") -> Reason | None:
            if not context.has_order:
                return Reason.MISSING_ORDER
            lines = context.cart.lines
            if not lines:
                return Reason.MISSING_ORDER_ITEMS
            found = [line for line in lines if all(test.passes(value(line), context.now) for test in tests)]
            found = sub_rules.narrowed(found, context)
            holds = len(found) == len(lines) if needs_each else bool(found)
            return None if holds else Reason.ORDER_RULES_VIOLATED

        def actual(context: "Context") -> Any:
            return [value(line) for line in context.cart.lines[:50]]

        return Node(name, check, actual, tests, needs=frozenset({"order", "catalogue"}))

    return build


def sum_rule(name: str) -> Callable[[Mapping[str, Any], str], Node]:
    """A rule on the sum over the lines whose product has the metadata `property` (over all lines without
    one).
    """
    read = SUM_RULES[name]

    def build(body: Mapping[str, Any], where: str) -> Node:
        tests = compile_tests(body.get("conditions"), KEY, where)
        value = None
        if body.get("property") is not None:
            value = product_metadata(read_property(body, where).split("."))

        def total(context: "Context") -> int:
            return sum(read(line) for line in context.cart.lines if value is None or value(line) is not None)

        def check(context: "Context") -> Reason | None:
            if not context.has_order:
                return Reason.MISSING_ORDER
            found = total(context)
            holds = all(test.passes(found, context.now) for test in tests)
            return None if holds else Reason.ORDER_RULES_VIOLATED

        return Node(name, check, total, tests, needs=frozenset({"order", "catalogue"}))

    return build


def mark(name: str) -> Callable[[Mapping[str, Any], str], Node]:
    """A mark that says nothing about the cart."""

    def build(body: Mapping[str, Any], where: str) -> Node:
        def check(context: "Context") -> Reason | None:
            return None

        return Node(name, check, check)

    return build


ENTITY_ITEM_RULES: Final = {
    name: item_rule(name)
    for name in (
        "order.items.any",
        "order.items.every",
        "order.items.none",
        "order.items.cheapest",
        "order.items.most_expensive",
        "product.id",
        "sku.id",
    )
}
PLAIN_ITEM_RULES: Final = {
    "order.items.price_any": line_rule("order.items.price_any", price_of, each=False),
    "order.items.price_each": line_rule("order.items.price_each", price_of, each=True),
    "order.items.metadata_any": line_rule("order.items.metadata_any", None, each=False),
    "order.items.metadata_each": line_rule("order.items.metadata_each", None, each=True),
    "order.items.metadata": line_rule("order.items.metadata", None, each=False),
    "product.metadata": line_rule("product.metadata", None, each=False),
    "product.price": line_rule("product.price", price_of, each=False),
    "product.quantity": line_rule("product.quantity", quantity_of, each=False),
    "sku.price": line_rule("sku.price", price_of, each=False),
    "sku.quantity": line_rule("sku.quantity", quantity_of, each=False),
    "product.metadata.aggregated_quantity": sum_rule("product.metadata.aggregated_quantity"),
    "product.metadata.aggregated_amount": sum_rule("product.metadata.aggregated_amount"),
    "product.metadata.match_all": mark("product.metadata.match_all"),
    **{name: mark(name) for name in MARKS},
}
