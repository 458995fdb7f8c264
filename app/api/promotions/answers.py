"""What answers of promotion tiers and stacks look like."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.api.categories.answers import Category
from app.api.validation_rules.answers import AssignmentList
from app.http.documented import DiscountDocument, TermsDocument
from app.http.shown import Amount, DatesAndWindows, Instant, Metadata, Shown, Windows


class PromotionTierAction(Shown, kw_only=True):
    discount: DiscountDocument


class PromotionTierCampaign(Windows, kw_only=True):
    """The campaign of a tier, in short. Windows that are not set are absent."""

    id: str
    start_date: Instant | None
    expiration_date: Instant | None
    active: bool
    category_id: str | None
    object: Literal["campaign"]


class PromotionTierRedemptions(Shown, kw_only=True):
    total_redeemed: int


class PromotionTierOrders(Shown, kw_only=True):
    total_amount: Amount
    total_discount_amount: Amount


class PromotionTierSummary(Shown, kw_only=True):
    redemptions: PromotionTierRedemptions
    orders: PromotionTierOrders


class ClientSidePromotionTier(DatesAndWindows, kw_only=True):
    """A tier, as a browser may know it. Dates and windows that are not set are absent; without a category
    of its own it has its campaign's.
    """

    id: str
    created_at: Instant
    updated_at: Instant | None
    name: str | None
    banner: str | None
    action: PromotionTierAction
    metadata: Metadata
    hierarchy: int
    promotion_id: str
    campaign: PromotionTierCampaign
    campaign_id: str
    active: bool
    object: Literal["promotion_tier"]
    category: str | None
    category_id: str | None
    categories: list[Category]


class PromotionTier(ClientSidePromotionTier, kw_only=True):
    """A promotion without a code."""

    summary: PromotionTierSummary
    validation_rule_assignments: AssignmentList
    extensions: TermsDocument | UnsetType = UNSET


class PromotionTierList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["tiers"]
    tiers: list[PromotionTier]
    total: int
    has_more: bool


class ClientSidePromotionTierList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["tiers"]
    tiers: list[ClientSidePromotionTier]
    total: int
    has_more: bool


class PromotionStackTiers(Shown, kw_only=True):
    """Ids in the order in which the tiers apply."""

    ids: list[str]
    hierarchy_mode: Literal["MANUAL"]


class PromotionStack(Shown, kw_only=True):
    """Tiers of one campaign that apply together."""

    id: str
    name: str
    created_at: Instant
    updated_at: Instant | UnsetType = UNSET
    campaign_id: str
    tiers: PromotionStackTiers
    object: Literal["promotion_stack"]
    category_id: str | None
    categories: list[Category]


class PromotionStackList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[PromotionStack]
    total: int
