"""Bodies of requests for campaign templates (contract, Templates)."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from app.api.campaigns.schemas import CodeConfigBody, RedemptionBody
from app.api.terms import NAME_MAX, Windows

TemplateName = Annotated[str, Meta(min_length=1, max_length=NAME_MAX)]
Description = Annotated[str, Meta(max_length=10_000)]


class TemplateCreate(Struct, kw_only=True):
    """One of campaign_id and promotion_tier_id says what is kept."""

    name: TemplateName
    description: Description | None = None
    campaign_id: str | None = None
    promotion_tier_id: str | None = None


class TemplateUpdate(Struct, kw_only=True):
    """A null takes the description away."""

    name: TemplateName | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET


class SetupVoucher(Struct, kw_only=True):
    """What codes may have of their own. `code`: the one of a STANDALONE campaign, drawn when absent."""

    code_config: CodeConfigBody | None = None
    redemption: RedemptionBody | None = None
    code: str | None = None


class CampaignSetup(Windows, kw_only=True):
    """What is sent takes the place of what the template says; null dates and windows take them away."""

    name: str
    description: str | None = None
    type: str | None = None
    auto_join: bool | None = None
    join_once: bool | None = None
    use_voucher_metadata_schema: bool | None = None
    vouchers_count: int | None = None
    activity_duration_after_publishing: str | None = None
    category: str | None = None
    category_id: str | None = None
    metadata: dict[str, Any] | None = None
    voucher: SetupVoucher | None = None


class TierSetup(Windows, kw_only=True):
    """As `CampaignSetup`, for a tier of an existing promotion."""

    campaign_id: str
    name: str
    banner: str | None = None
    metadata: dict[str, Any] | None = None
    hierarchy: int | None = None
    active: bool | None = None
    category: str | None = None
    category_id: str | None = None
