"""Bodies of the collection operations. A null means absent; properties that are not listed are ignored."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from app.redeemables.order_request import Text

MEMBERS_MAX = 10_000


class Member(Struct):
    """A product, which stands for all its SKUs, or one SKU. `id` may be a source_id; the answer names the
    id.
    """

    id: Annotated[str, Meta(min_length=1, max_length=512)]
    object: Literal["product", "sku"] = "product"
    product_id: Text | None = None


class CollectionCreate(Struct):
    name: Annotated[str, Meta(min_length=1, max_length=512)]
    type: Literal["STATIC", "AUTO_UPDATE"] | None = None
    products: Annotated[list[Member], Meta(max_length=MEMBERS_MAX)] | None = None
    filter: dict[str, Any] | None = None


class CollectionUpdate(Struct):
    """The name, and the filter of an AUTO_UPDATE collection. The products of a static one never change."""

    name: Annotated[str, Meta(min_length=1, max_length=512)] | None = None
    filter: dict[str, Any] | None = None
