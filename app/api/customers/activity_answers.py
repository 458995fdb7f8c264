"""What answers of customers' activities look like."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.api.customers.answers import CustomerSegment
from app.http.shown import Instant, Metadata, Object, Shown


class ActivityCustomer(Shown, kw_only=True):
    id: str
    name: str | None
    email: str | None
    source_id: str | None
    metadata: Metadata
    object: Literal["customer"]


class ActivityPublication(Shown, kw_only=True):
    """created_at: with microseconds and an offset."""

    id: str
    object: Literal["publication"]
    created_at: Instant
    customer_id: str
    channel: str
    source_id: str | None
    result: Literal["SUCCESS"]
    metadata: Metadata
    vouchers_id: list[str]


class ActivityCampaign(Shown, kw_only=True):
    id: str
    name: str | None
    object: Literal["campaign"]


class ActivityEvent(Shown, kw_only=True):
    """A custom event; type: its name. created_at: with microseconds and an offset."""

    id: str
    object: Literal["event"]
    type: str
    metadata: Metadata
    referral: Object | None
    loyalty: Object | None
    created_at: Instant


class ActivityEventSchema(Shown, kw_only=True):
    """Without an id when nobody had made a schema of that name."""

    id: str | None
    name: str


class ActivityDetails(Shown, kw_only=True):
    """The customer, and what the type of the activity is about."""

    customer: ActivityCustomer
    redemption: Object | UnsetType = UNSET
    """Of customer.redemption.…: the redemption or the rollback as it was answered."""
    order: Object | UnsetType | None = UNSET
    """Of customer.redemption.… and customer.order.…"""
    voucher: Object | UnsetType = UNSET
    """Of customer.redemption.…, where a code was redeemed."""
    promotion_tier: Object | UnsetType = UNSET
    """Of customer.redemption.…, where a promotion was redeemed."""
    publication: ActivityPublication | UnsetType = UNSET
    """Of customer.publication.succeeded."""
    campaign: ActivityCampaign | UnsetType | None = UNSET
    """Of customer.publication.succeeded; null for a code without a campaign."""
    event: ActivityEvent | UnsetType = UNSET
    """Of customer.custom_event."""
    event_schema: ActivityEventSchema | UnsetType = UNSET
    """Of customer.custom_event."""
    referral: UnsetType | None = UNSET
    """Of customer.custom_event; always null."""
    loyalty: UnsetType | None = UNSET
    """Of customer.custom_event; always null."""
    segment: CustomerSegment | UnsetType = UNSET
    """Of customer.segment.…"""


class ActivityKey(Shown, kw_only=True):
    """The id of the key, twice."""

    name: str
    app_id: str


class ActivitySource(Shown, kw_only=True):
    """api_key: where a key did it."""

    channel: str
    api_key: ActivityKey | UnsetType = UNSET


class ActivityData(Shown, kw_only=True):
    data: ActivityDetails
    event_source: ActivitySource


class CustomerActivity(Shown, kw_only=True):
    """group_id: of the request; activities of one request have the same."""

    id: str
    type: Literal[
        "customer.created",
        "customer.updated",
        "customer.custom_event",
        "customer.order.created",
        "customer.order.updated",
        "customer.order.paid",
        "customer.order.canceled",
        "customer.order.processing",
        "customer.order.fulfilled",
        "customer.publication.succeeded",
        "customer.redemption.succeeded",
        "customer.redemption.failed",
        "customer.redemption.rollback.succeeded",
        "customer.redemption.rollback.failed",
        "customer.segment.entered",
        "customer.segment.left",
    ]
    data: ActivityData
    created_at: Instant
    group_id: str


class CustomerActivityPage(Shown, kw_only=True):
    object: Literal["list"]
    data_ref: Literal["data"]
    data: list[CustomerActivity]
    has_more: bool
    more_starting_after: str | UnsetType = UNSET
    """If there is more."""


class CustomerActivityList(CustomerActivityPage, kw_only=True):
    """The older one, with a total."""

    total: int
