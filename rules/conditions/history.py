"""Rules on what the customer did so far: how often an event happened, and what is worked out from orders."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from rules.conditions.amounts import read_property
from rules.conditions.node import Node
from rules.filters import customer_operand
from rules.happenings import EVENT_NAME_MAX, ITEMS, WINDOWS, Happening, text_of
from rules.operators import compile_tests
from rules.programs import RuleError
from rules.reasons import Reason
from rules.segments import HISTORY, OF_ORDERS, needs_of

if TYPE_CHECKING:
    from rules.context import Context

KEY: Final = "invalid_validation_rules"
MEMBER_MAX: Final = 300


def names_of_items(order: Any) -> list[str]:
    """The products and SKUs of an order's lines, by whatever they are known."""
    names: list[str] = []
    for line in order.lines if order is not None else ():
        known = [line.product_id, line.sku_id, line.source_id]
        known += [name for item in (line.product, line.sku) if item for name in (item.id, item.source_id)]
        names += [name for name in known if name]
    return names


def event_count(window: str) -> Callable[[Mapping[str, Any], str], Node]:
    """`customer.events.count[.<window>]`: `property` names the event, `where` one member of its metadata with
    the value that counts.
    """
    name = "customer.events.count" + (f".{window}" if window else "")

    def build(body: Mapping[str, Any], where: str) -> Node:
        event = read_property(body, where)
        if len(event) > EVENT_NAME_MAX:
            raise RuleError(
                KEY, f"Property {where}.property must NOT have more than {EVENT_NAME_MAX} characters"
            )
        happening = Happening(event, WINDOWS[window], *_member(body.get("where"), f"{where}.where"))
        tests = compile_tests(body.get("conditions"), KEY, where)

        def actual(context: "Context") -> int | None:
            customer = context.customer
            if customer is None:
                return None
            asked = happening.each(names_of_items(context.facts.order))
            return max((customer.events.get(one, 0) for one in asked), default=0)

        def check(context: "Context") -> Reason | None:
            if context.customer is None:
                return Reason.MISSING_CUSTOMER
            count = actual(context)
            for test in tests:
                if not test.passes(count, context.now):
                    return Reason.CUSTOMER_RULES_VIOLATED
            return None

        return Node(name, check, actual, tests, needs=frozenset({"customer", HISTORY, happening.need}))

    return build


def _member(where: Any, place: str) -> tuple[str, str]:
    if where is None or where == {}:
        return "", ""
    if not isinstance(where, Mapping) or len(where) != 1:
        raise RuleError(KEY, f"Property {place} must be an object with one member")
    member, value = next(iter(where.items()))
    text = text_of(value)
    if not isinstance(member, str) or not 0 < len(member) <= MEMBER_MAX or text is None:
        raise RuleError(
            KEY, f"Property {place} must name a member and its value; {ITEMS} for those of the order"
        )
    return member, text


def worked_out(body: Mapping[str, Any], where: str) -> Node:
    """`customer.extensions` with a `property` below `orders.`."""
    field = f"extensions.{read_property(body, where)}"
    if not field.startswith(OF_ORDERS):
        raise RuleError(KEY, f"Property {where}.property must begin with orders.")
    operand = customer_operand(field)
    tests = compile_tests(body.get("conditions"), KEY, where)

    def actual(context: "Context") -> Any:
        return None if context.customer is None else operand(context.customer)

    def check(context: "Context") -> Reason | None:
        if context.customer is None:
            return Reason.MISSING_CUSTOMER
        value = actual(context)
        for test in tests:
            if not test.passes(value, context.now):
                return Reason.CUSTOMER_RULES_VIOLATED
        return None

    return Node("customer.extensions", check, actual, tests, needs=frozenset({"customer", *needs_of(field)}))


HISTORIES: Final[dict[str, Callable[[Mapping[str, Any], str], Node]]] = {
    "customer.extensions": worked_out,
    **{"customer.events.count" + (f".{word}" if word else ""): event_count(word) for word in WINDOWS},
}
