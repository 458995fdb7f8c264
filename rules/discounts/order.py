"""Discounts on the whole order: they leave its lines alone."""

from typing import TYPE_CHECKING

from rules.discounts.program import Discount, minor_value, percent_value
from rules.money import percent_of
from rules.plan import Plan
from rules.reasons import Reason
from rules.trouble import Trouble

if TYPE_CHECKING:
    from rules.context import Context


def amount(context: "Context", discount: Discount) -> Plan | Trouble:
    """A fixed sum off what is left. Bundles multiply it."""
    cart = context.cart
    if cart.amount is None and context.has_order:
        return Trouble(Reason.MISSING_AMOUNT, "Order amount is required")
    plan = Plan()
    value = minor_value(context, discount) * context.bundles
    plan.order = min(value, context.left)
    return plan


def percent(context: "Context", discount: Discount) -> Plan | Trouble:
    """A share of what is left, or of the original amount where the stacking rules say so; capped by what is
    left.
    """
    cart = context.cart
    if cart.amount is None and context.has_order:
        return Trouble(Reason.MISSING_AMOUNT, "Order amount is required")
    plan = Plan()
    remaining = context.left
    base = max((cart.base_amount or 0) - context.withheld, 0) if context.initial_basis else remaining
    numerator, denominator = percent_value(context, discount)
    value = percent_of(base, numerator * context.bundles, denominator)
    limit = discount.amount_limit
    if limit is not None and value > limit:
        value = limit
    plan.order = min(value, remaining)
    return plan


def fixed(context: "Context", discount: Discount) -> Plan | Trouble:
    """A new total. A price above the current total changes nothing; bundles do not multiply it."""
    cart = context.cart
    if cart.amount is None and context.has_order:
        return Trouble(Reason.MISSING_AMOUNT, "Order amount is required")
    plan = Plan()
    plan.order = max(min(cart.remaining - minor_value(context, discount), context.left), 0)
    return plan
