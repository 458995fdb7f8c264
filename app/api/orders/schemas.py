"""Bodies of the order operations: the shared payload (behaviour 2.7)."""

from app.redeemables.order_request import OrderPayload


class OrderCreate(OrderPayload, kw_only=True):
    """POST /v1/orders: updates the order with this id or source_id, else makes one."""


class OrderUpdate(OrderPayload, kw_only=True):
    """PUT /v1/orders/{orderId}: what is given replaces, metadata is merged key by key."""


class OrderImport(OrderPayload, kw_only=True):
    """POST /v1/orders/import: an order that was placed before; without `created_at` it is as old as the
    import.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        for item in self.items or ():
            if item.initial_quantity == 0:
                raise ValueError("items[].initial_quantity must be >= 1")
