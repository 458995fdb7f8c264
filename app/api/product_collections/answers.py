"""What answers of product collections look like."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.api.products.answers import ProductMembers, ProductOfSku, SkuMembers
from app.http.shown import Instant, Object, Shown


class CollectionMember(Shown, kw_only=True):
    """A product, which stands for all its SKUs, or one SKU."""

    id: str
    product_id: str | UnsetType = UNSET
    """Of a SKU."""
    object: Literal["product", "sku"]


class ProductCollection(Shown, kw_only=True):
    id: str
    name: str
    type: Literal["STATIC", "AUTO_UPDATE"]
    products: list[CollectionMember] | UnsetType = UNSET
    """Of a static one."""
    filter: Object | UnsetType = UNSET
    """Of one that updates itself."""
    created_at: Instant
    updated_at: Instant | None
    object: Literal["products_collection"]


class ProductCollectionList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[ProductCollection]
    total: int


class ProductInCollection(ProductMembers, kw_only=True, tag_field="object", tag="product"):
    """A product by itself: its SKUs are rows of their own."""


class SkuInCollection(SkuMembers, kw_only=True, tag_field="object", tag="sku"):
    """attributes: their names alone."""

    attributes: list[str]
    product: ProductOfSku | UnsetType = UNSET


class CollectionContents(Shown, kw_only=True):
    """What belongs to it now."""

    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[ProductInCollection | SkuInCollection]
    total: int
