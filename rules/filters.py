"""Filters of segments and collections: `{"junction": "and"|"or", "<field>": {"conditions": {"$op":
[values]}}}`.

A field is turned into an operand (a function from the subject to its value) when the filter is compiled.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from rules.cart import WorkLine
from rules.facts import CustomerFacts, ItemFacts
from rules.happenings import happening_of_field
from rules.locations import location_test
from rules.moment import Now
from rules.operators import Test, compile_test, read_operators
from rules.programs import RuleError

Operand = Callable[[Any], Any]
FIELDS_MAX: Final = 100
PATH_MAX: Final = 300


class Filter:
    """Conditions on one subject, all or any of which must hold."""

    __slots__ = ("conditions", "guards", "needs_all")

    def __init__(
        self,
        needs_all: bool,
        conditions: tuple[tuple[str, Operand, tuple[Test, ...]], ...],
        guards: tuple[str, ...] = (),
    ) -> None:
        self.needs_all = needs_all
        self.conditions = conditions
        self.guards = guards

    def matches(self, subject: Any, now: Now) -> bool:
        for _, operand, tests in self.conditions:
            value = operand(subject)
            holds = True
            for test in tests:
                if not test.passes(value, now):
                    holds = False
                    break
            if holds is not self.needs_all:
                return holds
        return self.needs_all


def compile_filter(
    document: Any,
    operand: Callable[[str], Operand],
    *,
    key: str,
    locations: Mapping[str, Any] | None = None,
) -> Filter:
    """Compile a filter; raises RuleError."""
    if not isinstance(document, Mapping):
        raise RuleError(key, "Property .filter must be object")
    junction = document.get("junction") or "and"
    if not isinstance(junction, str) or junction.lower() not in ("and", "or"):
        raise RuleError(key, "Property .filter.junction must be equal to one of the allowed values: and, or")
    if len(document) > FIELDS_MAX:
        raise RuleError(key, f"Property .filter must NOT have more than {FIELDS_MAX} properties")
    conditions = []
    guards: list[str] = []
    for field, body in document.items():
        if field == "junction":
            continue
        if not isinstance(field, str) or len(field) > PATH_MAX:
            raise RuleError(key, "Property .filter has an invalid field name")
        where = f".filter.{field[:60]}"
        if not isinstance(body, Mapping):
            raise RuleError(key, f"Property {where} must be object")
        tests = []
        for name, values in read_operators(body.get("conditions"), key, where):
            if name in ("$in_location", "$not_in_location"):
                tests.append(location_test(name, values, locations or {}, key, where))
                guards.extend(f"loc:{value}" for value in values if isinstance(value, str))
            else:
                tests.append(compile_test(name, values, key, where))
        conditions.append((field, operand(field), tuple(tests)))
    return Filter(junction.lower() == "and", tuple(conditions), tuple(dict.fromkeys(guards)))


def filter_references(document: Any) -> list[str]:
    """Locations and segments that a filter names, as guard names; never raises."""
    found: list[str] = []
    if not isinstance(document, Mapping):
        return found
    for field, body in document.items():
        conditions = body.get("conditions") if isinstance(body, Mapping) else None
        if not isinstance(conditions, Mapping):
            continue
        for name, values in conditions.items():
            if not isinstance(values, list | tuple):
                continue
            if name in ("$in_location", "$not_in_location"):
                found.extend(f"loc:{value}" for value in values if isinstance(value, str))
            elif field == "segments":
                found.extend(f"seg:{value}" for value in values if isinstance(value, str))
    return found


def walk(value: Any, path: list[str]) -> Any:
    """The value under a path of nested objects. A key that itself contains dots is found as well."""
    for index, part in enumerate(path):
        if type(value) is not dict and not isinstance(value, Mapping):
            return None
        if part in value:
            value = value[part]
            continue
        return value.get(".".join(path[index:]))
    return value


CUSTOMER_FIELDS: Final = frozenset(
    {"id", "source_id", "name", "email", "phone", "birthdate", "created_at", "updated_at"},
)
CUSTOMER_OBJECTS: Final = frozenset(
    {"address", "metadata", "system_metadata", "summary", "loyalty", "extensions"}
)


def customer_operand(field: str) -> Operand:
    """What a segment's filter may look at."""
    if field == "birthday":
        field = "birthdate"
    if field in CUSTOMER_FIELDS:

        def attribute(customer: CustomerFacts) -> Any:
            return getattr(customer, field)

        return attribute
    head, _, rest = field.partition(".")
    path = rest.split(".")
    if head in CUSTOMER_OBJECTS and rest:

        def nested(customer: CustomerFacts) -> Any:
            return walk(getattr(customer, head), path)

        return nested
    if head == "loyalty_points" and rest:
        return lambda customer: walk(customer.loyalty, path)
    happening = happening_of_field(field)
    if happening is not None:
        return lambda customer: customer.events.get(happening, 0)
    # Whatever else a customer carries (tiers) is laid into its system metadata by the caller.
    return lambda customer: walk(customer.system_metadata, field.split("."))


def item_operand(field: str) -> Operand:
    """What a collection's filter may look at: the SKU first, then its product; the request over the store."""
    head, _, rest = field.partition(".")
    if head == "product" and rest:
        inner = rest

        def of_product(line: WorkLine) -> Any:
            return _item_value(line.source.product, inner)

        return of_product
    if head == "sku" and rest:
        name = "name" if rest == "sku" else rest

        def of_sku(line: WorkLine) -> Any:
            return _item_value(line.source.sku, name)

        return of_sku
    if field == "price":
        return _price

    def value(line: WorkLine) -> Any:
        found = _item_value(line.source.sku, field)
        if found is None:
            found = _item_value(line.source.product, field)
        if found is None and head == "metadata":
            found = walk(line.source.metadata, rest.split("."))
        if found is None and field == "source_id":
            found = line.source.source_id
        return found

    return value


def _price(line: WorkLine) -> int | None:
    """The list price: of the request, else stored."""
    if line.source.price is not None:
        return line.source.price
    for item in (line.source.sku, line.source.product):
        if item is not None and item.price is not None:
            return item.price
    return None if line.amount is None else line.unit_price


def _item_value(item: ItemFacts | None, field: str) -> Any:
    if item is None:
        return None
    head, _, rest = field.partition(".")
    if head == "metadata":
        return walk(item.metadata, rest.split(".")) if rest else None
    if head == "attributes":
        return walk(item.attributes, rest.split(".")) if rest else None
    if field in ("id", "source_id", "name", "price", "cost", "product_id", "sku"):
        return getattr(item, field)
    return walk(item.attributes, field.split("."))
