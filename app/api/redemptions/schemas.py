"""Bodies of the rollback operations (behaviour 4.7)."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from app.redeemables.customers import CustomerPayload
from app.redeemables.portions import ITEMS_MAX, ReturnedItem


class RollbackOrder(Struct):
    """The order that the caller believes to be the redemption's. metadata: laid over the order's own."""

    id: str | None = None
    source_id: str | None = None
    metadata: dict[str, Any] | None = None


class RollbackExtensions(Struct):
    """A part of the redemption: the units that come back, and when uses come back with them."""

    items: Annotated[list[ReturnedItem], Meta(min_length=1, max_length=ITEMS_MAX)] | None = None
    restore_use: Literal["never", "when_complete", "always"] = "when_complete"


class RollbackRequest(Struct):
    reason: str | None = None
    tracking_id: str | None = None
    customer: CustomerPayload | None = None
    order: RollbackOrder | None = None
    metadata: dict[str, Any] | None = None
    extensions: RollbackExtensions | None = None
