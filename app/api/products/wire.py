"""Products and SKUs on the wire (behaviour 2.8)."""

from collections.abc import Sequence
from typing import Any

from app.db.models import Product, Sku
from app.http.wire import iso, listing


def product_wire(row: Product, skus: Sequence[Sku] | None = None) -> dict[str, Any]:
    """The product, with its SKUs when they are given."""
    body = row.body
    wire: dict[str, Any] = {
        "id": row.id,
        "source_id": row.source_id,
        "name": row.name,
        "price": row.price,
        "attributes": body.get("attributes") or [],
        "metadata": body.get("metadata") or {},
        "image_url": body.get("image_url"),
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "extensions": {"cost": row.cost},
        "object": "product",
    }
    if skus is not None:
        wire["skus"] = listing("data", [sku_wire(sku) for sku in skus], len(skus))
    return wire


def sku_wire(row: Sku, product: Product | None = None) -> dict[str, Any]:
    """The SKU, with its product when that is given."""
    body = row.body
    wire: dict[str, Any] = {
        "id": row.id,
        "source_id": row.source_id,
        "product_id": row.product_id,
        "sku": row.sku,
        "price": row.price,
        "currency": body.get("currency"),
        "attributes": body.get("attributes") or {},
        "image_url": body.get("image_url"),
        "metadata": body.get("metadata") or {},
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "extensions": {"cost": row.cost},
        "object": "sku",
    }
    if product is not None:
        wire["product"] = {
            "id": product.id,
            "source_id": product.source_id,
            "name": product.name,
            "price": product.price,
            "attributes": product.body.get("attributes") or [],
            "metadata": product.body.get("metadata") or {},
            "object": "product",
        }
    return wire
