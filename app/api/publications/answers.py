"""What answers of publications look like."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from app.api.customers.answers import Customer
from app.api.vouchers.answers import GiftCard, Voucher
from app.http.documented import DiscountDocument
from app.http.shown import Instant, Metadata, Shown


class PublicationWarning(Shown, kw_only=True):
    """An earlier publication of the last days to the same customer."""

    key: Literal["recently_published"]
    publication_id: str
    voucher: str
    """The first code of it."""
    created_at: Instant
    reason: str | None
    agent: str | None


class PublicationNotes(Shown, kw_only=True):
    """Those that there are."""

    reason: str | UnsetType = UNSET
    agent: str | UnsetType = UNSET
    holder_only: bool | UnsetType = UNSET
    warnings: list[PublicationWarning] | UnsetType = UNSET
    revoked_at: Instant | UnsetType = UNSET


class Publication(Shown, kw_only=True):
    """An act of handing out. tracking_id: the customer's source_id. extensions: where there are any."""

    id: str
    object: Literal["publication"]
    created_at: Instant
    customer_id: str
    tracking_id: str | None
    metadata: Metadata
    channel: str
    source_id: str | None
    result: Literal["SUCCESS"]
    customer: Customer
    vouchers_id: list[str]
    voucher: Voucher | UnsetType = UNSET
    """Of a publication of one code."""
    vouchers: list[str] | UnsetType = UNSET
    """Of a publication of several: the codes."""
    extensions: PublicationNotes | UnsetType = UNSET


class PublishedVoucher(Shown, kw_only=True):
    id: str
    code: str
    object: Literal["voucher"]
    type: Literal["DISCOUNT_VOUCHER", "GIFT_VOUCHER", "LOYALTY_CARD"]
    campaign: str | None
    campaign_id: str | None
    is_referral_code: bool


class ListedPublication(Shown, kw_only=True):
    """As a publication, its code in short. customer: null among the data of that customer."""

    id: str
    object: Literal["publication"]
    created_at: Instant
    customer_id: str
    tracking_id: str | None
    metadata: Metadata
    channel: str
    source_id: str | None
    result: Literal["SUCCESS"]
    customer: Customer | None
    vouchers_id: list[str]
    voucher: PublishedVoucher | UnsetType = UNSET
    """Of a publication of one code."""
    vouchers: list[str] | UnsetType = UNSET
    """Of a publication of several: the codes."""
    extensions: PublicationNotes | UnsetType = UNSET


class PublicationList(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["publications"]
    publications: list[ListedPublication]
    total: int


class ClientPublicationCustomer(Shown, kw_only=True):
    """The id, and what was sent."""

    id: str
    object: Literal["customer"]
    source_id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    email: str | UnsetType = UNSET


class ClientPublicationVoucher(Shown, kw_only=True):
    id: str
    code: str
    type: Literal["DISCOUNT_VOUCHER", "GIFT_VOUCHER", "LOYALTY_CARD"]
    discount: DiscountDocument | None
    gift: GiftCard | None
    start_date: Instant | None
    expiration_date: Instant | None
    object: Literal["voucher"]


class ClientPublication(Shown, kw_only=True):
    """metadata and source_id are not told: always empty."""

    id: str
    object: Literal["publication"]
    created_at: Instant
    customer_id: str
    tracking_id: str | None
    channel: str
    result: Literal["SUCCESS"]
    customer: ClientPublicationCustomer
    metadata: Metadata
    source_id: None
    vouchers_id: list[str]
    voucher: ClientPublicationVoucher | UnsetType = UNSET
    """Of a publication of one code."""
    vouchers: list[str] | UnsetType = UNSET
    """Of a publication of several: the codes."""


_EITHER = [{"$ref": f"#/components/schemas/{shape.__name__}"} for shape in (Voucher, Publication)]
# Two Structs that are no tagged union: msgspec takes them by reference only.
VoucherOrPublication = Annotated[dict[str, Any], Meta(extra_json_schema={"anyOf": _EITHER})]
"""The voucher, or the whole publication where it has several codes."""
