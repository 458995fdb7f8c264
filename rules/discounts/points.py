"""Points as payment: what a loyalty card may spend, and what it pays of the order."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from rules.money import decimal_of
from rules.plan import Plan
from rules.reasons import Reason
from rules.trouble import Trouble

if TYPE_CHECKING:
    from rules.context import Context

NO_REWARD: Final = "A reward is required when redeeming a LOYALTY_CARD"
NOT_HOLDER: Final = "Customer must be a holder of a loyalty card."
POINTS_MAX: Final = 10**12


def _ratio(value: Any) -> tuple[int, int]:
    number = decimal_of(value)
    if number is None or number <= 0 or not -20 <= number.adjusted() <= 20:
        number = Decimal(1)
    return number.as_integer_ratio()


def spend(context: "Context", balance: int) -> Plan | Trouble:
    """Spend points on a reward. `balance` is what the card holds without what others hold.

    A COIN pays the order: discount = points / points_ratio x exchange_ratio, rounded half up to minor units;
    points above what the order costs are not charged. Other rewards cost their points and leave the order
    alone.
    """
    candidate = context.candidate
    reward = candidate.reward
    code = candidate.code or candidate.requested_id
    if reward is None and candidate.reward_id is None:
        return Trouble(Reason.MISSING_REWARD, NO_REWARD)
    holder = candidate.holder
    if holder is not None and (context.customer is None or context.customer.id != holder.customer_id):
        return Trouble(Reason.INVALID_CUSTOMER, NOT_HOLDER)
    plan = Plan()
    plan.payment = True
    if reward is None or reward.kind != "COIN":
        points = candidate.points if reward is None or reward.points is None else reward.points
        points = max(points or 0, 0)
        if points > balance:
            return Trouble(Reason.LOYALTY_CARD_POINTS_EXCEEDED, code)
        plan.points = points
        return plan
    if not context.has_order:
        return Trouble(Reason.MISSING_ORDER, "Order is required")
    if context.cart.amount is None:
        return Trouble(Reason.MISSING_AMOUNT, "Order amount is required")
    wanted = candidate.points
    if balance <= 0 or (wanted is not None and wanted > balance):
        return Trouble(Reason.LOYALTY_CARD_POINTS_EXCEEDED, code)
    points = min(balance if wanted is None else max(wanted, 0), POINTS_MAX)
    exchange, per_exchange = _ratio(reward.exchange_ratio)
    ratio, per_ratio = _ratio(reward.points_ratio)
    scale: int = 10**context.exponent
    numerator, denominator = exchange * per_ratio * scale, per_exchange * ratio
    left = context.cart.remaining
    # The fewest points that pay for the rest: the smallest p with p x numerator / denominator >= left.
    enough = -(-left * denominator // numerator)
    points = min(points, enough)
    plan.points = points
    plan.order = min((2 * points * numerator + denominator) // (2 * denominator), left)
    return plan
