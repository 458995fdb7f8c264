"""Gift credits as payment: as much as asked for, as the card holds, and as is left to pay."""

from typing import TYPE_CHECKING, Final

from rules.applicable import choose
from rules.discounts.program import TO_ITEMS
from rules.facts import Gift
from rules.money import share, units_worth
from rules.plan import LineCut, Plan
from rules.reasons import Reason
from rules.trouble import Trouble

if TYPE_CHECKING:
    from rules.context import Context

NO_ITEMS: Final = "At least one applicable order item with amount is required to redeem this GIFT_VOUCHER"


def pay(context: "Context", gift: Gift, balance: int) -> Plan | Trouble:
    """Pay with credits. `balance` is what the card holds without what others hold."""
    candidate = context.candidate
    cart = context.cart
    if not context.has_order:
        return Trouble(Reason.MISSING_ORDER, "Order is required")
    if cart.amount is None:
        return Trouble(Reason.MISSING_AMOUNT, "Order amount is required")
    wanted = candidate.credits
    if (wanted is not None and wanted > balance) or balance <= 0:
        return Trouble(Reason.GIFT_AMOUNT_EXCEEDED, candidate.code or candidate.requested_id)
    most = balance if wanted is None else max(wanted, 0)
    plan = Plan()
    plan.payment = True
    if gift.effect != TO_ITEMS:
        plan.order = plan.credits = min(most, cart.remaining)
        return plan
    chosen = context.chosen = choose(context)
    priced = [one for one in chosen if one.line.amount is not None]
    if not priced:
        return Trouble(Reason.MISSING_ORDER_ITEMS_AMOUNT, NO_ITEMS)
    rooms = []
    for one in priced:
        line = one.line
        rooms.append(min(line.remaining, units_worth(line.amount or 0, one.units, line.quantity)))
    used = min(most, sum(rooms), cart.remaining)
    for one, amount in zip(priced, share(used, rooms), strict=True):
        if amount:
            line = one.line
            partial = one.units < line.quantity
            plan.cuts.append(
                LineCut(
                    line, amount, one.units, units_worth(line.amount or 0, one.units, line.quantity), partial
                )
            )
    plan.credits = used
    return plan
