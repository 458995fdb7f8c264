"""A calculated order on the wire (behaviour 3.1): its amounts and its lines."""

from collections.abc import Mapping
from typing import Any

from app.redeemables.shipping import shipping_wire
from rules.facts import ItemFacts, Line, OrderFacts
from rules.verdict import LineState, OrderState

NO_ITEMS: Mapping[str, ItemFacts | None] = {}


def item_reference(item: ItemFacts, *, is_sku: bool) -> dict[str, Any]:
    """The product or SKU within an order item."""
    wire: dict[str, Any] = {}
    if item.id is not None:
        wire["id"] = item.id
    if item.source_id is not None:
        wire["source_id"] = item.source_id
    if is_sku:
        if item.sku is not None:
            wire["sku"] = item.sku
    elif item.name is not None:
        wire["name"] = item.name
    if item.metadata:
        wire["metadata"] = item.metadata
    if item.price is not None:
        wire["price"] = item.price
    return wire


def item_wire(state: LineState, line: Line | None) -> dict[str, Any]:
    """One calculated order item; amounts that are zero because no such discount exists are left out
    (behaviour 3.1).
    """
    wire: dict[str, Any] = {"object": "order_item"}
    # One by one: a loop over names costs twice as much, and a stack of five has a hundred of these.
    if state.product_id is not None:
        wire["product_id"] = state.product_id
    if state.sku_id is not None:
        wire["sku_id"] = state.sku_id
    if state.source_id is not None:
        wire["source_id"] = state.source_id
    if state.related_object is not None:
        wire["related_object"] = state.related_object
    wire["quantity"] = state.quantity
    if state.discount_quantity:
        wire["discount_quantity"] = state.discount_quantity
    if state.initial_quantity is not None:
        wire["initial_quantity"] = state.initial_quantity
    if state.initial_amount is not None:
        wire["initial_amount"] = state.initial_amount
    if state.amount is not None:
        wire["amount"] = state.amount
    if state.price is not None:
        wire["price"] = state.price
    if state.discount_amount:
        wire["discount_amount"] = state.discount_amount
    if state.applied_discount_amount:
        wire["applied_discount_amount"] = state.applied_discount_amount
    if state.applied_discount_quantity:
        wire["applied_discount_quantity"] = state.applied_discount_quantity
    if state.applied_quantity is not None:
        wire["applied_quantity"] = state.applied_quantity
    if state.applied_quantity_amount is not None:
        wire["applied_quantity_amount"] = state.applied_quantity_amount
    if state.order_share:
        # Only where the project asked for shares (settings.extensions): without it the bytes are the
        # contract's.
        wire["extensions"] = {"order_share": state.order_share}
    if state.amount is not None:
        wire["subtotal_amount"] = state.amount - state.discount_amount
    if line is not None:
        if line.product is not None:
            wire["product"] = item_reference(line.product, is_sku=False)
        if line.sku is not None:
            wire["sku"] = item_reference(line.sku, is_sku=True)
        if line.metadata:
            wire["metadata"] = line.metadata
    return wire


def _added_item_wire(state: LineState, catalogue: Mapping[str, ItemFacts | None]) -> dict[str, Any]:
    """An item that a discount added, with what the catalogue knows of its product and SKU."""
    wire = item_wire(state, None)
    sku = catalogue.get(state.sku_id) if state.sku_id is not None else None
    product_id = state.product_id or (sku.product_id if sku is not None else None)
    product = catalogue.get(product_id) if product_id is not None else None
    if product is not None:
        wire["product"] = item_reference(product, is_sku=False)
    if sku is not None:
        wire["sku"] = item_reference(sku, is_sku=True)
    return wire


class OrderWriter:
    """Writes the orders of one answer: a stack has one after each redeemable, and their lines differ in few
    amounts. What it gave is not to be changed: parts are shared.

    catalogue: of units that discounts add.
    """

    __slots__ = ("_catalogue", "_facts", "_written")

    def __init__(self, facts: OrderFacts, catalogue: Mapping[str, ItemFacts | None] = NO_ITEMS) -> None:
        self._facts = facts
        self._catalogue = catalogue
        self._written: list[tuple[tuple[LineState, ...], list[dict[str, Any]]]] = []
        """Lines that were written already: redeemables that change none share them."""

    def wire(self, state: OrderState) -> dict[str, Any]:
        """The calculated order without identity, customer and dates."""
        facts = self._facts
        items = self._items(state.lines) if state.lines or facts.has_lines else None
        return _order(state, items, facts.metadata)

    def _items(self, states: tuple[LineState, ...]) -> list[dict[str, Any]]:
        for known, items in self._written:
            if known is states:
                return items
        items = self._like(*self._written[0], states) if self._written else list(map(self._item, states))
        self._written.append((states, items))
        return items

    def _item(self, state: LineState) -> dict[str, Any]:
        at = state.source_index
        if at is not None:
            return item_wire(state, self._facts.lines[at])
        return _added_item_wire(state, self._catalogue)

    def _like(
        self, known: tuple[LineState, ...], written: list[dict[str, Any]], states: tuple[LineState, ...]
    ) -> list[dict[str, Any]]:
        """Lines by those of another order of the same answer: only the amounts of discounts differ, as long
        as nothing else was done to a line.
        """
        items: list[dict[str, Any]] = []
        for state, other, like in zip(states, known, written, strict=False):
            discount, applied = state.discount_amount, state.applied_discount_amount
            if (
                not (state.plain and other.plain)
                or (discount and not other.discount_amount)
                or (applied and not other.applied_discount_amount)
            ):
                items.append(self._item(state))
                continue
            wire = like.copy()
            if discount != other.discount_amount:
                if discount:
                    wire["discount_amount"] = discount
                else:
                    del wire["discount_amount"]
                if state.amount is not None:
                    wire["subtotal_amount"] = state.amount - discount
            if applied != other.applied_discount_amount:
                if applied:
                    wire["applied_discount_amount"] = applied
                else:
                    del wire["applied_discount_amount"]
            items.append(wire)
        items.extend(map(self._item, states[len(items) :]))
        return items


def order_wire(
    state: OrderState, facts: OrderFacts, catalogue: Mapping[str, ItemFacts | None] = NO_ITEMS
) -> dict[str, Any]:
    """One order alone. As `OrderWriter.wire`."""
    return OrderWriter(facts, catalogue).wire(state)


def _order(
    state: OrderState, items: list[dict[str, Any]] | None, metadata: Mapping[str, Any]
) -> dict[str, Any]:
    wire: dict[str, Any] = {}
    if state.amount is not None:
        wire["amount"] = state.amount
    if state.initial_amount is not None:
        wire["initial_amount"] = state.initial_amount
    if state.discount_amount:
        wire["discount_amount"] = state.discount_amount
    if state.items_discount_amount:
        wire["items_discount_amount"] = state.items_discount_amount
    if state.total_discount_amount:
        wire["total_discount_amount"] = state.total_discount_amount
    if state.applied_discount_amount:
        wire["applied_discount_amount"] = state.applied_discount_amount
    if state.items_applied_discount_amount:
        wire["items_applied_discount_amount"] = state.items_applied_discount_amount
    if state.total_applied_discount_amount:
        wire["total_applied_discount_amount"] = state.total_applied_discount_amount
    if state.total_amount is not None:
        wire["total_amount"] = state.total_amount
    if items is not None:
        wire["items"] = items
    wire["metadata"] = metadata
    if state.shipping:
        wire["extensions"] = {"shipping": shipping_wire(state.shipping)}
    return wire
