"""The lines of an order as the rules see them: sent values over stored ones, prices and amounts by
precedence.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from app.redeemables.documents import overlaid
from app.redeemables.order_request import OrderItemPayload, OrderPayload
from app.redeemables.products import Resolved
from app.redeemables.shipping import shipping_facts
from rules.facts import Line, OrderFacts

if TYPE_CHECKING:
    from app.redeemables.orders import StoredOrder


NO_METADATA: Mapping[str, Any] = {}


def items_of(
    payload: OrderPayload, stored: "StoredOrder | None", *, trusted: bool = False
) -> list[OrderItemPayload]:
    """The lines that count: those sent, else the stored ones. Discounts on sent lines count only when
    `trusted`: an order that is stored may say them, a new calculation drops them (behaviour 2.7).
    """
    kept = stored_items(stored)
    if payload.items is None:
        return kept
    if stored is None and (trusted or not _say_discounts(payload.items)):
        return payload.items
    earlier: dict[tuple[str | None, str | None, str | None], list[OrderItemPayload]] = {}
    for item in kept:
        earlier.setdefault(_identity(item), []).append(item)
    lines: list[OrderItemPayload] = []
    for sent in payload.items:
        same = earlier.get(_identity(sent))
        before = same.pop(0) if same else None
        line = (
            sent if trusted else msgspec.structs.replace(sent, discount_amount=None, discount_quantity=None)
        )
        if before is not None:
            if line.discount_amount is None:
                line.discount_amount = before.discount_amount
            if line.discount_quantity is None:
                line.discount_quantity = before.discount_quantity
        lines.append(line)
    return lines


def _say_discounts(items: Sequence[OrderItemPayload]) -> bool:
    return bool(
        [item for item in items if item.discount_amount is not None or item.discount_quantity is not None]
    )


def stored_items(stored: "StoredOrder | None") -> list[OrderItemPayload]:
    """The lines of a stored order."""
    if stored is None:
        return []
    return msgspec.convert(stored.body.get("items") or [], list[OrderItemPayload])


def _identity(item: OrderItemPayload) -> tuple[str | None, str | None, str | None]:
    if item.source_id is not None:
        return (item.related_object or "product", item.source_id, None)
    return (None, item.product_reference, item.sku_reference)


def facts_of(
    payload: OrderPayload,
    stored: "StoredOrder | None",
    items: Sequence[OrderItemPayload],
    resolved: Resolved,
    *,
    trusted: bool = False,
) -> OrderFacts:
    """Amounts by precedence: the order's own, else the sum of the lines (behaviour 3.2). trusted: as for
    `items_of`.
    """
    lines = tuple([line_of(index, item, resolved) for index, item in enumerate(items)])
    body = stored.body if stored is not None else {}
    amount = payload.amount
    initial = payload.initial_amount
    if amount is None and payload.items is None:
        amount = body.get("amount")
        initial = body.get("initial_amount") if initial is None else initial
    if amount is None:
        known = [line.amount for line in lines if line.amount is not None]
        amount = sum(known) if known else None
    extensions, kept = payload.extensions, body.get("extensions")
    return OrderFacts(
        lines=lines,
        amount=amount,
        initial_amount=initial,
        discount_amount=body.get("discount_amount") or 0,
        metadata=overlaid(body.get("metadata") or {}, payload.metadata),
        currency=payload.currency_code or body.get("currency"),
        has_lines=bool(lines),
        shipping=shipping_facts(extensions, kept, trusted=trusted) if extensions or kept else (),
    )


def line_of(index: int, item: OrderItemPayload, resolved: Resolved) -> Line:
    """One line, its price from the request, else from its SKU, else from its product."""
    product, sku = resolved.of(item)
    price, cost = item.price, None
    product_id, sku_id, related_object = item.product_id, item.sku_id, item.related_object
    if product is not None:
        cost, product_id = product.cost, product_id if product.id is None else product.id
    if sku is not None:
        cost, sku_id = cost if sku.cost is None else sku.cost, sku_id if sku.id is None else sku.id
        if price is None:
            price = sku.price
    if price is None and product is not None:
        price = product.price
    if related_object is None and item.source_id is not None:
        related_object = "product"
    quantity = int(item.quantity or 1)
    amount = item.amount
    if amount is None and price is not None:
        amount = price * quantity
    discounts = item.discount_amount or item.discount_quantity
    if not discounts and item.initial_quantity is None and item.initial_amount is None:
        return Line(
            index,
            quantity,
            price,
            amount,
            product_id,
            sku_id,
            item.source_id,
            related_object,
            product,
            sku,
            cost,
            item.metadata or NO_METADATA,
        )
    return Line(
        index=index,
        quantity=quantity,
        price=price,
        amount=amount,
        product_id=product_id,
        sku_id=sku_id,
        source_id=item.source_id,
        related_object=related_object,
        product=product,
        sku=sku,
        cost=cost,
        metadata=item.metadata or NO_METADATA,
        discount_amount=min(item.discount_amount, amount or 0) if item.discount_amount else 0,
        discount_quantity=min(int(item.discount_quantity), quantity) if item.discount_quantity else 0,
        initial_quantity=None if item.initial_quantity is None else int(item.initial_quantity),
        initial_amount=item.initial_amount,
    )
