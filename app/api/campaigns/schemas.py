"""Bodies of campaign requests. A null means absent, except in updates, where it takes a value away."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from app.api.promotions.schemas import TierCreate
from app.api.terms import Windows
from app.http.documented import DiscountDocument, TermsDocument


class CodeConfigBody(Struct, kw_only=True):
    length: float | int | None = None
    charset: str | None = None
    prefix: str | None = None
    postfix: str | None = None
    pattern: str | None = None


class RedemptionBody(Struct, kw_only=True):
    """quantity null: without limit."""

    quantity: int | UnsetType | None = UNSET


class GiftBody(Struct, kw_only=True):
    amount: float | int | None = None
    effect: str | None = None


class CampaignVoucherBody(Struct, kw_only=True):
    """What the codes of the campaign will be. `code` is the one code of a STANDALONE campaign."""

    type: str | None = None
    discount: DiscountDocument | None = None
    gift: GiftBody | None = None
    loyalty_card: dict[str, Any] | None = None
    redemption: RedemptionBody | None = None
    code_config: CodeConfigBody | None = None
    code: str | None = None
    is_referral_code: bool | None = None


class PromotionBody(Struct, kw_only=True):
    tiers: list[TierCreate] | None = None


class CampaignCreate(Windows, kw_only=True):
    name: str
    description: str | None = None
    campaign_type: str | None = None
    type: str | None = None
    active: bool | None = None
    auto_join: bool | None = None
    join_once: bool | None = None
    use_voucher_metadata_schema: bool | None = None
    vouchers_count: int | None = None
    activity_duration_after_publishing: str | None = None
    category: str | None = None
    category_id: str | None = None
    metadata: dict[str, Any] | None = None
    validation_rules: list[str] | None = None
    voucher: CampaignVoucherBody | None = None
    promotion: PromotionBody | None = None
    referral_program: dict[str, Any] | None = None
    loyalty_tiers_expiration: dict[str, Any] | None = None
    extensions: TermsDocument | None = None


class CampaignUpdate(Windows, kw_only=True):
    description: str | UnsetType | None = UNSET
    category: str | UnsetType | None = UNSET
    category_id: str | UnsetType | None = UNSET
    activity_duration_after_publishing: str | UnsetType | None = UNSET
    join_once: bool | None = None
    auto_join: bool | None = None
    type: str | None = None
    metadata: dict[str, Any] | None = None
    unset_metadata_fields: list[str] | None = None
    discount: DiscountDocument | None = None
    gift: GiftBody | None = None
    redemption: RedemptionBody | None = None
    voucher: CampaignVoucherBody | None = None
    referral_program: dict[str, Any] | None = None
    loyalty_tiers_expiration: dict[str, Any] | None = None
    extensions: TermsDocument | None = None


class CampaignVouchersCreate(Windows, kw_only=True):
    """What new codes have of their own. The body may also be absent, or a bare number: how many codes to
    add.
    """

    code_config: CodeConfigBody | None = None
    category: str | None = None
    category_id: str | None = None
    redemption: RedemptionBody | None = None
    active: bool | None = None
    additional_info: str | None = None
    metadata: dict[str, Any] | None = None
    extensions: TermsDocument | None = None
