"""What may be said of products and SKUs, and how it is laid over what is stored. A null means absent."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from app.db.models import Product, Sku
from app.identifiers import new_id, next_version
from app.redeemables.documents import overlaid
from app.redeemables.order_request import MINOR_UNITS_MAX, Text, whole

LongText = Annotated[str, Meta(max_length=4096)]
Attributes = Annotated[list[Text], Meta(max_length=200)]


class Extensions(Struct):
    """This engine's own properties. `cost`: what a unit costs the merchant, in minor units (D27)."""

    cost: Annotated[int, Meta(ge=0, le=MINOR_UNITS_MAX)] | None = None


class _Priced(Struct, kw_only=True):
    price: int | float | None = None
    image_url: LongText | None = None
    metadata: dict[str, Any] | None = None
    extensions: Extensions | None = None

    def __post_init__(self) -> None:
        self.price = whole(self.price, "price")

    @property
    def minor_price(self) -> int | None:
        return None if self.price is None else int(self.price)


class ProductUpdate(_Priced, kw_only=True):
    """PUT /v1/products/{productId}: what is given replaces, metadata is merged key by key."""

    name: Text | None = None
    attributes: Attributes | None = None


class SkuUpdate(_Priced, kw_only=True):
    """PUT /v1/products/{productId}/skus/{skuId}."""

    sku: Text | None = None
    currency: Annotated[str, Meta(max_length=16)] | None = None
    attributes: dict[str, Any] | None = None


def new_product(project_id: str, product_id: str | None, source_id: str | None, now: datetime) -> Product:
    return Product(
        project_id=project_id,
        id=product_id or new_id("prod_"),
        source_id=source_id,
        name=None,
        price=None,
        cost=None,
        body={},
        version=0,
        created_at=now,
        updated_at=None,
    )


def lay_product(row: Product, sent: ProductUpdate) -> None:
    """What was sent over what is stored; the version grows with every write."""
    body = dict(row.body)
    if sent.name is not None:
        row.name = sent.name
    if sent.price is not None:
        row.price = sent.minor_price
    if sent.extensions is not None and sent.extensions.cost is not None:
        row.cost = sent.extensions.cost
    if sent.attributes is not None:
        body["attributes"] = sent.attributes
    if sent.image_url is not None:
        body["image_url"] = sent.image_url
    if sent.metadata is not None:
        body["metadata"] = overlaid(body.get("metadata") or {}, sent.metadata)
    row.body = body
    row.version = next_version(row.version)


def new_sku(
    project_id: str, product_id: str, sku_id: str | None, source_id: str | None, now: datetime
) -> Sku:
    return Sku(
        project_id=project_id,
        id=sku_id or new_id("sku_"),
        product_id=product_id,
        source_id=source_id,
        sku=None,
        price=None,
        cost=None,
        body={},
        version=0,
        created_at=now,
        updated_at=None,
    )


def lay_sku(row: Sku, sent: SkuUpdate) -> None:
    """What was sent over what is stored; the version grows with every write."""
    body = dict(row.body)
    if sent.sku is not None:
        row.sku = sent.sku
    if sent.price is not None:
        row.price = sent.minor_price
    if sent.extensions is not None and sent.extensions.cost is not None:
        row.cost = sent.extensions.cost
    if sent.currency is not None:
        body["currency"] = sent.currency
    if sent.image_url is not None:
        body["image_url"] = sent.image_url
    for name, document in (("attributes", sent.attributes), ("metadata", sent.metadata)):
        if document is not None:
            body[name] = overlaid(body.get(name) or {}, document)
    row.body = body
    row.version = next_version(row.version)
