"""What answers of campaigns look like."""

from typing import Any, Literal

from msgspec import UNSET, UnsetType, defstruct
from msgspec.structs import fields

from app.api.categories.answers import Category
from app.api.promotions.answers import PromotionTierList
from app.api.validation_rules.answers import AssignmentList
from app.api.vouchers.answers import Voucher
from app.http.documented import DiscountDocument, TermsDocument
from app.http.shown import Amount, DatesAndWindows, Instant, Metadata, Object, Shown

CampaignType = Literal[
    "DISCOUNT_COUPONS", "GIFT_VOUCHERS", "LOYALTY_PROGRAM", "PROMOTION", "REFERRAL_PROGRAM"
]
CodesType = Literal["AUTO_UPDATE", "STATIC", "STANDALONE"]
GenerationStatus = Literal["DONE", "IN_PROGRESS", "FAILED"]


class CampaignCodeConfig(Shown, kw_only=True):
    """How codes are drawn. Nothing is said of a code that somebody chose."""

    length: int | UnsetType = UNSET
    charset: str | UnsetType = UNSET
    prefix: str | UnsetType = UNSET
    postfix: str | UnsetType = UNSET
    pattern: str | UnsetType = UNSET


class CampaignGift(Shown, kw_only=True):
    amount: Amount
    effect: Literal["APPLY_TO_ORDER", "APPLY_TO_ITEMS"]


class CampaignVoucherRedemption(Shown, kw_only=True):
    """How often a code may be redeemed, null: always."""

    quantity: int | None


class CampaignVoucher(DatesAndWindows, kw_only=True):
    """What the campaign's codes are: one of discount, gift and loyalty_card, as the type says."""

    type: Literal["DISCOUNT_VOUCHER", "GIFT_VOUCHER", "LOYALTY_CARD"]
    discount: DiscountDocument | UnsetType = UNSET
    gift: CampaignGift | UnsetType = UNSET
    loyalty_card: Object | UnsetType = UNSET
    """As it was sent, and `points`."""
    redemption: CampaignVoucherRedemption
    code_config: CampaignCodeConfig
    is_referral_code: bool


class SummarizedCampaign(DatesAndWindows, kw_only=True):
    """A campaign as its summary has it. Dates and windows that are not set are absent."""

    id: str
    name: str
    campaign_type: CampaignType
    type: CodesType
    voucher: CampaignVoucher | UnsetType = UNSET
    """Not of a promotion."""
    auto_join: bool
    join_once: bool
    use_voucher_metadata_schema: bool
    description: str | UnsetType = UNSET
    activity_duration_after_publishing: str | UnsetType = UNSET
    """ISO 8601."""
    referral_program: Object | UnsetType = UNSET
    loyalty_tiers_expiration: Object | UnsetType = UNSET
    extensions: TermsDocument | UnsetType = UNSET
    active: bool
    metadata: Metadata
    created_at: Instant
    updated_at: Instant | UnsetType = UNSET
    vouchers_count: int | UnsetType = UNSET
    """Not of a promotion."""
    category: str | UnsetType = UNSET
    creation_status: GenerationStatus
    vouchers_generation_status: GenerationStatus
    protected: bool
    category_id: str | None
    categories: list[Category]
    """In lists empty without `expand=category`."""
    object: Literal["campaign"]


class Campaign(SummarizedCampaign, kw_only=True):
    promotion: PromotionTierList | UnsetType = UNSET
    """Of a promotion: all of its tiers."""
    validation_rules_assignments: AssignmentList


class CampaignList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["campaigns"]
    campaigns: list[Campaign]
    total: int


class SwitchedCampaign(Shown, kw_only=True):
    """Nothing is said of a campaign that was enabled or disabled."""


_of_voucher: list[Any] = [(one.name, one.type | UnsetType, UNSET) for one in fields(Voucher)]
AddedVouchers = defstruct(
    "AddedVouchers",
    [*_of_voucher, ("async_action_id", str | UnsetType, UNSET)],
    bases=(Shown,),
    kw_only=True,
    namespace={"__doc__": "Of one code the voucher, of more the async action that makes them."},
)


class CampaignSummary(Shown, kw_only=True):
    """What a campaign has done. Counts of codes are absent of a promotion, credits are of gift cards."""

    object: Literal["campaign_summary"]
    campaign: SummarizedCampaign
    redemptions: int
    redemptions_succeeded: int
    redemptions_failed: int
    rollbacks: int
    rollbacks_succeeded: int
    rollbacks_failed: int
    validations: int
    validations_succeeded: int
    validations_failed: int
    orders_amount: Amount
    orders_rolledback_amount: Amount
    discounted_amount: Amount
    rolledback_discounted_amount: Amount
    vouchers_created: int | UnsetType = UNSET
    vouchers_deleted: int | UnsetType = UNSET
    publications: int | UnsetType = UNSET
    publications_succeeded: int | UnsetType = UNSET
    publications_failed: int | UnsetType = UNSET
    created_vouchers_amount: Amount | UnsetType = UNSET
    amount_added: Amount | UnsetType = UNSET
    amount_deleted: Amount | UnsetType = UNSET
    amount_redeemed: Amount | UnsetType = UNSET
    amount_rolledback: Amount | UnsetType = UNSET
    amount_subtracted: Amount | UnsetType = UNSET


class CampaignAvailability(Shown, kw_only=True):
    """limit, left, percent_claimed: null without a limit."""

    object: Literal["campaign_availability"]
    campaign_id: str
    status: Literal["available", "not_started", "sold_out", "expired", "disabled"]
    limit: int | None
    claimed: int
    left: int | None
    percent_claimed: int | None
    """Whole, rounded down; null also when the limit is 0."""
    start_date: Instant | None
    expiration_date: Instant | None
    as_of: Instant


class CampaignFinding(Shown, kw_only=True):
    key: Literal[
        "everything_is_free",
        "no_cap",
        "no_limit_per_customer",
        "no_expiration",
        "no_margin_floor",
        "codes_can_be_guessed",
        "no_active_tier",
        "codes_are_not_made_yet",
        "no_codes",
    ]
    message: str
    object_id: str
    """Of the campaign or the tier."""


class CampaignReadiness(Shown, kw_only=True):
    """The most expensive mistakes first."""

    object: Literal["campaign_readiness"]
    campaign_id: str
    ready: bool
    findings: list[CampaignFinding]


class CampaignStopped(Shown, kw_only=True):
    """Why a campaign was stopped: by its own rules (rule, limit, value) or by a key (key_id, reason)."""

    by: Literal["auto_stop", "key"]
    rule: Literal["redemptions_per_minute", "discount_per_hour", "refund_share"] | UnsetType = UNSET
    limit: float | UnsetType = UNSET
    value: float | UnsetType = UNSET
    key_id: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    at: Instant


class StoppedCampaign(Shown, kw_only=True):
    object: Literal["campaign_stop"]
    campaign_id: str
    active: bool
    stopped: CampaignStopped | None
    """Null for one that was disabled before without a reason."""
    holds: Literal["keep", "release"]
    holds_released: int
    holds_complete: bool
    """Whether nothing is left to release."""


class CampaignBudget(Shown, kw_only=True):
    """A limit of the whole campaign. name: the rule's condition; unit: what it counts."""

    name: str
    unit: Literal["redemptions", "amount", "orders_amount", "credits"]
    limit: int
    used: int
    left: int
    percent_used: int
    per_minute: float
    reached_at: Instant | None
    """Null when it will not be, or begins anew before."""
    begins_anew_at: Instant | None


class RunningCampaign(Shown, kw_only=True):
    """currency: null unless the campaign has its own."""

    id: str
    object: Literal["running_campaign"]
    name: str
    campaign_type: CampaignType
    type: CodesType
    active: bool
    stopped: CampaignStopped | None
    currency: str | None
    expiration_date: Instant | None
    redemptions: int
    redemptions_per_minute: float
    discounted: Amount
    discounted_per_minute: float
    budgets: list[CampaignBudget]


class RunningCampaignList(Shown, kw_only=True):
    """counted_since: what speeds are counted from."""

    object: Literal["list"]
    data_ref: Literal["campaigns"]
    campaigns: list[RunningCampaign]
    has_more: bool
    as_of: Instant
    counted_since: Instant
