"""Bodies of the rollback operations (behaviour 4.7)."""

from typing import Any

from msgspec import Struct

from app.redeemables.customers import CustomerPayload


class RollbackOrder(Struct):
    """The order that the caller believes to be the redemption's."""

    id: str | None = None
    source_id: str | None = None


class RollbackRequest(Struct):
    reason: str | None = None
    tracking_id: str | None = None
    customer: CustomerPayload | None = None
    order: RollbackOrder | None = None
    metadata: dict[str, Any] | None = None
