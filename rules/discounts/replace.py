"""REPLACE_ITEMS: units leave the cart and others come; the discount is what the newcomers cost more (TV8)."""

from typing import TYPE_CHECKING

from rules.discounts.program import Discount
from rules.discounts.units import find_line
from rules.money import units_worth
from rules.plan import Addition, Plan, Replacement
from rules.reasons import Reason
from rules.trouble import Trouble

if TYPE_CHECKING:
    from rules.context import Context


def replace_units(context: "Context", discount: Discount) -> Plan | Trouble:
    """As many exchanges as the source line holds, up to the discount's count times the bundles found."""
    if not context.has_order:
        return Trouble(Reason.MISSING_ORDER, "Order is required")
    plan = Plan()
    source, target = discount.units
    line = find_line(context, source.unit_type)
    if line is None or line.quantity < source.count or source.count <= 0:
        return plan
    times = min(context.bundles, line.quantity // source.count)
    leaving = source.count * times
    worth = 0 if line.amount is None else units_worth(line.amount, leaving, line.quantity)
    if context.cart.amount is not None and worth > context.cart.remaining:
        # An order worth less than its lines: nothing can be taken out of it.
        return plan
    catalogue = context.facts.catalogue
    known = catalogue.get(target.unit_type, target.item)
    if target.unit_type in catalogue and catalogue[target.unit_type] is None:
        return Trouble(Reason.INVALID_PRODUCT, f"Cannot find product with id {target.unit_type}")
    present = find_line(context, target.unit_type)
    price = known.price if known is not None else None
    if present is not None and present is not line and present.price is not None:
        price = present.price
    coming = target.count * times
    dearer = max((price or 0) * coming - worth, 0)
    addition = Addition(
        target.unit_type, known, present if present is not line else None, coming, 0, price, dearer
    )
    plan.replacements.append(Replacement(line, leaving, worth, addition))
    return plan
