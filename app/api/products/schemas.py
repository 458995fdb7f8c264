"""Bodies of the product and SKU operations beyond `app.redeemables.product_changes`. A null means absent;
properties that are not listed are ignored.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct

from app.redeemables.order_request import Identifier, Text
from app.redeemables.product_changes import ProductUpdate, SkuUpdate

Source = Annotated[str, Meta(min_length=1, max_length=512)]


class ProductCreate(ProductUpdate, kw_only=True):
    """POST /v1/products: updates the product with this id or source_id, else makes one."""

    id: Identifier | None = None
    source_id: Text | None = None


class SkuCreate(SkuUpdate, kw_only=True):
    """POST /v1/products/{productId}/skus."""

    id: Identifier | None = None
    source_id: Text | None = None


class BulkProduct(ProductUpdate, kw_only=True):
    """POST /v1/products/bulk/async: one product, made where it is not there."""

    source_id: Source


class SameProductMetadata(Struct, kw_only=True):
    """POST /v1/products/metadata/async: the same metadata for all of them."""

    source_ids: Annotated[list[Source], Meta(min_length=1)]
    metadata: dict[str, Any]
