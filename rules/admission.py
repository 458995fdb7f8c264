"""The first rungs of the ladder: does it exist, is it live, is something left, may this customer have it at
all.
"""

from typing import TYPE_CHECKING, Final

from rules.counters import tally
from rules.discounts.points import NO_REWARD
from rules.facts import Candidate
from rules.reasons import Reason
from rules.terms import NO_TERMS
from rules.verdict import Refusal
from rules.windows import DISABLED, LIVE, NOT_YET, OVER

if TYPE_CHECKING:
    from rules.context import Context

KINDS: Final = {
    "DISCOUNT_VOUCHER": "Discount Coupon",
    "GIFT_VOUCHER": "Gift Card",
    "LOYALTY_CARD": "Loyalty Card",
    "PROMOTION_TIER": "Promotion Tier",
}


def code_of(candidate: Candidate) -> str:
    """What the details of a refusal name: the code, or the tier's id."""
    return candidate.code or candidate.id or candidate.requested_id


def refuse(candidate: Candidate, reason: Reason, details: str | None = None, **more: str | None) -> Refusal:
    """A refusal that names its redeemable."""
    return Refusal(
        reason=reason,
        details=code_of(candidate) if details is None else details,
        resource_id=candidate.id or candidate.requested_id,
        resource_type=candidate.object,
        **more,
    )


def not_found(candidate: Candidate) -> Refusal:
    wanted = candidate.requested_id
    return Refusal(
        Reason.NOT_FOUND,
        f"Cannot find {candidate.object} with id {wanted}",
        None,
        None,
        wanted,
        candidate.object,
    )


def closed(context: "Context", candidate: Candidate) -> Refusal | None:
    """Switched off, not begun, over, or outside its recurring hours."""
    for compiled in candidate.windows:
        window = compiled.program
        state = window.state(context.now)
        if state == LIVE:
            continue
        if candidate.object == "promotion_tier":
            return _tier_closed(candidate, state)
        if state == DISABLED:
            return refuse(
                candidate, Reason.CAMPAIGN_DISABLED if window.owner == "campaign" else Reason.VOUCHER_DISABLED
            )
        if state == NOT_YET:
            return refuse(candidate, Reason.VOUCHER_NOT_ACTIVE)
        if state == OVER:
            return refuse(candidate, Reason.VOUCHER_EXPIRED)
        return refuse(candidate, Reason.VOUCHER_NOT_ACTIVE_NOW)
    return None


def _tier_closed(candidate: Candidate, state: int) -> Refusal:
    name = f"Promotion Tier with id: {candidate.id}"
    if state == DISABLED:
        return refuse(candidate, Reason.PROMOTION_INACTIVE, f"{name} is disabled.")
    if state == NOT_YET:
        return refuse(candidate, Reason.PROMOTION_INACTIVE, f"{name} is not active yet.")
    if state == OVER:
        return refuse(candidate, Reason.PROMOTION_INACTIVE, f"{name} has expired.")
    return refuse(candidate, Reason.PROMOTION_NOT_ACTIVE_NOW, f"{name} is not active now.")


def used_up(context: "Context", candidate: Candidate) -> Refusal | None:
    """Nothing left of redemption.quantity, as far as the counter is known; the script decides."""
    quantity = candidate.quantity
    if quantity is None:
        return None
    if context.facts.counters:
        seen = context.seen(tally(context.scope, candidate.id))
        if seen is not None and seen + 1 > quantity:
            return refuse(candidate, Reason.QUANTITY_EXCEEDED)
    if quantity <= 0:
        return refuse(candidate, Reason.QUANTITY_EXCEEDED)
    return None


def unfunded(context: "Context", candidate: Candidate) -> Refusal | None:
    """More credits or points asked for than the card holds, or no reward to spend points on."""
    if candidate.gift is not None:
        balance = context.balance(candidate)
        wanted = candidate.credits
        if balance <= 0 or (wanted is not None and wanted > balance):
            return refuse(candidate, Reason.GIFT_AMOUNT_EXCEEDED)
    elif candidate.kind == "LOYALTY_CARD":
        reward = candidate.reward
        if reward is None and candidate.reward_id is None:
            return refuse(candidate, Reason.MISSING_REWARD, NO_REWARD)
        wanted = candidate.points
        if reward is not None and reward.points is not None and reward.kind != "COIN":
            wanted = reward.points
        if wanted is not None and wanted > context.balance(candidate):
            return refuse(candidate, Reason.LOYALTY_CARD_POINTS_EXCEEDED)
    return None


def out_of_terms(context: "Context", candidate: Candidate) -> Refusal | None:
    """Currency and place (`extensions`)."""
    terms, project = context.terms, context.project_terms
    order = context.facts.order
    if terms is NO_TERMS and project is NO_TERMS and (order is None or order.currency is None):
        return None
    currency = terms.currency or project.currency or context.facts.currency
    if (
        currency is not None
        and order is not None
        and order.currency is not None
        and deals_in_money(candidate)
    ):
        given = order.currency.upper()
        if given != currency.upper():
            return refuse(
                candidate, Reason.CURRENCY_MISMATCH, f"Order is in {given}, not in {currency.upper()}"
            )
    for one in (terms, project):
        if one.geo is not None:
            reason = one.geo.refuses(context)
            if reason is not None:
                return refuse(candidate, reason)
    return None


def deals_in_money(candidate: Candidate) -> bool:
    """Does the redeemable name a sum of money? A share of the order is good in any currency."""
    if candidate.gift is not None:
        return True
    if candidate.discount is None:
        return False
    program = candidate.discount.program
    return (
        program.kind in ("AMOUNT", "FIXED")
        or program.amount_limit is not None
        or program.aggregated_amount_limit is not None
    )


def not_permitted(context: "Context", candidate: Candidate) -> Refusal | None:
    """A referrer may not redeem his own code; one that is for its holder only (`extensions`) nobody else."""
    holder = candidate.holder
    if holder is None:
        return None
    customer = context.customer
    if context.terms.holder_only and (customer is None or customer.id != holder.customer_id):
        if customer is None or customer.id is None:
            return refuse(candidate, Reason.MISSING_CUSTOMER, "Customer is required to validate rules")
        return refuse(candidate, Reason.CUSTOMER_RULES_VIOLATED)
    if not candidate.is_referral_code:
        return None
    if customer is not None and customer.id == holder.customer_id:
        return refuse(candidate, Reason.REFERRER_NOT_PERMITTED)
    return None
