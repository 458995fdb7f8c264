"""What answers of vouchers look like."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.api.categories.answers import Category
from app.api.validation_rules.answers import AssignmentList
from app.http.documented import DiscountDocument, TermsDocument
from app.http.shown import Amount, Instant, Metadata, Object, Shown


class CodePicture(Shown, kw_only=True):
    """A picture of a code. url: where it is, without a key."""

    id: str
    url: str


class CodePictures(Shown, kw_only=True):
    qr: CodePicture
    barcode: CodePicture


class GiftCard(Shown, kw_only=True):
    """Of a gift card. balance: what is left."""

    amount: Amount
    subtracted_amount: Amount
    balance: Amount
    effect: Literal["APPLY_TO_ORDER", "APPLY_TO_ITEMS"]


class LoyaltyCard(Shown, kw_only=True):
    points: int
    balance: int
    next_expiration_date: None
    next_expiration_points: None
    pending_points: int
    expired_points: int
    subtracted_points: int


class VoucherPublications(Shown, kw_only=True):
    """How many times it was given to somebody, and where those publications are listed."""

    object: Literal["list"]
    count: int
    url: str


class VoucherRedemptions(Shown, kw_only=True):
    """How often it may be redeemed, null: always, and how often it was."""

    quantity: int | None
    redeemed_quantity: int
    redeemed_amount: Amount | UnsetType = UNSET
    """Of a gift card."""
    redeemed_points: int | UnsetType = UNSET
    """Of a loyalty card."""
    object: Literal["list"]
    url: str


class Voucher(Shown, kw_only=True):
    """A code. What a campaign's code does not have of its own is its campaign's."""

    id: str
    code: str
    campaign: str | None
    campaign_id: str | None
    category: str | None
    category_id: str | None
    categories: list[Category]
    type: Literal["DISCOUNT_VOUCHER", "GIFT_VOUCHER", "LOYALTY_CARD"]
    discount: DiscountDocument | None
    gift: GiftCard | None
    loyalty_card: LoyaltyCard | None
    start_date: Instant | None
    expiration_date: Instant | None
    validity_timeframe: Object | None
    validity_day_of_week: list[int] | None
    validity_hours: Object | None
    active: bool
    additional_info: str | None
    metadata: Metadata
    assets: CodePictures
    is_referral_code: bool
    created_at: Instant
    updated_at: Instant | None
    holder_id: str | None
    referrer_id: None
    publish: VoucherPublications
    redemption: VoucherRedemptions
    validation_rules_assignments: AssignmentList
    extensions: TermsDocument | UnsetType = UNSET
    object: Literal["voucher"]


class VoucherList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["vouchers"]
    vouchers: list[Voucher]
    total: int


class BalanceOwner(Shown, kw_only=True):
    type: Literal["voucher"]
    id: str


class CardBalance(Shown, kw_only=True):
    """amount: by how much it moved, negative where credits left the card. total: what ever came onto it.
    balance: what is left.
    """

    amount: Amount
    total: Amount
    balance: Amount
    type: Literal["gift_voucher"]
    operation_type: Literal["MANUAL"] | UnsetType = UNSET
    """Of a movement by hand."""
    object: Literal["balance"]
    related_object: BalanceOwner


class AdjustedBalance(CardBalance, kw_only=True):
    """A balance after a movement by hand."""

    operation_type: Literal["MANUAL"]


class CardTransactionSource(Shown, kw_only=True):
    id: str


class CardTransactionOrder(Shown, kw_only=True):
    id: str
    source_id: str | None


class CardTransactionDetails(Shown, kw_only=True):
    """redemption: of a redemption and of what took it back. rollback: of the latter. order: of both, where
    there was one.
    """

    balance: CardBalance
    redemption: CardTransactionSource | UnsetType = UNSET
    rollback: CardTransactionSource | UnsetType = UNSET
    order: CardTransactionOrder | UnsetType = UNSET


class CardTransaction(Shown, kw_only=True):
    """A movement of a gift card's credits. source_id, source and reason: of one by hand."""

    id: str
    source_id: str | None
    voucher_id: str
    campaign_id: str | None
    source: Literal["API"] | None
    reason: str | None
    type: Literal["CREDITS_REDEMPTION", "CREDITS_REFUND", "CREDITS_ADDITION", "CREDITS_REMOVAL"]
    details: CardTransactionDetails
    related_transaction_id: None
    created_at: Instant


class CardTransactionList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[CardTransaction]
    has_more: bool
    more_starting_after: str | UnsetType = UNSET
    """Where there is more: the last one's id."""
