"""What an order says of its products with `override: true` is stored in the catalogue (behaviour 2.7)."""

from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError

from app.api.call import Call
from app.api.products import queries
from app.api.products.guard import raise_guard
from app.api.publishing import CatalogueWrite
from app.db.models import Product
from app.redeemables.order_request import OrderItemPayload
from app.redeemables.product_changes import (
    ProductUpdate,
    SkuUpdate,
    lay_product,
    lay_sku,
    new_product,
    new_sku,
)


async def store_overrides(call: Call, items: Sequence[OrderItemPayload]) -> None:
    """Make or update the products and SKUs that ask for it, all in one transaction. Nothing to do: no SQL."""
    asking = [
        item
        for item in items
        if (item.product is not None and item.product.override)
        or (item.sku is not None and item.sku.override)
    ]
    if not asking:
        return
    try:
        await _store(call, asking)
    except IntegrityError:
        # Another request has just made one of them: now it is there to be updated.
        await _store(call, asking)


async def _store(call: Call, items: Sequence[OrderItemPayload]) -> None:
    async with call.write() as write:
        for item in items:
            product = await _product(call, write, item)
            if item.sku is not None and item.sku.override:
                await _sku(call, write, item, product)
        await raise_guard(write)


async def _product(call: Call, write: CatalogueWrite, item: OrderItemPayload) -> Product | None:
    """By every name that the item gives it: one that another product has must not be given to a new one."""
    sent = item.product
    if sent is None or not sent.override:
        return await queries.find_product(write.session, call.project_id, [item.product_reference])
    source_id = sent.source_id or (item.source_id if item.related_object != "sku" else None) or None
    names = [item.product_reference, sent.id, source_id]
    row = await queries.find_product(write.session, call.project_id, names)
    if row is None:
        row = new_product(call.project_id, sent.id or item.product_id, source_id, call.engine.now())
        write.session.add(row)
    else:
        row.updated_at = call.engine.now()
    lay_product(row, ProductUpdate(name=sent.name, price=sent.price, metadata=sent.metadata))
    return row


async def _sku(call: Call, write: CatalogueWrite, item: OrderItemPayload, product: Product | None) -> None:
    """A SKU of an unknown product cannot be stored: without its product nothing would find it."""
    sent = item.sku
    assert sent is not None
    source_id = sent.source_id or (item.source_id if item.related_object == "sku" else None) or None
    names = [item.sku_reference, sent.id, source_id]
    row = await queries.find_sku(write.session, call.project_id, names)
    if row is None:
        if product is None:
            return
        row = new_sku(call.project_id, product.id, sent.id or item.sku_id, source_id, call.engine.now())
        write.session.add(row)
    else:
        row.updated_at = call.engine.now()
    lay_sku(row, SkuUpdate(sku=sent.sku, price=sent.price, metadata=sent.metadata))
