"""What an order says of its products with `override: true`, laid over the catalogue (behaviour 2.7)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Product, Sku
from app.redeemables.order_request import OrderItemPayload
from app.redeemables.product_changes import (
    ProductUpdate,
    SkuUpdate,
    lay_product,
    lay_sku,
    new_product,
    new_sku,
)


def overriding(items: Sequence[OrderItemPayload]) -> list[OrderItemPayload]:
    """Those that ask for it."""
    return [
        item
        for item in items
        if (item.product is not None and item.product.override)
        or (item.sku is not None and item.sku.override)
    ]


async def lay_overrides(
    session: AsyncSession, project_id: str, items: Sequence[OrderItemPayload], now: datetime
) -> None:
    """Make or update their products and SKUs; the caller raises the version of all products."""
    for item in items:
        product = await _product(session, project_id, now, item)
        if item.sku is not None and item.sku.override:
            await _sku(session, project_id, now, item, product)


async def _product(
    session: AsyncSession, project_id: str, now: datetime, item: OrderItemPayload
) -> Product | None:
    """By every name that the item gives it: one that another product has must not be given to a new one."""
    sent = item.product
    if sent is None or not sent.override:
        return await find_product(session, project_id, [item.product_reference])
    source_id = sent.source_id or (item.source_id if item.related_object != "sku" else None) or None
    names = [item.product_reference, sent.id, source_id]
    row = await find_product(session, project_id, names)
    if row is None:
        row = new_product(project_id, sent.id or item.product_id, source_id, now)
        session.add(row)
    else:
        row.updated_at = now
    lay_product(row, ProductUpdate(name=sent.name, price=sent.price, metadata=sent.metadata))
    return row


async def _sku(
    session: AsyncSession, project_id: str, now: datetime, item: OrderItemPayload, product: Product | None
) -> None:
    """A SKU of an unknown product cannot be stored: without its product nothing would find it."""
    sent = item.sku
    assert sent is not None
    source_id = sent.source_id or (item.source_id if item.related_object == "sku" else None) or None
    names = [item.sku_reference, sent.id, source_id]
    row = await find_sku(session, project_id, names)
    if row is None:
        if product is None:
            return
        row = new_sku(project_id, product.id, sent.id or item.sku_id, source_id, now)
        session.add(row)
    else:
        row.updated_at = now
    lay_sku(row, SkuUpdate(sku=sent.sku, price=sent.price, metadata=sent.metadata))


async def find_product(
    session: AsyncSession, project_id: str, names: Sequence[str | None], *, lock: bool = False
) -> Product | None:
    """By id, else by source_id, in the order of the names."""
    wanted = [name for name in names if name]
    if not wanted:
        return None
    statement = select(Product).where(
        Product.project_id == project_id, or_(Product.id.in_(wanted), Product.source_id.in_(wanted))
    )
    rows = (await session.scalars(statement.with_for_update() if lock else statement)).all()
    return min(rows, key=lambda row: _rank(wanted, row.id, row.source_id), default=None)


async def find_sku(
    session: AsyncSession, project_id: str, names: Sequence[str | None], *, lock: bool = False
) -> Sku | None:
    """By id, else by source_id, in the order of the names."""
    wanted = [name for name in names if name]
    if not wanted:
        return None
    statement = select(Sku).where(
        Sku.project_id == project_id, or_(Sku.id.in_(wanted), Sku.source_id.in_(wanted))
    )
    rows = (await session.scalars(statement.with_for_update() if lock else statement)).all()
    return min(rows, key=lambda row: _rank(wanted, row.id, row.source_id), default=None)


def _rank(wanted: list[str], row_id: str, source_id: str | None) -> int:
    if row_id in wanted:
        return wanted.index(row_id)
    return len(wanted) + (wanted.index(source_id) if source_id in wanted else 0)
