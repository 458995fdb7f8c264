"""What answers of redemptions look like."""

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from app.api.redemptions.redeemed import (
    ClientSideVoucher,
    RedeemedPromotionTier,
    RedeemedVoucher,
    RedemptionPromotionTier,
    RedemptionVoucher,
)
from app.api.validations.answers import InapplicableRedeemable, SkippedRedeemable
from app.api.validations.order_answers import ClientSideOrder, RedemptionOrder
from app.http.documented import Trace
from app.http.shown import Amount, Instant, Metadata, Shown


class SimpleCustomer(Shown, kw_only=True):
    """A customer as it was known at that moment; on the client side what the request said."""

    id: str
    name: str | None
    email: str | None
    source_id: str | None
    metadata: Metadata
    object: Literal["customer"]


class RedemptionChannel(Shown, kw_only=True):
    """channel_id: the API key's."""

    channel_id: str | None
    channel_type: Literal["API"]


class RedemptionGift(Shown, kw_only=True):
    """Credits that were used, below zero in a rollback; null where nothing was taken."""

    amount: Amount | None


class RedemptionSession(Shown, kw_only=True):
    """The lock under which it was kept before."""

    key: str


class RedemptionBase(Shown, kw_only=True):
    id: str
    date: Instant
    customer_id: str | None
    metadata: Metadata
    channel: RedemptionChannel
    customer: SimpleCustomer | None
    related_object_type: Literal["voucher", "promotion_tier", "redemption"]
    gift: RedemptionGift | UnsetType = UNSET
    """Of a gift card."""
    session: RedemptionSession | UnsetType = UNSET


class TakenBase(RedemptionBase, kw_only=True, tag_field="object", tag="redemption"):
    tracking_id: str | None
    redemption: str | None
    """Of one within a stack, the parent's id."""
    result: Literal["SUCCESS"]
    status: Literal["SUCCEEDED"]
    related_redemptions: None
    failure_code: None
    failure_message: None
    related_object_id: str
    amount: Amount | UnsetType = UNSET
    """Credits that were used, of a gift card."""
    promotion_tier: RedeemedPromotionTier | UnsetType = UNSET


class SucceededRedemption(TakenBase, kw_only=True, tag_field="object", tag="redemption"):
    """What was taken. A stack's parent has neither voucher nor promotion_tier."""

    voucher: RedeemedVoucher | UnsetType = UNSET
    order: RedemptionOrder | None


class ClientSideRedemption(TakenBase, kw_only=True, tag_field="object", tag="redemption"):
    """What was taken. A stack's parent has neither voucher nor promotion_tier."""

    voucher: ClientSideVoucher | UnsetType = UNSET
    order: ClientSideOrder | None


class RedemptionAnswer(Shown, kw_only=True):
    """parent_redemption: of several that were taken together."""

    redemptions: list[SucceededRedemption]
    parent_redemption: SucceededRedemption | UnsetType = UNSET
    order: RedemptionOrder | UnsetType = UNSET
    inapplicable_redeemables: list[InapplicableRedeemable]
    skipped_redeemables: list[SkippedRedeemable]
    trace: Trace | UnsetType = UNSET
    """With `explain=true` only."""


class ClientSideRedemptionAnswer(Shown, kw_only=True):
    """parent_redemption: of several that were taken together."""

    redemptions: list[ClientSideRedemption]
    parent_redemption: ClientSideRedemption | UnsetType = UNSET
    order: ClientSideOrder | UnsetType = UNSET
    inapplicable_redeemables: list[InapplicableRedeemable]
    skipped_redeemables: list[SkippedRedeemable]


# Read again, and rolled back
# -----------------------------------------------------------------------------------------------------


class RelatedRollback(Shown, kw_only=True):
    id: str
    date: Instant


class RelatedRedemptions(Shown, kw_only=True):
    """Rollbacks of this redemption, of all of it or of parts."""

    rollbacks: list[RelatedRollback]


class KeptBase(RedemptionBase, kw_only=True):
    """Without tracking_id, failure_message and order once its customer is erased."""

    tracking_id: str | UnsetType | None = UNSET
    result: Literal["SUCCESS", "FAILURE"]
    failure_code: str | None
    failure_message: str | UnsetType | None = UNSET
    related_object_id: str | None
    """null where what was asked for does not exist."""
    order: RedemptionOrder | UnsetType | None = UNSET
    voucher: RedemptionVoucher | UnsetType = UNSET
    promotion_tier: RedemptionPromotionTier | UnsetType = UNSET


class Redemption(KeptBase, kw_only=True, tag_field="object", tag="redemption"):
    """Also one that failed. Once its customer is erased, little more than what was redeemed when is left."""

    redemption: str | None
    """Of one within a stack, the parent's id."""
    status: Literal["SUCCEEDED", "FAILED", "ROLLED_BACK"]
    related_redemptions: RelatedRedemptions | None
    amount: Amount | UnsetType = UNSET
    """Credits that were used, of a gift card."""


class ReturnedUnits(Shown, kw_only=True):
    """line: index of the order's item."""

    line: int
    product_id: str | UnsetType = UNSET
    sku_id: str | UnsetType = UNSET
    source_id: str | UnsetType = UNSET
    quantity: int


class RollbackOfPart(Shown, kw_only=True):
    """What came back. amount, refund, uses_restored: of a whole redemption, not of each within a stack."""

    partial: bool
    discount: Amount
    items: list[ReturnedUnits]
    amount: Amount | UnsetType = UNSET
    """Of the units, before the discount."""
    refund: Amount | UnsetType = UNSET
    uses_restored: bool | UnsetType = UNSET


class RedemptionRollback(KeptBase, kw_only=True, tag_field="object", tag="redemption_rollback"):
    """Also one that failed. Once its customer is erased, little more than what came back when is left."""

    redemption: str
    """What was rolled back."""
    reason: str | UnsetType | None = UNSET
    status: Literal["SUCCEEDED", "FAILED"]
    related_redemptions: None
    amount: Amount | None
    """Credits that were given back, below zero; null for what is no gift card."""
    extensions: RollbackOfPart | UnsetType = UNSET
    """Of a part, or of the rest after parts."""


class RollbackAnswer(Shown, kw_only=True):
    """parent_rollback: of a stack."""

    rollbacks: list[RedemptionRollback]
    parent_rollback: RedemptionRollback | UnsetType = UNSET
    order: RedemptionOrder | UnsetType = UNSET


AnyRedemption: Any = Redemption | RedemptionRollback


class RedemptionList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["redemptions"]
    redemptions: list[Redemption | RedemptionRollback]
    total: int


class RedemptionsOfVoucher(Shown, kw_only=True):
    """quantity: how often it may be redeemed, null: always. The newest hundred are listed."""

    object: Literal["list"]
    quantity: int | None
    redeemed_quantity: int
    url: str
    total: int
    data_ref: Literal["redemption_entries"]
    redemption_entries: list[Redemption]


# Why one failed, and how many there are
# -----------------------------------------------------------------------------------------------------


class SeenCounter(Shown, kw_only=True):
    """A counter as the decision saw it. value: null where it was never written; held: by sessions."""

    scope: str
    id: str
    field: str
    window: str | None
    value: int | None
    held: int


class FailureExplanation(Shown, kw_only=True):
    """guards: versions of what it was decided by, by name."""

    object: Literal["failure_explanation"]
    id: str
    date: Instant
    failure_code: str | None
    failure_message: str | None
    related_object_type: str | None
    related_object_id: str | None
    customer_id: str | None
    channel: RedemptionChannel | None
    trace: Trace | None
    counters: list[SeenCounter]
    guards: dict[str, int]


class RedemptionRate(Shown, kw_only=True):
    """Of one second."""

    at: Instant
    redemptions: int
    refusals: int


class RedemptionsOfKey(Shown, kw_only=True):
    key_id: str
    redemptions: int


class RefusalsOfReason(Shown, kw_only=True):
    """key: the error's."""

    key: str
    refusals: int


class RedemptionRates(Shown, kw_only=True, rename={"start": "from"}):
    """refusals_complete: false where there were more than were looked at."""

    object: Literal["redemption_rates"]
    start: Instant
    to: Instant
    seconds: list[RedemptionRate]
    redemptions: int
    refusals: int
    refusals_complete: bool
    by_key: list[RedemptionsOfKey]
    by_reason: list[RefusalsOfReason]
