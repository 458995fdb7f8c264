"""What this process knows of products and SKUs, so that a decision asks SQL only for those it has never
met.

Nothing guards a product (D4): the project's "prod" version, read in the read trip, drops what was known
when any of them changed.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct
from sqlalchemy import or_, select

from app.db.database import Database
from app.db.models import Product, Sku
from app.redeemables.documents import overlaid
from app.redeemables.order_request import OrderItemPayload
from rules.facts import ItemFacts

ITEMS_MAX = 50_000
"""Products and SKUs kept per project: about 2 kB each, so 100 MB at the very most."""
PARAMETERS_MAX = 500
"""References per SQL query."""

PRODUCT = "product"
SKU = "sku"


Reference = tuple[str, str]
"""Kind ("product" or "sku"), and an id or a source_id."""


def references_of(items: Iterable[OrderItemPayload]) -> set[Reference]:
    """What the lines of an order name."""
    found: set[Reference] = set()
    for item in items:
        if item.names_product_only and item.product_id is not None:
            found.add((PRODUCT, item.product_id))
            continue
        product, sku = item.product_reference, item.sku_reference
        if product:
            found.add((PRODUCT, product))
        if sku:
            found.add((SKU, sku))
    return found


def product_facts(row: Product) -> ItemFacts:
    """A stored product as the rules see it."""
    return ItemFacts(
        id=row.id,
        source_id=row.source_id,
        name=row.name,
        price=row.price,
        cost=row.cost,
        metadata=row.body.get("metadata") or {},
        attributes={name: name for name in row.body.get("attributes") or ()},
    )


def sku_facts(row: Sku) -> ItemFacts:
    """A stored SKU as the rules see it; without a price of its own it has its product's (see
    `Resolved.of`).
    """
    return ItemFacts(
        id=row.id,
        source_id=row.source_id,
        name=row.sku,
        price=row.price,
        cost=row.cost,
        metadata=row.body.get("metadata") or {},
        attributes=row.body.get("attributes") or {},
        product_id=row.product_id,
        sku=row.sku,
    )


class Resolved(Struct, frozen=True):
    """Stored facts by reference; None for what does not exist."""

    facts: Mapping[Reference, ItemFacts | None]

    def product(self, value: str | None) -> ItemFacts | None:
        return None if value is None else self.facts.get((PRODUCT, value))

    def sku(self, value: str | None) -> ItemFacts | None:
        return None if value is None else self.facts.get((SKU, value))

    def of(self, item: OrderItemPayload) -> tuple[ItemFacts | None, ItemFacts | None]:
        """(product, SKU) of a line, the request's values over the stored ones (behaviour 2.7)."""
        if item.names_product_only:
            return self.facts.get((PRODUCT, item.product_id or "")), None
        stored_sku = self.sku(item.sku_reference)
        stored_product = self.product(item.product_reference)
        if stored_product is None and stored_sku is not None:
            stored_product = self.product(stored_sku.product_id)
        if item.product is None and item.sku is None:
            return stored_product, stored_sku
        return _laid_over_product(stored_product, item), _laid_over_sku(stored_sku, item)


def _laid_over_product(stored: ItemFacts | None, item: OrderItemPayload) -> ItemFacts | None:
    sent = item.product
    if stored is None and sent is None:
        return None
    base = stored or ItemFacts(source_id=item.source_id if item.related_object == PRODUCT else None)
    if sent is None:
        return base
    price = sent.minor_price
    return ItemFacts(
        id=base.id or sent.id,
        source_id=base.source_id or sent.source_id,
        name=base.name if sent.name is None else sent.name,
        price=base.price if price is None else price,
        cost=base.cost,
        metadata=overlaid(base.metadata, sent.metadata),
        attributes=base.attributes,
    )


def _laid_over_sku(stored: ItemFacts | None, item: OrderItemPayload) -> ItemFacts | None:
    sent = item.sku
    if stored is None and sent is None:
        return None
    base = stored or ItemFacts(source_id=item.source_id if item.related_object == SKU else None)
    if sent is None:
        return base
    price = sent.minor_price
    name = base.sku if sent.sku is None else sent.sku
    return ItemFacts(
        id=base.id or sent.id,
        source_id=base.source_id or sent.source_id,
        name=name,
        price=base.price if price is None else price,
        cost=base.cost,
        metadata=overlaid(base.metadata, sent.metadata),
        attributes=base.attributes,
        product_id=base.product_id,
        sku=name,
    )


class Resolver(Protocol):
    """Where stored facts come from."""

    async def resolve(self, project_id: str, references: Iterable[Reference]) -> Resolved:
        """Facts of all references, and of the products of the SKUs among them."""
        ...


class _Known(Struct):
    """What is known of one project, as of a "prod" version."""

    version: int = 0
    facts: dict[Reference, ItemFacts | None] = {}


class ProductCache:
    """Stored facts of products and SKUs by id and by source_id, also of those that do not exist."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._projects: dict[str, _Known] = {}

    def refresh(self, project_id: str, version: int) -> None:
        """`version`: the project's "prod" version as just read from the core. Another one than known
        forgets everything.
        """
        known = self._projects.get(project_id)
        if known is None:
            self._projects[project_id] = _Known(version=version)
        elif known.version != version:
            known.version = version
            known.facts = {}

    def version(self, project_id: str) -> int:
        """The "prod" version as of which everything known of the project is."""
        known = self._projects.get(project_id)
        return 0 if known is None else known.version

    async def resolve(self, project_id: str, references: Iterable[Reference]) -> Resolved:
        """Facts of all references, and of the products of the SKUs among them. At most two SQL reads, of
        what is missing.
        """
        wanted = references if isinstance(references, set) else set(references)
        known = self._projects.get(project_id)
        if known is None:
            known = self._projects[project_id] = _Known()
        facts = known.facts
        for reference in wanted:
            if reference[0] == SKU or reference not in facts:
                break
        else:
            return Resolved(facts)
        await self._load(project_id, facts, [reference for reference in wanted if reference not in facts])
        parents: set[Reference] = {
            (PRODUCT, sku.product_id)
            for reference in wanted
            if reference[0] == SKU and (sku := facts.get(reference)) is not None and sku.product_id
        }
        await self._load(project_id, facts, [reference for reference in parents if reference not in facts])
        result = {reference: facts[reference] for reference in wanted | parents}
        if len(facts) > ITEMS_MAX:
            known.facts = {}
        return Resolved(result)

    async def _load(
        self, project_id: str, facts: dict[Reference, ItemFacts | None], missing: Sequence[Reference]
    ) -> None:
        if not missing:
            return
        loaded: dict[Reference, ItemFacts | None] = dict.fromkeys(missing)
        async with self._db.reading() as session:
            for start in range(0, len(missing), PARAMETERS_MAX):
                part = missing[start : start + PARAMETERS_MAX]
                products = [value for kind, value in part if kind == PRODUCT]
                skus = [value for kind, value in part if kind == SKU]
                if products:
                    for product in await session.scalars(
                        select(Product).where(
                            Product.project_id == project_id,
                            or_(Product.id.in_(products), Product.source_id.in_(products)),
                        )
                    ):
                        _remember(loaded, PRODUCT, product_facts(product))
                if skus:
                    for sku in await session.scalars(
                        select(Sku).where(
                            Sku.project_id == project_id, or_(Sku.id.in_(skus), Sku.source_id.in_(skus))
                        )
                    ):
                        _remember(loaded, SKU, sku_facts(sku))
        facts.update(loaded)


def _remember(loaded: dict[Reference, ItemFacts | None], kind: str, facts: ItemFacts) -> None:
    """Under both names; where one's id is another's source_id, the id wins."""
    if facts.source_id is not None:
        name = (kind, facts.source_id)
        if loaded.get(name) is None:
            loaded[name] = facts
    if facts.id is not None:
        loaded[kind, facts.id] = facts
