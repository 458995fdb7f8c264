"""Collections, their members, and who refers to them."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import Text, cast, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Product, ProductCollection, Sku, ValidationRule
from app.http.errors import not_found
from rules.rulesets import references

COLUMNS: dict[str, Any] = {
    "created_at": ProductCollection.created_at,
    "updated_at": ProductCollection.updated_at,
    "name": ProductCollection.name,
}
CHUNK = 500


async def collection_named(
    session: AsyncSession, project_id: str, collection_id: str, *, lock: bool = False
) -> ProductCollection:
    """Raises: ApiError 404."""
    row = await session.get(ProductCollection, (project_id, collection_id), with_for_update=lock or None)
    if row is None:
        raise not_found("products_collection", collection_id)
    return row


async def rules_naming(session: AsyncSession, project_id: str, guard: str) -> list[str]:
    """Ids of the validation rules that refer to "col:<id>" or "seg:<id>"."""
    identity = guard.partition(":")[2]
    rows = await session.scalars(
        select(ValidationRule).where(
            ValidationRule.project_id == project_id,
            cast(ValidationRule.body, Text).contains(identity, autoescape=True),
        )
    )
    return [row.id for row in rows if guard in references(row.body)]


async def products_by_name(
    session: AsyncSession, project_id: str, names: Sequence[str]
) -> dict[str, Product]:
    """By id and by source_id."""
    found: dict[str, Product] = {}
    for start in range(0, len(names), CHUNK):
        part = names[start : start + CHUNK]
        rows = await session.scalars(
            select(Product).where(
                Product.project_id == project_id, or_(Product.id.in_(part), Product.source_id.in_(part))
            )
        )
        for row in rows:
            if row.source_id is not None:
                found.setdefault(row.source_id, row)
            found[row.id] = row
    return found


async def skus_by_name(session: AsyncSession, project_id: str, names: Sequence[str]) -> dict[str, Sku]:
    """By id and by source_id."""
    found: dict[str, Sku] = {}
    for start in range(0, len(names), CHUNK):
        part = names[start : start + CHUNK]
        rows = await session.scalars(
            select(Sku).where(Sku.project_id == project_id, or_(Sku.id.in_(part), Sku.source_id.in_(part)))
        )
        for row in rows:
            if row.source_id is not None:
                found.setdefault(row.source_id, row)
            found[row.id] = row
    return found


async def all_products(session: AsyncSession, project_id: str) -> AsyncIterator[tuple[Product, list[Sku]]]:
    """Every product with its SKUs, in chunks, so that a large catalogue is never held at once."""
    last = ""
    while True:
        products = (
            await session.scalars(
                select(Product)
                .where(Product.project_id == project_id, Product.id > last)
                .order_by(Product.id)
                .limit(CHUNK)
            )
        ).all()
        if not products:
            return
        last = products[-1].id
        skus: dict[str, list[Sku]] = {product.id: [] for product in products}
        rows = await session.scalars(
            select(Sku).where(Sku.project_id == project_id, Sku.product_id.in_(list(skus))).order_by(Sku.id)
        )
        for row in rows:
            skus[row.product_id].append(row)
        for product in products:
            yield product, skus[product.id]
