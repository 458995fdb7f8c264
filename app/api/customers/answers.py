"""What answers of customers look like."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.api.vouchers.answers import Voucher
from app.http.shown import Amount, Instant, Metadata, Object, Shown

CampaignType = Literal[
    "DISCOUNT_COUPONS", "GIFT_VOUCHERS", "LOYALTY_PROGRAM", "PROMOTION", "REFERRAL_PROGRAM"
]


class CustomerAddress(Shown, kw_only=True):
    """The parts that were sent."""

    city: str | UnsetType | None = UNSET
    state: str | UnsetType | None = UNSET
    line_1: str | UnsetType | None = UNSET
    line_2: str | UnsetType | None = UNSET
    country: str | UnsetType | None = UNSET
    postal_code: str | UnsetType | None = UNSET


class CustomerGiftSummary(Shown, kw_only=True):
    redeemed_amount: Amount
    amount_to_go: Amount


class CustomerLoyaltySummary(Shown, kw_only=True):
    redeemed_points: int
    points_to_go: int


class CustomerRedemptionSummary(Shown, kw_only=True):
    """How many. Failures are not counted: those are 0."""

    total_redeemed: int
    total_failed: int
    total_succeeded: int
    total_rolled_back: int
    total_rollback_failed: int
    total_rollback_succeeded: int
    gift: CustomerGiftSummary
    loyalty_card: CustomerLoyaltySummary


class CustomerOrderSummary(Shown, kw_only=True):
    total_amount: Amount
    total_count: int
    average_amount: Amount
    last_order_amount: Amount
    last_order_date: Instant | UnsetType = UNSET
    """Of a customer who has ordered."""


class CustomerSummary(Shown, kw_only=True):
    redemptions: CustomerRedemptionSummary
    orders: CustomerOrderSummary


class CustomerLoyalty(Shown, kw_only=True):
    """Loyalty programs are not kept: always nothing."""

    points: int
    referred_customers: int
    campaigns: Object


class CustomerReferrals(Shown, kw_only=True):
    """Referrals are not kept: always nothing."""

    total: int
    campaigns: list[Object]


class GivenConsent(Shown, kw_only=True):
    """given: false where it was taken back. updated_at: of that change."""

    given: bool
    updated_at: Instant


class CustomerSystemMetadata(Shown, kw_only=True):
    """What no payload can write. consents: by id."""

    consents: dict[str, GivenConsent] | UnsetType = UNSET


class CustomerOrders(Shown, kw_only=True):
    """Worked out from the orders that count; null where there are too few for it."""

    count: int
    lifetime_value: Amount
    average_amount: Amount
    next_number: int
    first_order_date: Instant | None
    last_order_date: Instant | None
    last_order_amount: Amount | None
    days_since_last: int | None
    interval_days: int | None
    """Between two orders, on average."""
    top_products: list[str]
    top_collections: list[str]


class CustomerExtensions(Shown, kw_only=True):
    orders: CustomerOrders | UnsetType = UNSET
    """Where one customer is asked for."""
    consents: dict[str, GivenConsent] | UnsetType = UNSET
    """By id, those that were given or taken back."""


class Customer(Shown, kw_only=True):
    """birthdate: YYYY-MM-DD. extensions: where there are any."""

    id: str
    source_id: str | None
    name: str | None
    description: str | None
    email: str | None
    phone: str | None
    birthdate: str | None
    address: CustomerAddress | None
    summary: CustomerSummary
    loyalty: CustomerLoyalty
    referrals: CustomerReferrals
    metadata: Metadata
    system_metadata: CustomerSystemMetadata
    created_at: Instant
    updated_at: Instant | None
    extensions: CustomerExtensions | UnsetType = UNSET
    object: Literal["customer"]


class CustomerList(Shown, kw_only=True):
    """total: of a segment that is a filter the members that were found so far."""

    object: Literal["list"]
    data_ref: Literal["customers"]
    customers: list[Customer]
    total: int
    has_more: bool
    more_starting_after: str | UnsetType | None = UNSET
    """Where the next page begins, if there is one; null where the last customer lacks what is ordered by."""


class CustomerSegment(Shown, kw_only=True):
    """A segment that the customer is in, was in or entered."""

    id: str
    name: str
    object: Literal["segment"]


class CustomerSegmentList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[CustomerSegment]
    total: int


class HeldVoucher(Shown, kw_only=True):
    """status: whether it can still be used."""

    type: Literal["voucher"]
    voucher: Voucher
    status: Literal["ACTIVE", "DISABLED", "EXPIRED", "NOT_ACTIVE_YET", "USED", "NO_BALANCE"]


class CustomerRedeemable(Shown, kw_only=True):
    """What a customer holds. created_at: when it was given."""

    id: str
    created_at: Instant
    redeemable_id: str
    redeemable_object: Literal["voucher"]
    customer_id: str
    holder_role: Literal["OWNER", "REFERRER"]
    campaign_id: str | None
    campaign_type: CampaignType | None
    voucher_type: Literal["DISCOUNT_VOUCHER", "GIFT_VOUCHER", "LOYALTY_CARD"]
    redeemable: HeldVoucher


class CustomerRedeemableList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[CustomerRedeemable]
    total: int
    has_more: bool
    more_starting_after: str | UnsetType = UNSET
    """If there is more."""


class ErasedCounts(Shown, kw_only=True):
    """How many were erased of what."""

    events: int
    customer_events: int
    segments: int
    orders: int
    customer: int
    daily_events: int
    order_events: int


class PermanentDeletion(Shown, kw_only=True):
    id: str
    created_at: Instant
    related_object_id: str
    related_object: Literal["customer"]
    status: Literal["DONE"]
    data_json: ErasedCounts
    object: Literal["pernament_deletion"]
