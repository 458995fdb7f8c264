"""What answers of validations look like, and how redeemables come out in all answers that decide on them."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from app.api.stacking_rules.answers import EffectiveStackingRules
from app.api.validation_rules.answers import ItemSelection
from app.api.validations.order_answers import ValidationOrder
from app.http.documented import DiscountDocument, Trace
from app.http.shown import Amount, Metadata, Shown

RedeemableObject = Literal["voucher", "promotion_tier", "promotion_stack"]
"""A stack stands for its tiers; as such only where it is unknown."""
Ids = list[str]


class UnitsOfItem(Struct, kw_only=True):
    """index: of the order's item; units: numbers of those that the discount touches."""

    index: int
    units: list[int] | UnsetType = UNSET
    units_limit_exceeded: Literal[True] | UnsetType = UNSET
    """More units than are listed."""


class ApplicableItem(ItemSelection, kw_only=True):
    """A selection of the rules, or an item of the order that it lets in or keeps out."""

    object: Literal["product", "sku", "products_collection"]
    id: str | None
    strict: bool
    order_item_indices: list[int] | UnsetType = UNSET
    """Of an item of the order."""
    order_item_units: list[UnitsOfItem] | UnsetType = UNSET


class ApplicableItemList(Shown, kw_only=True):
    data: list[ApplicableItem]
    total: int
    data_ref: Literal["data"]
    object: Literal["list"]


class RedeemableCategory(Shown, kw_only=True):
    id: str
    name: str
    hierarchy: int
    object: Literal["category"]
    stacking_rules_type: Literal["EXCLUSIVE", "JOINT"] | UnsetType = UNSET


class AppliedGift(Shown, kw_only=True):
    """credits: what pays for the order; null where the redeemable is not taken, being shown only."""

    credits: Amount | None
    balance: Amount | UnsetType = UNSET
    """What the card holds before that."""
    locked_credits: Amount | UnsetType = UNSET
    """Of what other sessions hold; in a qualification with a session."""


class AppliedPoints(Shown, kw_only=True):
    points: int


class BundleItem(Shown, kw_only=True):
    """item_index: of the order's item; absent where it is missing."""

    id: str | None
    object: Literal["product", "sku", "products_collection"]
    item_index: int | UnsetType = UNSET
    item_quantity: int


class FoundBundles(Shown, kw_only=True):
    """How often the order holds the bundle, and how often it counts at most."""

    quantity: int
    limit: int
    identified: list[BundleItem]
    missing: list[BundleItem]


class RuleMessage(Shown, kw_only=True):
    """Of the validation rule that is violated."""

    message: str


class RedeemableError(Shown, kw_only=True):
    """code: the HTTP status that a redemption would be refused with."""

    code: int
    key: str
    message: str
    details: str | UnsetType = UNSET
    request_id: str
    resource_id: str | UnsetType = UNSET
    resource_type: str | UnsetType | None = UNSET
    error: RuleMessage | UnsetType = UNSET


class RefusalDetails(Shown, kw_only=True):
    key: str
    message: str


class ApplicableResult(Shown, kw_only=True):
    """What the redeemable gives."""

    discount: DiscountDocument | UnsetType = UNSET
    gift: AppliedGift | UnsetType = UNSET
    loyalty_card: AppliedPoints | UnsetType = UNSET
    bundle: FoundBundles | UnsetType = UNSET


class InapplicableResult(Shown, kw_only=True):
    error: RedeemableError
    details: RefusalDetails
    bundle: FoundBundles | UnsetType = UNSET


class SkippedResult(Shown, kw_only=True):
    details: RefusalDetails


class DecidedRedeemable(Shown, kw_only=True):
    """id: as in the request. metadata and categories are filled where `expand` asks for them."""

    id: str
    object: RedeemableObject
    metadata: Metadata
    categories: list[RedeemableCategory]
    campaign_name: str | UnsetType | None = UNSET
    campaign_id: str | UnsetType = UNSET
    name: str | UnsetType | None = UNSET
    """Of a promotion tier."""


class ApplicableRedeemable(DecidedRedeemable, kw_only=True, tag_field="status", tag="APPLICABLE"):
    """order: after this redeemable and those before it; absent without an order."""

    order: ValidationOrder | UnsetType = UNSET
    applicable_to: ApplicableItemList
    inapplicable_to: ApplicableItemList
    result: ApplicableResult
    automatic: Literal[True] | UnsetType = UNSET
    """It was not asked for, see `auto`."""


class InapplicableRedeemable(DecidedRedeemable, kw_only=True, tag_field="status", tag="INAPPLICABLE"):
    result: InapplicableResult


class SkippedRedeemable(DecidedRedeemable, kw_only=True, tag_field="status", tag="SKIPPED"):
    """By the project's stacking rules."""

    result: SkippedResult


class ValidationSession(Shown, kw_only=True):
    """The lock under which what applies is kept."""

    key: str
    type: Literal["LOCK"]
    ttl: float
    ttl_unit: Literal["DAYS", "HOURS", "MINUTES", "SECONDS", "MILLISECONDS", "MICROSECONDS", "NANOSECONDS"]


class ValidationAnswer(Shown, kw_only=True):
    """Lists of what does not apply are there unless empty; with the mode ALL it is all in `redeemables`."""

    id: str
    valid: bool
    redeemables: list[ApplicableRedeemable | InapplicableRedeemable | SkippedRedeemable]
    skipped_redeemables: list[SkippedRedeemable] | UnsetType = UNSET
    inapplicable_redeemables: list[InapplicableRedeemable] | UnsetType = UNSET
    order: ValidationOrder | UnsetType = UNSET
    """After everything that applies."""
    tracking_id: str | UnsetType = UNSET
    session: ValidationSession | UnsetType = UNSET
    stacking_rules: EffectiveStackingRules
    trace: Trace | UnsetType = UNSET
    """With `explain=true` only."""


class SingleValidation(Shown, kw_only=True):
    """reason, error: where it is not valid. order and what follows: where it is."""

    valid: bool
    tracking_id: str | UnsetType = UNSET
    session: ValidationSession | UnsetType = UNSET
    campaign: str | UnsetType = UNSET
    """The campaign's name."""
    campaign_id: str | UnsetType = UNSET
    metadata: Metadata
    reason: str | UnsetType = UNSET
    error: RuleMessage | UnsetType = UNSET
    discount: DiscountDocument | UnsetType = UNSET
    gift: AppliedGift | UnsetType = UNSET
    loyalty: AppliedPoints | UnsetType = UNSET
    order: ValidationOrder | UnsetType = UNSET
    applicable_to: ApplicableItemList | UnsetType = UNSET
    inapplicable_to: ApplicableItemList | UnsetType = UNSET


class VoucherValidation(SingleValidation, kw_only=True):
    code: str


class PromotionTierValidation(SingleValidation, kw_only=True):
    id: str
    name: str | UnsetType = UNSET
