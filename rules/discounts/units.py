"""Free units: what comes into the cart and what in it becomes free (`behaviour` 3.4)."""

from typing import TYPE_CHECKING, Final

from rules.cart import WorkLine
from rules.discounts.program import Discount, Units, unit_value
from rules.money import units_worth
from rules.plan import Addition, Plan
from rules.reasons import Reason
from rules.trouble import Trouble

if TYPE_CHECKING:
    from rules.context import Context

SAME: Final = "ADD_SAME_ITEMS"


def free_units(context: "Context", discount: Discount) -> Plan | Trouble:
    """Every entry of a unit discount in turn."""
    if not context.has_order:
        return Trouble(Reason.MISSING_ORDER, "Order is required")
    plan = Plan()
    taken: dict[str, Addition] = {}
    for entry in discount.units:
        trouble = _same(context, entry, plan) if entry.effect == SAME else _one(context, entry, plan, taken)
        if trouble is not None:
            return trouble
    _keep_within_order(context, plan)
    return plan


def _same(context: "Context", entry: Units, plan: Plan) -> Trouble | None:
    """ADD_SAME_ITEMS: free units of every line in the cart that the product, SKU or collection names."""
    count = unit_value(context, entry) * context.bundles
    if count <= 0 or entry.entity is None:
        return None
    for line in context.cart.lines:
        if entry.entity.matches(line, context.now):
            price = line.price
            if price is None and line.amount is not None:
                price = line.unit_price
            plan.additions.append(
                Addition(entry.unit_type, None, line, count, count, price, (price or 0) * count)
            )
    return None


def find_line(context: "Context", unit_type: str) -> WorkLine | None:
    """The first line of the product or SKU."""
    is_sku = unit_type.startswith("sku_")
    for line in context.cart.lines:
        if unit_type in (line.sku_ids if is_sku else line.product_ids):
            return line
    return None


def _one(context: "Context", entry: Units, plan: Plan, taken: dict[str, Addition]) -> Trouble | None:
    count = unit_value(context, entry) * context.bundles
    if count <= 0:
        return None
    unit_type = entry.unit_type
    line = find_line(context, unit_type)
    catalogue = context.facts.catalogue
    item = catalogue.get(unit_type, entry.item)
    if line is None:
        if unit_type in catalogue and catalogue[unit_type] is None:
            return Trouble(Reason.INVALID_PRODUCT, f"Cannot find product with id {unit_type}")
        price = item.price if item is not None else None
        add_free(plan, taken, Addition(unit_type, item, None, count, count, price, (price or 0) * count))
        return None
    source = line.source
    price = source.price
    if price is None and line.amount is not None:
        price = line.unit_price
    if price is None and item is not None:
        price = item.price
    quantity, amount = line.quantity, line.amount
    if entry.effect == "ADD_MISSING_ITEMS":
        added = max(count - quantity, 0)
        paid = min(count, quantity)
        worth = 0 if amount is None else min(units_worth(amount, paid, quantity), amount - line.discount)
        addition = Addition(unit_type, item, line, added, count, price, worth + (price or 0) * added)
    else:
        addition = Addition(unit_type, item, line, count, count, price, (price or 0) * count)
    add_free(plan, taken, addition)
    return None


def add_free(plan: Plan, taken: dict[str, Addition], addition: Addition) -> None:
    """Two entries for one product make one addition, so that it comes into the cart once."""
    known = taken.get(addition.unit_type)
    if known is None:
        taken[addition.unit_type] = addition
        plan.additions.append(addition)
        return
    known.added += addition.added
    known.free += addition.free
    known.discount += addition.discount


def _keep_within_order(context: "Context", plan: Plan) -> None:
    """An order that is worth less than its lines cannot give away more than is left of it and what was
    added.
    """
    left = context.cart.remaining + plan.added_amount
    for addition in plan.additions:
        addition.discount = min(addition.discount, left)
        left -= addition.discount
