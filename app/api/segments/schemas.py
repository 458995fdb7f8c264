"""Body of the segment operation. A null means absent; properties that are not listed are ignored."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from app.redeemables.order_request import Text

CUSTOMERS_MAX = 20_000


class SegmentCreate(Struct):
    """POST /v1/segments. `customers`: ids or source_ids."""

    name: Annotated[str, Meta(min_length=1, max_length=512)]
    type: Literal["static", "passive", "auto-update"] | None = None
    customers: Annotated[list[Text], Meta(max_length=CUSTOMERS_MAX)] | None = None
    filter: dict[str, Any] | None = None
