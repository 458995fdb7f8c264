"""Bodies of publication requests."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from app.api.customers.schemas import CustomerCreate

CODES_MAX = 50
"""Of one publication (behaviour 2.11)."""
TEXT_MAX = 1_000


class PublicationCampaign(Struct, kw_only=True):
    """`name` may hold the id; official clients send either."""

    name: str | None = None
    id: str | None = None
    count: Annotated[int, Meta(ge=1)] | None = None


class PublicationExtensions(Struct, kw_only=True):
    """For codes minted for one person."""

    holder_only: bool | None = None
    """Only the customer may redeem it."""
    reason: Annotated[str, Meta(max_length=TEXT_MAX)] | None = None
    agent: Annotated[str, Meta(max_length=TEXT_MAX)] | None = None
    confirmed: bool | None = None
    """A second code for the same customer is meant."""


class PublicationCreate(Struct, kw_only=True):
    """The customer by id, by source_id or by e-mail alone."""

    customer: CustomerCreate
    campaign: PublicationCampaign | str | None = None
    voucher: str | None = None
    source_id: Annotated[str, Meta(min_length=1, max_length=512)] | None = None
    channel: Annotated[str, Meta(max_length=200)] | None = None
    metadata: dict[str, Any] | None = None
    extensions: PublicationExtensions | None = None

    @property
    def campaign_name(self) -> str | None:
        if isinstance(self.campaign, str):
            return self.campaign or None
        return (self.campaign.name or self.campaign.id) if self.campaign is not None else None

    @property
    def count(self) -> int:
        return (self.campaign.count or 1) if isinstance(self.campaign, PublicationCampaign) else 1
