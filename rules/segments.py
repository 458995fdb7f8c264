"""Segments: static lists of customers, and filters evaluated live on the customer as this request knows
him.
"""

from collections.abc import Mapping
from typing import Any, Final

from rules.facts import CustomerFacts
from rules.filters import Filter, compile_filter, customer_operand
from rules.happenings import happening_of_field
from rules.moment import Now
from rules.programs import CompiledSegment, RuleError

KEY: Final = "invalid_payload"
MEMBERS_MAX: Final = 20_000
HISTORY: Final = "history"
"""Among a rule's `needs`: it looks at what the customer did so far, by one of the following."""
SUMMARY: Final = "summary"
"""At `CustomerFacts.summary`."""
LAST_ORDER: Final = "last_order"
"""At dates of orders, or the amount of the last one."""
TOP_PRODUCTS: Final = "top_products"
TOP_COLLECTIONS: Final = "top_collections"
"""At what the customer buys most."""
OF_ORDERS: Final = "extensions.orders."
"""Begins the fields that are worked out from the customer's orders."""


def needs_of(field: str) -> set[str]:
    """What the value of a customer's field is made from, beyond the stored profile."""
    happening = happening_of_field(field)
    if happening is not None:
        return {HISTORY, happening.need}
    if field in (OF_ORDERS + TOP_PRODUCTS, OF_ORDERS + TOP_COLLECTIONS):
        return {HISTORY, SUMMARY, LAST_ORDER, field.removeprefix(OF_ORDERS)}
    if field.startswith((OF_ORDERS, "summary.orders.last_order")):
        return {HISTORY, SUMMARY, LAST_ORDER}
    return {HISTORY, SUMMARY} if field.startswith("summary.") else set()


class StaticSegment:
    __slots__ = ("customers",)
    needs: frozenset[str] = frozenset()

    def __init__(self, customers: frozenset[str]) -> None:
        self.customers = customers

    def contains(self, customer: CustomerFacts, now: Now) -> bool:
        return customer.id in self.customers or customer.source_id in self.customers


class FilterSegment:
    __slots__ = ("filter", "needs")

    def __init__(self, condition: Filter) -> None:
        self.filter = condition
        self.needs = frozenset(need for field, _, _ in condition.conditions for need in needs_of(field))

    def contains(self, customer: CustomerFacts, now: Now) -> bool:
        return self.filter.matches(customer, now)


def compile_segment(
    segment_id: str, document: Mapping[str, Any], *, locations: Mapping[str, Any] | None = None
) -> CompiledSegment:
    """Compile `{"type": "static", "customers": [ids]}` or `{"type": "auto-update"|"passive", "filter":
    {...}}`.

    Raises:
        RuleError: the document is not a segment.
    """
    if not isinstance(document, Mapping):
        raise RuleError(KEY, "Payload must be object")
    kind = document.get("type") or ("auto-update" if document.get("filter") else "static")
    if kind in ("auto-update", "passive"):
        condition = compile_filter(document.get("filter"), customer_operand, key=KEY, locations=locations)
        return CompiledSegment(segment_id, FilterSegment(condition), condition.guards)
    if kind != "static":
        raise RuleError(
            KEY, "Property .type must be equal to one of the allowed values: auto-update, passive, static"
        )
    customers = document.get("customers") or ()
    if not isinstance(customers, list | tuple | set | frozenset) or len(customers) > MEMBERS_MAX:
        raise RuleError(KEY, f"Property .customers must be array of at most {MEMBERS_MAX} items")
    members = set()
    for customer in customers:
        identifier = customer.get("id") if isinstance(customer, Mapping) else customer
        if not isinstance(identifier, str):
            raise RuleError(KEY, "Property .customers items must be string")
        members.add(identifier)
    return CompiledSegment(segment_id, StaticSegment(frozenset(members)))
