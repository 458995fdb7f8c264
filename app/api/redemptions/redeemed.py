"""What redeemed vouchers and promotion tiers look like in answers of redemptions."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.api.categories.answers import Category
from app.http.documented import DiscountDocument
from app.http.shown import Amount, Instant, Metadata, Object, Shown

VoucherType = Literal["DISCOUNT_VOUCHER", "GIFT_VOUCHER", "LOYALTY_CARD"]


class RedeemedGiftCard(Shown, kw_only=True):
    """amount: what the card was made with."""

    amount: Amount
    effect: Literal["APPLY_TO_ORDER", "APPLY_TO_ITEMS"]


class ClientSideVoucher(Shown, kw_only=True):
    """Its own terms, or its campaign's, as of the redemption. categories: always empty."""

    id: str
    code: str
    campaign: str | None
    campaign_id: str | None
    category_id: str | None
    categories: list[Category]
    type: VoucherType
    discount: DiscountDocument | None
    gift: RedeemedGiftCard | None
    loyalty_card: None
    start_date: Instant | None
    expiration_date: Instant | None
    validity_timeframe: Object | None
    validity_day_of_week: list[int] | None
    active: bool
    metadata: Metadata
    is_referral_code: bool
    object: Literal["voucher"]


class RedeemedVoucher(ClientSideVoucher, kw_only=True):
    holder_id: str | None


class RedemptionVoucher(Shown, kw_only=True):
    """As of the redemption; once its customer is erased, id and code are left."""

    id: str
    code: str
    campaign: str | UnsetType | None = UNSET
    campaign_id: str | UnsetType | None = UNSET
    category_id: str | UnsetType | None = UNSET
    categories: list[Category] | UnsetType = UNSET
    type: VoucherType | UnsetType = UNSET
    discount: DiscountDocument | UnsetType | None = UNSET
    gift: RedeemedGiftCard | UnsetType | None = UNSET
    loyalty_card: UnsetType | None = UNSET
    start_date: Instant | UnsetType | None = UNSET
    expiration_date: Instant | UnsetType | None = UNSET
    validity_timeframe: Object | UnsetType | None = UNSET
    validity_day_of_week: list[int] | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET
    is_referral_code: bool | UnsetType = UNSET
    holder_id: str | UnsetType | None = UNSET
    object: Literal["voucher"]


class RedeemedAction(Shown, kw_only=True):
    discount: DiscountDocument | UnsetType | None = UNSET


class CampaignOfTier(Shown, kw_only=True):
    id: str
    object: Literal["campaign"]


class RedeemedPromotionTier(Shown, kw_only=True):
    """As of the redemption."""

    id: str
    name: str | None
    banner: str | None
    action: RedeemedAction | None
    metadata: Metadata
    hierarchy: int
    promotion_id: str
    campaign_id: str
    campaign: CampaignOfTier
    object: Literal["promotion_tier"]


class RedemptionPromotionTier(Shown, kw_only=True):
    """As of the redemption; once its customer is erased, id and name are left."""

    id: str
    name: str | None
    banner: str | UnsetType | None = UNSET
    action: RedeemedAction | UnsetType | None = UNSET
    metadata: Metadata | UnsetType = UNSET
    hierarchy: int | UnsetType = UNSET
    promotion_id: str | UnsetType = UNSET
    campaign_id: str | UnsetType = UNSET
    campaign: CampaignOfTier | UnsetType = UNSET
    object: Literal["promotion_tier"]
