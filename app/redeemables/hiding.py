"""Unique codes as strangers see them where the project hides their state (D25): one that is unknown, over or
somebody else's gives one answer, at one cost. Public codes always say what they are.
"""

from collections.abc import Sequence

from app.redeemables.gather import Gathered
from rules.admission import not_found
from rules.facts import Candidate
from rules.reasons import Reason
from rules.verdict import Result

HIDDEN = frozenset(
    {
        Reason.NOT_FOUND,
        Reason.VOUCHER_DISABLED,
        Reason.CAMPAIGN_DISABLED,
        Reason.VOUCHER_NOT_ACTIVE,
        Reason.VOUCHER_NOT_ACTIVE_NOW,
        Reason.VOUCHER_EXPIRED,
        Reason.QUANTITY_EXCEEDED,
        Reason.GIFT_AMOUNT_EXCEEDED,
        Reason.LOYALTY_CARD_POINTS_EXCEEDED,
        Reason.REFERRER_NOT_PERMITTED,
        Reason.CUSTOMER_RULES_VIOLATED,
        Reason.MISSING_CUSTOMER,
    }
)
"""What tells that a code exists, or whose it is. What a cart lacks is told: its owner has to know."""


def hidden(results: Sequence[Result], gathered: Gathered) -> tuple[Result, ...]:
    """The results as they are shown."""
    return tuple(_hidden(result, gathered) for result in results)


def _hidden(result: Result, gathered: Gathered) -> Result:
    candidate = result.candidate
    if result.status == "APPLICABLE" or candidate.object != "voucher" or _is_public(candidate, gathered):
        return result
    nobody = Candidate(object="voucher", requested_id=candidate.requested_id, absent=True)
    if result.status == "SKIPPED":
        return Result(candidate=nobody, status="SKIPPED", refusal=result.refusal)
    if result.refusal is None or result.refusal.reason not in HIDDEN:
        return result
    return Result(candidate=nobody, status="INAPPLICABLE", refusal=not_found(nobody))


def _is_public(candidate: Candidate, gathered: Gathered) -> bool:
    campaign = gathered.campaigns.get(candidate.campaign_id) if candidate.campaign_id else None
    return campaign is not None and campaign.public
