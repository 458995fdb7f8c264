"""What answers of campaign templates look like."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.api.campaigns.answers import Campaign, CampaignCodeConfig, CampaignGift, CampaignVoucherRedemption
from app.api.promotions.answers import PromotionTier
from app.http.documented import DiscountDocument, TermsDocument
from app.http.shown import DatesAndWindows, Instant, Metadata, Object, Shown


class TemplateVoucher(Shown, kw_only=True):
    """What codes of the template are. code_config: without the length, which the pattern says."""

    type: Literal["DISCOUNT_VOUCHER", "GIFT_VOUCHER"]
    discount: DiscountDocument | UnsetType = UNSET
    gift: CampaignGift | UnsetType = UNSET
    redemption: CampaignVoucherRedemption | UnsetType = UNSET
    code_config: CampaignCodeConfig | UnsetType = UNSET


class TemplateDefinition(DatesAndWindows, kw_only=True):
    """How the campaign or tier was set up. Of a tier there is less."""

    type: Literal["AUTO_UPDATE", "STATIC", "STANDALONE"] | UnsetType = UNSET
    auto_join: bool | UnsetType = UNSET
    join_once: bool | UnsetType = UNSET
    use_voucher_metadata_schema: bool | UnsetType = UNSET
    activity_duration_after_publishing: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET
    voucher: TemplateVoucher
    extensions: TermsDocument | UnsetType = UNSET


class TemplateRule(Shown, kw_only=True):
    """A validation rule, copied for whatever is made. body: all but its name."""

    name: str | None
    body: Object


class TemplateDocument(Shown, kw_only=True):
    definition: TemplateDefinition
    banner: str | UnsetType | None = UNSET
    """Of a tier."""
    validation_rules: list[TemplateRule]


class CampaignTemplate(Shown, kw_only=True):
    id: str
    name: str
    description: str | UnsetType = UNSET
    campaign_type: Literal["DISCOUNT_COUPONS", "GIFT_VOUCHERS"]
    created_at: Instant
    updated_at: Instant | UnsetType = UNSET
    object: Literal["campaign_template"]


class ExpandedCampaignTemplate(CampaignTemplate, kw_only=True):
    json_template: TemplateDocument | UnsetType = UNSET
    """With `expand=json_template`."""


class CampaignTemplateList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[CampaignTemplate]
    has_more: bool
    more_starting_after: str | UnsetType = UNSET
    """Where there is more."""
    total: int | UnsetType = UNSET
    """With `include_total=true`."""


class CopiedRule(Shown, kw_only=True):
    id: str
    object: Literal["validation_rules"]


class SetUpCampaign(Shown, kw_only=True):
    """created_resources: the rules that were made for it."""

    created_resources: list[CopiedRule]
    campaign: Campaign
    object: Literal["campaign_setup"]


class SetUpPromotionTier(Shown, kw_only=True):
    """created_resources: the rules that were made for it."""

    created_resources: list[CopiedRule]
    promotion_tier: PromotionTier
    object: Literal["promotion_tier_setup"]
