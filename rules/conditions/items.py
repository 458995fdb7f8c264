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
from rules.conditions.sub_rules import (
    MARKS,
    SUM_RULES,
    LineValue,
    described,
    item_metadata,
    price_of,
    product_metadata,
    quantity_of,
    read_sub_rules,
)
from rules.entities import Entities, Entity
from rules.operators import Test, compile_tests, read_operators
from rules.programs import RuleError
from rules.reasons import Reason

if TYPE_CHECKING:
    from rules.context import Context

KEY: Final = "invalid_validation_rules"


class Wanted:
    """The products that a condition names, and the collections in which it looks."""

    __slots__ = ("excluded", "included", "sources", "tests")

    def __init__(self, body: Mapping[str, Any], where: str, surroundings: Surroundings) -> None:
        included: list[Entity] = []
        excluded: list[Entity] = []
        sources: list[Entity] = []
        tests = []
        for operator, values in read_operators(body.get("conditions"), KEY, where):
            entities = [
                Entity(value, surroundings.collections, KEY, f"{where}.conditions.{operator}[{index}]")
                for index, value in enumerate(values)
            ]
            if operator in ("$is", "$in", "$not_differ"):
                included.extend(entities)
            elif operator in ("$is_not", "$not_in", "$not_intersect"):
                excluded.extend(entities)
            elif operator == "$from":
                sources.extend(entities)
            else:
                raise RuleError(KEY, f"Property {where}.conditions must use $is, $is_not or $from")
            tests.append(Test(operator, [entity.id for entity in entities], lambda actual, now: False))  # noqa: ARG005
        self.included = Entities(included)
        self.excluded = Entities(excluded)
        self.sources = Entities(sources)
        self.tests = tuple(tests)

    def domain(self, context: "Context") -> list[WorkLine]:
        lines = context.cart.lines
        if not self.sources:
            return lines
        return [line for line in lines if self.sources.matches(line, context.now)]

    def matching(self, lines: list[WorkLine], context: "Context") -> list[WorkLine]:
        now = context.now
        if self.included:
            lines = [line for line in lines if self.included.matches(line, now)]
        if self.excluded:
            lines = [line for line in lines if not self.excluded.matches(line, now)]
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
            node.facets["entities"] = wanted.included.named
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
