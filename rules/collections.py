"""Product collections: static lists, and filters evaluated on what is known of a line (payload over
store).
"""

from collections.abc import Mapping
from typing import Any

from rules.cart import WorkLine
from rules.filters import Filter, compile_filter, item_operand
from rules.moment import Now
from rules.programs import CompiledCollection, RuleError

ALL_PRODUCTS = "pc_a11pr0dUc75"
"""The built-in collection that every line belongs to."""

KEY = "invalid_payload"
MEMBERS_MAX = 100_000


class StaticCollection:
    """A product stands for all its SKUs; a SKU for itself."""

    __slots__ = ("products", "skus")

    def __init__(self, products: frozenset[str], skus: frozenset[str]) -> None:
        self.products = products
        self.skus = skus

    def contains(self, line: WorkLine, now: Now) -> bool:
        return not self.products.isdisjoint(line.product_ids) or not self.skus.isdisjoint(line.sku_ids)


class FilterCollection:
    """Membership by attributes: a SKU must match on its own."""

    __slots__ = ("filter",)

    def __init__(self, condition: Filter) -> None:
        self.filter = condition

    def contains(self, line: WorkLine, now: Now) -> bool:
        return self.filter.matches(line, now)


class Everything:
    __slots__ = ()

    def contains(self, line: WorkLine, now: Now) -> bool:
        return True


def compile_collection(
    collection_id: str, document: Mapping[str, Any], *, locations: Mapping[str, Any] | None = None
) -> CompiledCollection:
    """Compile a collection as stored: `{"type": "STATIC", "products": [...]}` or `{"type": "AUTO_UPDATE",
    "filter": {...}}`.

    Raises:
        RuleError: the document is not a collection.
    """
    if collection_id == ALL_PRODUCTS:
        return CompiledCollection(collection_id, Everything())
    if not isinstance(document, Mapping):
        raise RuleError(KEY, "Payload must be object")
    kind = document.get("type") or ("AUTO_UPDATE" if document.get("filter") else "STATIC")
    if kind == "AUTO_UPDATE":
        condition = compile_filter(document.get("filter"), item_operand, key=KEY, locations=locations)
        return CompiledCollection(collection_id, FilterCollection(condition), condition.guards)
    if kind != "STATIC":
        raise RuleError(KEY, "Property .type must be equal to one of the allowed values: STATIC, AUTO_UPDATE")
    members = document.get("products") or ()
    if not isinstance(members, list | tuple) or len(members) > MEMBERS_MAX:
        raise RuleError(KEY, "Property .products must be array")
    products: set[str] = set()
    skus: set[str] = set()
    for member in members:
        if isinstance(member, str):
            (skus if member.startswith("sku_") else products).add(member)
            continue
        if not isinstance(member, Mapping):
            raise RuleError(KEY, "Property .products items must be object")
        identifier = member.get("id") or member.get("source_id")
        if not isinstance(identifier, str):
            raise RuleError(KEY, "Property .products items should have required property 'id'")
        is_sku = member.get("object") == "sku" or bool(member.get("product_id"))
        (skus if is_sku else products).add(identifier)
    return CompiledCollection(collection_id, StaticCollection(frozenset(products), frozenset(skus)))
