"""What answers of products and SKUs look like."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.http.shown import Amount, Instant, Metadata, Object, Shown


class CatalogueCost(Shown, kw_only=True):
    """cost: what a unit costs the merchant."""

    cost: Amount | None


class ProductMembers(Shown, kw_only=True):
    """What is told of a product wherever it is listed. attributes: names of what its SKUs differ in."""

    id: str
    source_id: str | None
    name: str | None
    price: Amount | None
    attributes: list[str]
    metadata: Metadata
    image_url: str | None
    created_at: Instant
    updated_at: Instant | None
    extensions: CatalogueCost


class SkuMembers(Shown, kw_only=True):
    """What is told of a SKU wherever it is listed, but for its attributes."""

    id: str
    source_id: str | None
    product_id: str
    sku: str | None
    price: Amount | None
    currency: str | None
    image_url: str | None
    metadata: Metadata
    created_at: Instant
    updated_at: Instant | None
    extensions: CatalogueCost


class ProductOfSku(Shown, kw_only=True):
    id: str
    source_id: str | None
    name: str | None
    price: Amount | None
    attributes: list[str]
    metadata: Metadata
    object: Literal["product"]


class ProductSku(SkuMembers, kw_only=True):
    """A SKU where its product is known already. attributes: free values by the product's names."""

    attributes: Object
    object: Literal["sku"]


class Sku(ProductSku, kw_only=True):
    """product: not there when it has just been deleted."""

    product: ProductOfSku | UnsetType = UNSET


class SkusOfProduct(Shown, kw_only=True):
    """All of them, oldest first."""

    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[ProductSku]
    total: int


class Product(ProductMembers, kw_only=True):
    object: Literal["product"]
    skus: SkusOfProduct


class ProductList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["products"]
    products: list[Product]
    total: int


class SkuList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["skus"]
    skus: list[ProductSku]
    total: int
