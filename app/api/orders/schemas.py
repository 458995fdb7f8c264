"""Bodies of the order operations: the shared payload (behaviour 2.7)."""

from app.redeemables.order_request import OrderPayload


class OrderCreate(OrderPayload, kw_only=True):
    """POST /v1/orders: updates the order with this id or source_id, else makes one."""


class OrderUpdate(OrderPayload, kw_only=True):
    """PUT /v1/orders/{orderId}: what is given replaces, metadata is merged key by key."""
