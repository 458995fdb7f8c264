"""Products, SKUs and collections as conditions and entries name them, matched against lines."""

from collections.abc import Mapping
from typing import Any, Final

from rules.cart import WorkLine
from rules.collections import ALL_PRODUCTS, Everything
from rules.documents import one_of
from rules.moment import Now
from rules.programs import RuleError

RANKS: Final = {"sku": 0, "product": 1, "products_collection": 2}
"""The more specific entry decides first (section 10, 11)."""


def kind_of_id(identifier: str) -> str:
    """What an id without `object` names, by its prefix."""
    if identifier.startswith("pc_"):
        return "products_collection"
    return "sku" if identifier.startswith("sku_") else "product"


class Entity:
    """One product, SKU or collection. A product also matches its SKUs, unless `strict`."""

    __slots__ = ("collection", "id", "ids", "kind", "strict")

    def __init__(self, document: Any, collections: Mapping[str, Any], key: str, where: str) -> None:
        if isinstance(document, str):
            document = {"id": document}
        if not isinstance(document, Mapping):
            raise RuleError(key, f"Property {where} must be object")
        names = [document.get(field) for field in ("id", "source_id")]
        known = [name for name in names if isinstance(name, str) and name]
        if not known:
            raise RuleError(key, f"Property {where} should have required property 'id'")
        self.id = known[0]
        self.ids = frozenset(known)
        kind = document.get("object") or document.get("type") or kind_of_id(self.id)
        if kind == "product_or_sku":
            kind = kind_of_id(self.id)
        self.kind = one_of(kind, RANKS, key, f"{where}.object")
        self.strict = document.get("strict") is True
        self.collection: Any = None
        if self.kind == "products_collection":
            compiled = collections.get(self.id)
            self.collection = compiled.program if compiled is not None else None
            if self.id == ALL_PRODUCTS:
                self.collection = Everything()

    def matches(self, line: WorkLine, now: Now) -> bool:
        """Does the line's product or SKU belong here?"""
        if self.kind == "product":
            if self.strict and line.sku_ids:
                return False
            return not self.ids.isdisjoint(line.product_ids)
        if self.kind == "sku":
            return not self.ids.isdisjoint(line.sku_ids)
        if self.id in line.source.collections:
            return True
        return self.collection is not None and bool(self.collection.contains(line, now))
