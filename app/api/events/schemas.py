"""Bodies of the event operations."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from app.redeemables.customers import CustomerPayload
from rules.happenings import EVENT_NAME_MAX

Code = Annotated[str, Meta(min_length=1, max_length=512)]


class ReferralReference(Struct, kw_only=True):
    """The code through which somebody was referred."""

    code: Code
    referrer_id: Annotated[str, Meta(max_length=512)] | None = None


class LoyaltyReference(Struct, kw_only=True):
    """The card that the event belongs to."""

    code: Code


class EventCreate(Struct, kw_only=True):
    """POST /v1/events."""

    event: Annotated[str, Meta(min_length=1, max_length=EVENT_NAME_MAX)]
    customer: CustomerPayload
    referral: ReferralReference | None = None
    loyalty: LoyaltyReference | None = None
    metadata: dict[str, Any] | None = None
