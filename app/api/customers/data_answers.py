"""What the answer with all that is kept of one person looks like."""

from typing import Literal

from app.api.customers.answers import Customer, CustomerSegment
from app.api.publications.answers import ListedPublication
from app.api.vouchers.answers import Voucher
from app.http.shown import Instant, Metadata, Object, Shown


class PersonalEvent(Shown, kw_only=True):
    """A custom event; type: its name."""

    id: str
    object: Literal["event"]
    type: str
    created_at: Instant
    metadata: Metadata
    referral: Object | None
    loyalty: Object | None
    channel: str


class SegmentMove(Shown, kw_only=True):
    type: Literal["customer.segment.entered", "customer.segment.left"]
    created_at: Instant
    segment: CustomerSegment


class PersonalData(Shown, kw_only=True):
    """complete: whether every list has all; else the newest are there."""

    object: Literal["personal_data"]
    created_at: Instant
    complete: bool
    customer: Customer
    segments: list[CustomerSegment]
    orders: list[Object]
    redemptions: list[Object]
    publications: list[ListedPublication]
    events: list[PersonalEvent]
    segment_moves: list[SegmentMove]
    vouchers: list[Voucher]
    transactions: list[Object]
