"""How a rollback changes a stored order (behaviour 4.6, 4.7, decision 38).

A rollback takes away exactly what its redemption applied and leaves the discounts of others as they were
stored.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from app.redeemables.documents import instant_text_us, overlaid
from app.redeemables.orders import StoredOrder
from app.redeemables.shipping import shipping_applied, without_applied

APPLIED = ("applied_discount_amount", "items_applied_discount_amount", "total_applied_discount_amount")
AMOUNTS = (
    "amount",
    "initial_amount",
    "discount_amount",
    "items_discount_amount",
    "total_discount_amount",
    "total_amount",
    *APPLIED,
)

ItemKey = tuple[str | None, str | None, str | None, int]


def item_keys(items: Sequence[Mapping[str, Any]]) -> list[ItemKey]:
    """An item by what it names and its occurrence: lines may vanish with a rollback, so positions do not
    hold.
    """
    seen: Counter[tuple[str | None, str | None, str | None]] = Counter()
    keys: list[ItemKey] = []
    for item in items:
        identity = (item.get("product_id"), item.get("sku_id"), item.get("source_id"))
        keys.append((*identity, seen[identity]))
        seen[identity] += 1
    return keys


def applied_of(order: Mapping[str, Any] | None) -> list[list[Any]]:
    """What a redemption applied, compactly: [[None, order discount], [id of a shipping method, discount],
    [item key, discount, free units, units, amount], ...].

    `order` is the root order of that redemption, whose applied_* members are summed over its redeemables.
    """
    if order is None:
        return []
    applied: list[list[Any]] = []
    if order.get("applied_discount_amount"):
        applied.append([None, order["applied_discount_amount"], 0, 0, 0])
    applied.extend([name, discount, 0, 0, 0] for name, discount in shipping_applied(order))
    items = order.get("items") or []
    if not any("applied_discount_amount" in item or "applied_discount_quantity" in item for item in items):
        return applied
    for key, item in zip(item_keys(items), items, strict=True):
        discount = item.get("applied_discount_amount", 0)
        free = item.get("applied_discount_quantity", 0)
        added = added_amount = 0
        if free and item.get("initial_quantity") is not None:
            added = min(free, item["quantity"] - item["initial_quantity"])
            if item.get("amount") is not None and item.get("initial_amount") is not None and added:
                added_amount = item["amount"] - item["initial_amount"]
        if discount or free:
            applied.append([list(key), discount, free, added, added_amount])
    return applied


def rolled_back_order(
    stored: StoredOrder,
    *,
    redemption_id: str,
    rollback_id: str,
    rollback_date: str,
    rollback_stacked: Sequence[str],
    applied: Sequence[Sequence[Any]],
    keep_amounts: bool,
    complete: bool = True,
    version: int,
    at_us: int,
    metadata: Mapping[str, Any] | None = None,
) -> StoredOrder:
    """keep_amounts: mode WITHOUT_ORDER, where only the map of redemptions is marked (behaviour 4.7).

    complete: nothing of the redemption is left; a part before that is only listed beside it.
    metadata: laid over the order's own.
    """
    body = dict(stored.body)
    if metadata:
        body["metadata"] = overlaid(body.get("metadata") or {}, metadata)
    redemptions = {key: dict(value) for key, value in (body.get("redemptions") or {}).items()}
    entry = redemptions.setdefault(redemption_id, {})
    if complete:
        entry["rollback_id"] = rollback_id
        entry["rollback_date"] = rollback_date
        if rollback_stacked:
            entry["rollback_stacked"] = list(rollback_stacked)
    else:
        parts = (entry.get("extensions") or {}).get("partial_rollbacks") or []
        part = {"rollback_id": rollback_id, "rollback_date": rollback_date}
        entry["extensions"] = {"partial_rollbacks": [*parts, part]}
    body["redemptions"] = redemptions
    body["updated_at"] = instant_text_us(at_us)
    status = stored.status
    if not keep_amounts:
        _take_away(body, applied)
        if all("rollback_id" in value for value in redemptions.values()):
            status = "CANCELED"
        body["status"] = status
    return StoredOrder(
        id=stored.id,
        source_id=stored.source_id,
        version=version,
        status=status,
        customer_id=stored.customer_id,
        amount=body.get("amount"),
        created_at_us=stored.created_at_us,
        updated_at_us=at_us,
        body=body,
    )


def _take_away(body: dict[str, Any], applied: Sequence[Sequence[Any]]) -> None:
    """Undo what was applied and total the rest anew (behaviour 3.1)."""
    order_discount = body.get("discount_amount", 0)
    items = [dict(item) for item in body.get("items") or []]
    by_key = dict(zip(item_keys(items), items, strict=True))
    removed_amount = 0
    shipped: dict[str, int] = {}
    for key, discount, free, added, added_amount in applied:
        if key is None:
            order_discount -= discount
            continue
        if isinstance(key, str):
            shipped[key] = discount
            continue
        item = by_key.get(tuple(key))
        if item is None:
            continue
        _reduce(item, "discount_amount", discount)
        _reduce(item, "discount_quantity", free)
        if added:
            item["quantity"] -= added
        if added_amount:
            item["amount"] -= added_amount
            removed_amount += added_amount
    kept = [item for item in items if item["quantity"] > 0]
    for item in kept:
        _settle_item(item)
    extensions = body.get("extensions") or {}
    if "shipping" in extensions:
        body["extensions"] = {**extensions, "shipping": without_applied(extensions["shipping"], shipped)}
    amount = body.get("amount")
    items_discount = sum(item.get("discount_amount", 0) for item in kept)
    for name in AMOUNTS:
        body.pop(name, None)
    if kept or "items" in body:
        body["items"] = kept
    if amount is None:
        return
    amount -= removed_amount
    order_discount = max(0, order_discount)
    total_discount = order_discount + items_discount
    body["amount"] = amount
    for name, value in (
        ("discount_amount", order_discount),
        ("items_discount_amount", items_discount),
        ("total_discount_amount", total_discount),
    ):
        if value:
            body[name] = value
    body["total_amount"] = max(0, amount - total_discount)


def _reduce(item: dict[str, Any], name: str, by: int) -> None:
    left = item.get(name, 0) - by
    if left > 0:
        item[name] = left
    else:
        item.pop(name, None)


def _settle_item(item: dict[str, Any]) -> None:
    """Members that speak of an application that is no more."""
    for name in (
        "applied_discount_amount",
        "applied_discount_quantity",
        "applied_quantity",
        "applied_quantity_amount",
    ):
        item.pop(name, None)
    if not item.get("discount_quantity"):
        item.pop("initial_quantity", None)
        item.pop("initial_amount", None)
    if item.get("amount") is not None:
        item["subtotal_amount"] = item["amount"] - item.get("discount_amount", 0)
