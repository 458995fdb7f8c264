"""An order's amounts as it says them itself, without any redeemable being applied."""

from collections.abc import Mapping
from typing import Any

from app.redeemables.documents import overlaid
from app.redeemables.order_wire import order_wire
from app.redeemables.orders import AMOUNTS, OrderPayload, StoredOrder
from rules.facts import Line, OrderFacts
from rules.verdict import LineState, OrderState, ShippingState


def uncalculated(facts: OrderFacts) -> OrderState:
    """The order's own discounts, added up; the total is never below 0 (behaviour 3.1)."""
    items_discount = sum(line.discount_amount for line in facts.lines)
    total_discount = facts.discount_amount + items_discount
    return OrderState(
        amount=facts.amount,
        lines=tuple(_line_state(line) for line in facts.lines),
        initial_amount=facts.initial_amount,
        discount_amount=facts.discount_amount,
        items_discount_amount=items_discount,
        total_discount_amount=total_discount,
        total_amount=None if facts.amount is None else max(0, facts.amount - total_discount),
        shipping=tuple(
            ShippingState(method.id, method.amount, method.discount_amount) for method in facts.shipping
        ),
    )


def _line_state(line: Line) -> LineState:
    return LineState(
        index=line.index,
        source_index=line.index,
        product_id=line.product_id,
        sku_id=line.sku_id,
        source_id=line.source_id,
        related_object=line.related_object,
        quantity=line.quantity,
        price=line.price,
        amount=line.amount,
        discount_amount=line.discount_amount,
        discount_quantity=line.discount_quantity,
        initial_quantity=line.initial_quantity,
        initial_amount=line.initial_amount,
    )


def is_recalculated(payload: OrderPayload) -> bool:
    """Whether a change says anything about amounts; a mere change of status leaves them as calculated."""
    return "shipping" in (payload.extensions or {}) or any(
        value is not None
        for value in (payload.amount, payload.initial_amount, payload.discount_amount, payload.items)
    )


def kept_amounts(stored: StoredOrder, metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Amounts, items and metadata of a stored order whose amounts nobody changed."""
    kept: dict[str, Any] = {name: stored.body[name] for name in (*AMOUNTS, "items") if name in stored.body}
    kept["metadata"] = overlaid(stored.body.get("metadata") or {}, metadata)
    return kept


def calculated(facts: OrderFacts) -> dict[str, Any]:
    """Amounts, items and metadata on the wire."""
    return {"items": [], **order_wire(uncalculated(facts), facts)}
