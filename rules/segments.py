"""Segments: static lists of customers, and filters evaluated live on the customer as this request knows
him.
"""

from collections.abc import Mapping
from typing import Any, Final

from rules.facts import CustomerFacts
from rules.filters import Filter, compile_filter, customer_operand
from rules.moment import Now
from rules.programs import CompiledSegment, RuleError

KEY: Final = "invalid_payload"
MEMBERS_MAX: Final = 20_000
SUMMARY: Final = "summary"
"""Among a rule's `needs`: it looks at `CustomerFacts.summary`."""
LAST_ORDER: Final = "last_order"
"""Likewise: at amount or date of the last order in there."""


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
        fields = [field for field, _, _ in condition.conditions if field.startswith("summary.")]
        needs = {SUMMARY} if fields else set()
        if any(field.startswith("summary.orders.last_order") for field in fields):
            needs.add(LAST_ORDER)
        self.needs = frozenset(needs)

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
