"""What may be shown to a customer, before it is known whether it applies."""

from datetime import datetime

from msgspec import Struct

from app.redeemables.request import RedeemableRequest

Position = tuple[datetime, str]
"""created_at and id of the last one seen: they come in descending order of both."""


class Option(Struct, frozen=True, kw_only=True):
    """One thing that may be shown. kind: campaign, voucher, promotion_tier or promotion_stack."""

    kind: str
    id: str
    """v_, promo_, stack_ or camp_ id."""
    requested: str
    """What a redemption would name: the code, or the id."""
    created_at: datetime
    voucher_type: str = ""
    gift_amount: int = 0
    """For a campaign of gift cards: what a new card holds, in minor units."""
    tier_ids: tuple[str, ...] = ()
    """Of a stack."""
    campaign_id: str | None = None
    """Of a stack."""
    name: str | None = None
    """Of a stack."""

    @property
    def named(self) -> list[RedeemableRequest]:
        """What a redemption of it would name; nothing for a campaign."""
        if self.kind == "campaign":
            return []
        if self.kind == "promotion_stack":
            return [RedeemableRequest(id=tier_id, object="promotion_tier") for tier_id in self.tier_ids]
        return [RedeemableRequest(id=self.requested, object=self.kind)]

    @property
    def position(self) -> Position:
        return self.created_at, self.id
