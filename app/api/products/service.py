"""The verbs of products and SKUs."""

from typing import Any

from sqlalchemy import delete as sql_delete
from sqlalchemy.exc import IntegrityError

from app.api.call import Call
from app.api.metadata_checks import check_metadata
from app.api.products import queries
from app.api.products.guard import raise_guard
from app.api.products.schemas import ProductCreate, SkuCreate
from app.api.products.wire import product_wire, sku_wire
from app.api.publishing import CatalogueWrite
from app.db.models import Product, Sku
from app.http.errors import ApiError, duplicate_found
from app.http.filtering import page_of
from app.http.wire import listing
from app.redeemables.product_changes import (
    ProductUpdate,
    SkuUpdate,
    lay_product,
    lay_sku,
    new_product,
    new_sku,
)
from app.redeemables.product_overrides import find_product, find_sku


async def create_product(call: Call, payload: ProductCreate) -> dict[str, Any]:
    """Update the product with the body's id or source_id, else make one. Two at once mean the same one."""
    try:
        return await _upserted_product(call, payload)
    except IntegrityError:
        return await _upserted_product(call, payload)


async def _upserted_product(call: Call, payload: ProductCreate) -> dict[str, Any]:
    async with call.write() as write:
        row = await find_product(
            write.session, call.project_id, [payload.id, payload.source_id], lock=True
        )
        if row is None:
            row = new_product(call.project_id, payload.id, payload.source_id, call.engine.now())
            write.session.add(row)
        else:
            await _named_anew(write, row, payload.source_id)
            row.updated_at = call.engine.now()
        lay_product(row, payload)
        await check_metadata(write.session, call.project_id, "product", row.body.get("metadata"))
        await write.session.flush()
        skus = (await queries.skus_of_products(write.session, call.project_id, [row.id]))[row.id]
        await raise_guard(write)
    return product_wire(row, skus)


async def _named_anew(write: CatalogueWrite, row: Product, source_id: str | None) -> None:
    """A product without source_id may get one; two names of two products contradict each other."""
    if source_id is None or row.source_id == source_id:
        return
    if row.source_id is not None:
        raise ApiError(
            400, "invalid_product", "Invalid product", "source_id cannot be changed once it is set"
        )
    if await find_product(write.session, write.project_id, [source_id]) is not None:
        raise duplicate_found("product", "source_id", source_id)
    row.source_id = source_id


async def get_product(call: Call, name: str) -> dict[str, Any]:
    """Raises: ApiError 404."""
    async with call.read() as session:
        row = await queries.product_named(session, call.project_id, name)
        call.tag(row.version)
        skus = (await queries.skus_of_products(session, call.project_id, [row.id]))[row.id]
    return product_wire(row, skus)


async def list_products(call: Call) -> dict[str, Any]:
    """Oldest first unless `order` says otherwise (behaviour 1.6)."""
    paging = call.query.paging(tuple(queries.PRODUCT_COLUMNS), "created_at")
    async with call.read() as session:
        statement = queries.products_of(call.project_id, call.query)
        pairs, total = await page_of(session, statement, paging, queries.PRODUCT_COLUMNS, Product.id)
        rows = [pair[0] for pair in pairs]
        skus = await queries.skus_of_products(session, call.project_id, [row.id for row in rows])
    return listing("products", [product_wire(row, skus[row.id]) for row in rows], total)


async def update_product(call: Call, name: str, payload: ProductUpdate) -> dict[str, Any]:
    """Raises: ApiError 404."""
    async with call.write() as write:
        row = await queries.product_named(write.session, call.project_id, name, lock=True)
        call.require_version(row.version)
        lay_product(row, payload)
        if payload.metadata is not None:
            await check_metadata(write.session, call.project_id, "product", row.body["metadata"])
        call.tag(row.version)
        row.updated_at = call.engine.now()
        skus = (await queries.skus_of_products(write.session, call.project_id, [row.id]))[row.id]
        await raise_guard(write)
    return product_wire(row, skus)


async def delete_product(call: Call, name: str) -> None:
    """The product and its SKUs. Orders keep what they knew of them.

    Raises: ApiError 404, also the second time.
    """
    call.query.flag("force")
    async with call.write() as write:
        row = await queries.product_named(write.session, call.project_id, name, lock=True)
        call.require_version(row.version)
        await write.session.execute(
            sql_delete(Sku).where(Sku.project_id == call.project_id, Sku.product_id == row.id)
        )
        await write.session.delete(row)
        await raise_guard(write)


async def create_sku(call: Call, product_name: str, payload: SkuCreate) -> dict[str, Any]:
    """Update the product's SKU with the body's id or source_id, else make one.

    Raises: ApiError 404 for the product, 409 when the name belongs to another product's SKU.
    """
    try:
        return await _upserted_sku(call, product_name, payload)
    except IntegrityError:
        return await _upserted_sku(call, product_name, payload)


async def _upserted_sku(call: Call, product_name: str, payload: SkuCreate) -> dict[str, Any]:
    async with call.write() as write:
        product = await queries.product_named(write.session, call.project_id, product_name)
        row = await find_sku(
            write.session, call.project_id, [payload.id, payload.source_id], lock=True
        )
        if row is not None and row.product_id != product.id:
            by_id = payload.id == row.id
            raise duplicate_found(
                "sku", "id" if by_id else "source_id", row.id if by_id else str(row.source_id)
            )
        if row is None:
            row = new_sku(call.project_id, product.id, payload.id, payload.source_id, call.engine.now())
            write.session.add(row)
        else:
            if row.source_id is None:
                row.source_id = payload.source_id
            row.updated_at = call.engine.now()
        lay_sku(row, payload)
        await check_metadata(write.session, call.project_id, "product", row.body.get("metadata"))
        await write.session.flush()
        await raise_guard(write)
    return sku_wire(row)


async def get_sku(call: Call, name: str) -> dict[str, Any]:
    """Raises: ApiError 404."""
    async with call.read() as session:
        row = await queries.sku_named(session, call.project_id, name)
        call.tag(row.version)
        product = await find_product(session, call.project_id, [row.product_id])
    return sku_wire(row, product)


async def list_skus(call: Call, product_name: str) -> dict[str, Any]:
    """Oldest first unless `order` says otherwise.

    Raises: ApiError 404 for the product.
    """
    paging = call.query.paging(tuple(queries.SKU_COLUMNS), "created_at")
    async with call.read() as session:
        product = await queries.product_named(session, call.project_id, product_name)
        statement = queries.skus_of(call.project_id, product.id, call.query)
        pairs, total = await page_of(session, statement, paging, queries.SKU_COLUMNS, Sku.id)
    return listing("skus", [sku_wire(pair[0]) for pair in pairs], total)


async def update_sku(call: Call, product_name: str, name: str, payload: SkuUpdate) -> dict[str, Any]:
    """Raises: ApiError 404."""
    async with call.write() as write:
        product = await queries.product_named(write.session, call.project_id, product_name)
        row = await queries.sku_named(write.session, call.project_id, name, product, lock=True)
        call.require_version(row.version)
        lay_sku(row, payload)
        if payload.metadata is not None:
            await check_metadata(write.session, call.project_id, "product", row.body["metadata"])
        call.tag(row.version)
        row.updated_at = call.engine.now()
        await raise_guard(write)
    return sku_wire(row)


async def delete_sku(call: Call, product_name: str, name: str) -> None:
    """Raises: ApiError 404, also the second time."""
    call.query.flag("force")
    async with call.write() as write:
        product = await queries.product_named(write.session, call.project_id, product_name)
        row = await queries.sku_named(write.session, call.project_id, name, product, lock=True)
        call.require_version(row.version)
        await write.session.delete(row)
        await raise_guard(write)
