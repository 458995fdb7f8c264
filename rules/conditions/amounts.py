"""Rules on the order as a whole: its amounts, the number of its items, and any metadata."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from rules.conditions.node import Node
from rules.filters import walk
from rules.operators import compile_tests
from rules.programs import RuleError
from rules.reasons import Reason

if TYPE_CHECKING:
    from rules.context import Context

KEY: Final = "invalid_validation_rules"
Violation = Reason | None


def _amount_node(
    name: str, body: Mapping[str, Any], where: str, value: Callable[["Context"], int], late: bool = False
) -> Node:
    tests = compile_tests(body.get("conditions"), KEY, where)

    def check(context: "Context") -> Violation:
        if not context.has_order:
            return Reason.MISSING_ORDER
        if late and context.plan is None:
            return None
        if context.cart.amount is None:
            return Reason.MISSING_AMOUNT
        amount = value(context)
        for test in tests:
            if not test.passes(amount, context.now):
                return Reason.ORDER_RULES_VIOLATED
        return None

    def actual(context: "Context") -> Any:
        return None if context.cart.amount is None else value(context)

    return Node(name, check, actual, tests, late=late, needs=frozenset({"order"}))


def order_amount(body: Mapping[str, Any], where: str) -> Node:
    """What the order is worth before this redeemable, after the earlier ones of the stack."""
    return _amount_node("order.amount", body, where, lambda context: context.cart.remaining)


def order_initial_amount(body: Mapping[str, Any], where: str) -> Node:
    """What the order was worth at first; constant over the stack."""
    return _amount_node("order.initial_amount", body, where, lambda context: context.cart.base_amount or 0)


def order_total_amount(body: Mapping[str, Any], where: str) -> Node:
    """What the order is worth after this redeemable."""

    def after(context: "Context") -> int:
        plan = context.plan
        if plan is None:
            return context.cart.remaining
        return max(context.cart.remaining + plan.added_amount - plan.order - plan.items, 0)

    return _amount_node("order.total_amount", body, where, after, late=True)


def order_items_count(body: Mapping[str, Any], where: str) -> Node:
    """Units in the cart (section 10, 24)."""
    tests = compile_tests(body.get("conditions"), KEY, where)

    def count(context: "Context") -> int:
        total = 0
        for line in context.cart.lines:
            total += line.quantity
        return total

    def check(context: "Context") -> Violation:
        if not context.has_order:
            return Reason.MISSING_ORDER
        units = count(context)
        return None if all(test.passes(units, context.now) for test in tests) else Reason.ORDER_RULES_VIOLATED

    return Node("order.items.count", check, count, tests, needs=frozenset({"order"}))


def metadata_of(
    source: str, missing: Reason | None, violated: Reason
) -> Callable[[Mapping[str, Any], str], Node]:
    """`<source>.metadata` with a `property`. `source` is customer, order or redemption."""

    def build(body: Mapping[str, Any], where: str) -> Node:
        path = read_property(body, where).split(".")
        tests = compile_tests(body.get("conditions"), KEY, where)

        def actual(context: "Context") -> Any:
            if source == "customer":
                return None if context.customer is None else walk(context.customer.metadata, path)
            if source == "order":
                return walk(context.cart.facts.metadata, path)
            if source == "custom_event":
                return walk(context.facts.event, path)
            return walk(context.facts.metadata, path)

        def check(context: "Context") -> Violation:
            if source == "customer" and context.customer is None:
                return missing
            if source == "order" and not context.has_order:
                return missing
            value = actual(context)
            for test in tests:
                if not test.passes(value, context.now):
                    return violated
            return None

        node = Node(f"{source}.metadata", check, actual, tests, needs=frozenset({source, "metadata"}))
        node.facets["property"] = ".".join(path)
        return node

    return build


def read_property(body: Mapping[str, Any], where: str) -> str:
    """The mandatory `property` of a metadata rule."""
    name = body.get("property")
    if not isinstance(name, str) or not name or len(name) > 300:
        raise RuleError(KEY, f"Property {where} should have required property 'property'")
    return name
