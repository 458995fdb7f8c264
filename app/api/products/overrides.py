"""What an order says of its products with `override: true` is stored in the catalogue (behaviour 2.7)."""

from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError

from app.api.call import Call
from app.api.products.guard import raise_guard
from app.redeemables.order_request import OrderItemPayload
from app.redeemables.product_overrides import lay_overrides


async def store_overrides(call: Call, items: Sequence[OrderItemPayload]) -> None:
    """Make or update the products and SKUs of those that are `overriding`, all in one transaction."""
    try:
        await _store(call, items)
    except IntegrityError:
        # Another request has just made one of them: now it is there to be updated.
        await _store(call, items)


async def _store(call: Call, items: Sequence[OrderItemPayload]) -> None:
    async with call.write() as write:
        await lay_overrides(write.session, call.project_id, items, call.engine.now())
        await raise_guard(write)
