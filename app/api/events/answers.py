"""What answers of custom events look like."""

from typing import Literal

from app.api.redemptions.answers import SimpleCustomer
from app.http.shown import Metadata, Shown


class CustomEvent(Shown, kw_only=True):
    """referral, loyalty: always null; what was sent of them is kept."""

    object: Literal["event"]
    type: str
    customer: SimpleCustomer
    referral: None
    loyalty: None
    metadata: Metadata
