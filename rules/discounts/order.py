"""Discounts on the whole order: they leave its lines alone."""

from typing import TYPE_CHECKING

from rules.cart import Plan
from rules.discounts.program import Discount, Trouble, minor_value, percent_value
from rules.money import percent_of
from rules.reasons import Reason

if TYPE_CHECKING:
    from rules.context import Context


def amount(context: "Context", discount: Discount) -> Plan | Trouble:
    """A fixed sum off what is left. Bundles multiply it."""
    cart = context.cart
    if cart.amount is None and context.has_order:
        return Trouble(Reason.MISSING_AMOUNT, "Order amount is required")
    plan = Plan()
    value = minor_value(context, discount) * context.bundles
    plan.order = min(value, cart.remaining)
    return plan


def percent(context: "Context", discount: Discount) -> Plan | Trouble:
    """A share of what is left, or of the original amount where the stacking rules say so; capped by what is
    left.
    """
    cart = context.cart
    if cart.amount is None and context.has_order:
        return Trouble(Reason.MISSING_AMOUNT, "Order amount is required")
    plan = Plan()
    remaining = cart.remaining
    base = (cart.base_amount or 0) if context.initial_basis else remaining
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
    plan.order = max(cart.remaining - minor_value(context, discount), 0)
    return plan
