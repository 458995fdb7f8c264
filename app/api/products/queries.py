"""Products and SKUs by what paths, bodies and lists name them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Product, Sku
from app.http.errors import not_found
from app.http.query import Query
from app.redeemables.product_overrides import find_product, find_sku

PRODUCT_COLUMNS: dict[str, Any] = {
    "created_at": Product.created_at,
    "updated_at": Product.updated_at,
}
SKU_COLUMNS: dict[str, Any] = {
    "created_at": Sku.created_at,
    "updated_at": Sku.updated_at,
}


async def product_named(session: AsyncSession, project_id: str, name: str, *, lock: bool = False) -> Product:
    """Raises: ApiError 404."""
    row = await find_product(session, project_id, [name], lock=lock)
    if row is None:
        raise not_found("product", name)
    return row


async def sku_named(
    session: AsyncSession, project_id: str, name: str, product: Product | None = None, *, lock: bool = False
) -> Sku:
    """A SKU, of that product when one is given.

    Raises: ApiError 404.
    """
    row = await find_sku(session, project_id, [name], lock=lock)
    if row is None or (product is not None and row.product_id != product.id):
        raise not_found("sku", name)
    return row


def products_of(project_id: str, query: Query) -> Select[Product]:
    """The list's rows, before paging."""
    statement: Select[Product] = select(Product).where(Product.project_id == project_id)
    start, end = query.instant("start_date"), query.instant("end_date")
    if start is not None:
        statement = statement.where(Product.created_at >= start)
    if end is not None:
        statement = statement.where(Product.created_at <= end)
    return statement


def skus_of(project_id: str, product_id: str, query: Query) -> Select[Sku]:
    statement: Select[Sku] = select(Sku).where(Sku.project_id == project_id, Sku.product_id == product_id)
    start, end = query.instant("start_date"), query.instant("end_date")
    if start is not None:
        statement = statement.where(Sku.created_at >= start)
    if end is not None:
        statement = statement.where(Sku.created_at <= end)
    return statement


async def skus_of_products(
    session: AsyncSession, project_id: str, product_ids: Sequence[str]
) -> dict[str, list[Sku]]:
    """All SKUs of a page of products, oldest first."""
    found: dict[str, list[Sku]] = {product_id: [] for product_id in product_ids}
    rows = await session.scalars(
        select(Sku)
        .where(Sku.project_id == project_id, Sku.product_id.in_(product_ids))
        .order_by(Sku.created_at, Sku.id)
    )
    for row in rows:
        found[row.product_id].append(row)
    return found
