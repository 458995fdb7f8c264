"""The kinds of events (behaviour 7.2), and how they may be spelled."""

from typing import Final

RULE = "business_validation_rule"
EVENT_TYPES: Final = frozenset(
    {
        f"{RULE}.created",
        f"{RULE}.updated",
        f"{RULE}.deleted",
        f"{RULE}.assignment.created",
        f"{RULE}.assignment.deleted",
        "campaign.created",
        "campaign.updated",
        "campaign.deleted",
        "campaign.enabled",
        "campaign.disabled",
        "campaign.vouchers.generation.started",
        "campaign.vouchers.generation.completed",
        "campaign.vouchers.generation.failed",
        "campaign.vouchers.added",
        "campaign.earning_rule.assigned",
        "campaign.earning_rule.updated",
        "campaign.earning_rule.deleted",
        "campaign.earning_rule.enabled",
        "campaign.earning_rule.disabled",
        "campaign.loyalty_tier.created",
        "campaign.loyalty_tier.updated",
        "campaign.loyalty_tier.deleted",
        "campaign.promotion_stack.created",
        "campaign.promotion_stack.updated",
        "campaign.promotion_tier.created",
        "campaign.promotion_tier.updated",
        "campaign.promotion_tier.deleted",
        "campaign.promotion_tier.enabled",
        "campaign.promotion_tier.disabled",
        "campaign.referral_tier.created",
        "campaign.referral_tier.updated",
        "campaign.referral_tier.deleted",
        "campaign.reward.assignment.created",
        "campaign.reward.assignment.updated",
        "campaign.reward.assignment.deleted",
        "customer.created",
        "customer.updated",
        "customer.deleted",
        "customer.confirmed",
        "customer.custom_event",
        "customer.rewarded",
        "customer.segment.entered",
        "customer.segment.left",
        "customer.rewarded.loyalty_points",
        "publication.succeeded",
        "redemption.succeeded",
        "redemption.failed",
        "redemption.rollback.succeeded",
        "redemption.rollback.failed",
        "voucher.created",
        "voucher.updated",
        "voucher.deleted",
        "voucher.enabled",
        "voucher.disabled",
        "voucher.published",
        "voucher.gift.balance_added",
        "voucher.gift.transaction.created",
        "voucher.loyalty_card.points_added",
        "voucher.loyalty_card.points_expired",
        "voucher.loyalty_card.transaction.created",
        "voucher.loyalty_card.pending_points.added",
        "voucher.loyalty_card.pending_points.activated",
        "voucher.loyalty_card.pending_points.canceled",
        "voucher.loyalty_card.pending_points.updated",
    }
)

_MISSPELLED: Final = {
    name.removesuffix("added") + "aded": name for name in EVENT_TYPES if name.endswith("added")
}
"""The management enum of the contract spells some without one of their d's."""


def normalised(name: str) -> str | None:
    """The kind that a name means; None: there is none."""
    name = _MISSPELLED.get(name, name)
    return name if name in EVENT_TYPES else None


def wanted(events: list[str]) -> frozenset[str]:
    """The kinds that a webhook asks for."""
    return frozenset(kind for name in events if (kind := normalised(name)) is not None)
