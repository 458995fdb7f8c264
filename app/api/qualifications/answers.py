"""What answers of qualifications look like."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.api.campaigns.answers import Campaign
from app.api.categories.answers import Category
from app.api.stacking_rules.answers import EffectiveStackingRules
from app.api.validation_rules.answers import Assignment
from app.api.validations.answers import (
    ApplicableItemList,
    ApplicableResult,
    RedeemableCategory,
)
from app.api.validations.order_answers import ValidationOrder
from app.api.vouchers.answers import Voucher
from app.http.documented import DiscountDocument
from app.http.shown import Amount, Instant, Metadata, Shown, Windows


class QualifiedAssignment(Assignment, kw_only=True):
    """validation_omitted_rules: numbers of the rules that the scenario does not look at."""

    validation_status: Literal["VALID", "PARTIALLY_VALID"]
    validation_omitted_rules: list[str]


class QualifiedAssignmentList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[QualifiedAssignment]
    total: int


class QualifiedRedeemable(Shown, kw_only=True):
    """metadata, categories, name and what is its campaign's are filled where `expand` asks for them."""

    id: str
    created_at: Instant | UnsetType = UNSET
    """Not within a promotion stack."""
    order: ValidationOrder | UnsetType = UNSET
    """After this redeemable alone; absent without an order."""
    applicable_to: ApplicableItemList
    inapplicable_to: ApplicableItemList
    result: ApplicableResult
    metadata: Metadata
    categories: list[RedeemableCategory]
    validation_rule_id: str | UnsetType = UNSET
    validation_rules_assignments: QualifiedAssignmentList | UnsetType = UNSET
    """Where `expand` asks for validation_rules."""


class QualifiedCode(QualifiedRedeemable, kw_only=True, tag_field="object", tag="voucher"):
    """id: the code."""

    campaign_name: str | UnsetType | None = UNSET
    campaign_id: str | UnsetType = UNSET


class QualifiedPromotionTier(QualifiedRedeemable, kw_only=True, tag_field="object", tag="promotion_tier"):
    name: str | UnsetType | None = UNSET
    banner: str | UnsetType = UNSET
    campaign_name: str | UnsetType | None = UNSET
    campaign_id: str | UnsetType = UNSET


class QualifiedCampaign(QualifiedRedeemable, kw_only=True, tag_field="object", tag="campaign"):
    """Whose next code would apply."""

    name: str | UnsetType | None = UNSET


class NoResult(Shown, kw_only=True):
    """Always empty: what is given is told of each tier."""


class QualifiedPromotionStack(Shown, kw_only=True, tag_field="object", tag="promotion_stack"):
    """metadata and categories: always empty. redeemables: the tiers that apply."""

    id: str
    created_at: Instant
    result: NoResult
    order: ValidationOrder | UnsetType = UNSET
    metadata: Metadata
    categories: list[RedeemableCategory]
    name: str | UnsetType | None = UNSET
    campaign_name: str | UnsetType | None = UNSET
    campaign_id: str | UnsetType | None = UNSET
    redeemables: list[QualifiedPromotionTier]


class QualifiedRedeemableList(Shown, kw_only=True):
    """more_starting_after: the cursor of the next page, where there is one."""

    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[QualifiedCode | QualifiedPromotionTier | QualifiedCampaign | QualifiedPromotionStack]
    total: int
    has_more: bool
    more_starting_after: Instant | UnsetType = UNSET


class Qualification(Shown, kw_only=True):
    """order: as sent, with its amounts resolved."""

    redeemables: QualifiedRedeemableList
    tracking_id: str | UnsetType = UNSET
    order: ValidationOrder | UnsetType = UNSET
    stacking_rules: EffectiveStackingRules


# The older ones
# -----------------------------------------------------------------------------------------------------


class OlderQualification(Shown, kw_only=True):
    id: str
    object: Literal["list"]
    data_ref: Literal["data"]
    total: int
    created_at: Instant
    tracking_id: str | UnsetType = UNSET


class QualifiedVoucher(Voucher, kw_only=True):
    applicable_to: ApplicableItemList
    inapplicable_to: ApplicableItemList


class VoucherQualification(OlderQualification, kw_only=True):
    data: list[QualifiedVoucher]


class CampaignQualification(OlderQualification, kw_only=True):
    """data: campaigns, as they are answered by themselves."""

    data: list[Campaign]


class CampaignOfPromotion(Windows, kw_only=True):
    id: str
    start_date: Instant | None
    expiration_date: Instant | None
    active: bool
    category_id: str | None
    categories: list[Category] | UnsetType = UNSET
    """Where `expand` asks for category."""
    object: Literal["campaign"]


class QualifiedPromotion(Shown, kw_only=True):
    """A promotion tier that applies."""

    valid: Literal[True]
    applicable_to: ApplicableItemList
    inapplicable_to: ApplicableItemList
    tracking_id: str | UnsetType = UNSET
    order: ValidationOrder | UnsetType = UNSET
    id: str
    name: str | None
    banner: str | None
    discount: DiscountDocument | None
    discount_amount: Amount | UnsetType = UNSET
    """With applied_discount_amount: where it takes something off."""
    applied_discount_amount: Amount | UnsetType = UNSET
    campaign: CampaignOfPromotion
    hierarchy: int
    metadata: Metadata
    object: Literal["promotion_tier"]


class PromotionsValidation(Shown, kw_only=True):
    """valid: whether there is a promotion that applies."""

    valid: bool
    promotions: list[QualifiedPromotion]
    tracking_id: str | UnsetType = UNSET
