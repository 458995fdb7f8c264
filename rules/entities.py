"""Products, SKUs and collections as conditions and entries name them, matched against lines."""

from collections.abc import Iterable, Mapping
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


class Entities:
    """Several of them: any may match. Products and SKUs are looked up, however many are named."""

    __slots__ = ("named", "others", "products", "skus")

    def __init__(self, entities: Iterable[Entity]) -> None:
        self.named = tuple(entities)
        products: set[str] = set()
        skus: set[str] = set()
        others = []
        for entity in self.named:
            if entity.kind == "product" and not entity.strict:
                products |= entity.ids
            elif entity.kind == "sku":
                skus |= entity.ids
            else:
                others.append(entity)
        self.products = frozenset(products)
        self.skus = frozenset(skus)
        self.others = tuple(others)

    def __bool__(self) -> bool:
        return bool(self.named)

    def matches(self, line: WorkLine, now: Now) -> bool:
        """Does the line belong to any of them?"""
        if self.products and not self.products.isdisjoint(line.product_ids):
            return True
        if self.skus and not self.skus.isdisjoint(line.sku_ids):
            return True
        return any(entity.matches(line, now) for entity in self.others)
