"""Bodies of the product and SKU operations. A null means absent; properties that are not listed are
ignored.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct

from app.redeemables.order_request import MINOR_UNITS_MAX, Identifier, Text, whole

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


class ProductCreate(ProductUpdate, kw_only=True):
    """POST /v1/products: updates the product with this id or source_id, else makes one."""

    id: Identifier | None = None
    source_id: Text | None = None


class SkuUpdate(_Priced, kw_only=True):
    """PUT /v1/products/{productId}/skus/{skuId}."""

    sku: Text | None = None
    currency: Annotated[str, Meta(max_length=16)] | None = None
    attributes: dict[str, Any] | None = None


class SkuCreate(SkuUpdate, kw_only=True):
    """POST /v1/products/{productId}/skus."""

    id: Identifier | None = None
    source_id: Text | None = None
